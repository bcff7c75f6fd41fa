CREATE OR REPLACE FUNCTION public.cleanup_expired_report_jobs()
  RETURNS void
  LANGUAGE sql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  delete from public.report_jobs job
  where job.expires_at < now() and job.status in ('succeeded', 'failed', 'cancelled')
    -- Of a job that ended without an event nothing else would tell how its report stands.
    and (job.event_id is not null or job.status = 'cancelled' or job.report_id is null)
    and not exists (
      select from public.report_events event
      left join public.webhook_deliveries delivery on delivery.event_id = event.id
      where event.id = job.event_id
        and (event.effect is null or delivery.status <> 'success' and delivery.dead_at is null))
$function$;

GRANT EXECUTE ON FUNCTION "public"."cleanup_expired_report_jobs"() TO "service_role";

COMMENT ON FUNCTION "public"."cleanup_expired_report_jobs"() IS 'Deletes finished jobs past expires_at whose result has arrived; the event keeps the result.';

REVOKE ALL ON FUNCTION "public"."cleanup_expired_report_jobs"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."cleanup_expired_report_jobs"() TO "postgres";

REVOKE ALL ON FUNCTION "public"."cleanup_expired_report_jobs"() FROM PUBLIC, "anon", "authenticated";
