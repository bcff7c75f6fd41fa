CREATE OR REPLACE FUNCTION public.prune_expired (
  p_audit_days   integer,
  p_payload_days integer,
  p_job_days     integer,
  p_limit        integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_audit int;
  v_refusals int;
  v_payloads int;
  v_jobs int;
begin
  perform set_config('polaris.retention', 'on', true);
  delete from public.webhook_audit where id in (
    select id from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      -- The history of what is not settled yet tells a person why.
      and not exists (
        select from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status <> 'success')
    order by created_at
    limit p_limit
    for update skip locked);
  get diagnostics v_audit = row_count;

  delete from public.webhook_refusals where minute in (
    select minute from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute limit p_limit);
  get diagnostics v_refusals = row_count;

  update public.report_events
  set research_report = null, research_metadata = null, final_data = null, pruned_at = now()
  where id in (
    select event.id from public.report_events event
    where event.effect = 'superseded' and event.pruned_at is null
      and event.created_at < now() - make_interval(days => p_payload_days)
      -- A delivery that has not arrived, dead letters among them, is sent from here.
      and not exists (
        select from public.webhook_deliveries delivery
        where delivery.event_id = event.id and delivery.status <> 'success')
    order by event.created_at
    limit p_limit
    for update skip locked);
  get diagnostics v_payloads = row_count;

  delete from public.report_jobs where id in (
    select job.id from public.report_jobs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      -- Of a job that ended without an event nothing else would tell how its report stands.
      and (job.event_id is not null or job.status = 'cancelled' or job.report_id is null)
      and not exists (
        select from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id and (event.effect is null or delivery.status <> 'success'))
    order by job.completed_at
    limit p_limit
    for update skip locked);
  get diagnostics v_jobs = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object('audit', v_audit, 'refusals', v_refusals, 'payloads', v_payloads, 'jobs', v_jobs);
end $function$;

GRANT EXECUTE ON FUNCTION "public"."prune_expired"(integer, integer, integer, integer) TO "service_role";

COMMENT ON FUNCTION "public"."prune_expired"(integer, integer, integer, integer) IS 'Removes what is older than so many days, a small batch at a time, and nothing that is still needed.';

REVOKE ALL ON FUNCTION "public"."prune_expired"(integer, integer, integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."prune_expired"(integer, integer, integer, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."prune_expired"(integer, integer, integer, integer) FROM PUBLIC, "anon", "authenticated";
