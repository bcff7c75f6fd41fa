CREATE OR REPLACE FUNCTION public.get_failed_webhooks (
  max_attempts        integer DEFAULT 3,
  retry_after_minutes integer DEFAULT 5
)
  RETURNS TABLE (
    table_name       text,
    record_id        uuid,
    job_id           text,
    webhook_attempts integer,
    last_attempt     timestamp with time zone
  )
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select private.report_table(due.report_type), due.report_id, due.job_id, due.attempts, due.last_attempt
  from private.due_deliveries due
  where due.attempts < max_attempts
    and (due.last_attempt is null or due.last_attempt <= now() - make_interval(mins => retry_after_minutes))
  order by due.next_attempt, due.id
$function$;

GRANT EXECUTE ON FUNCTION "public"."get_failed_webhooks"(integer, integer) TO "service_role";

COMMENT ON FUNCTION "public"."get_failed_webhooks"(integer, integer) IS 'Reports whose webhook failed fewer than max_attempts times, the last retry_after_minutes ago or longer.';

REVOKE ALL ON FUNCTION "public"."get_failed_webhooks"(integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."get_failed_webhooks"(integer, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."get_failed_webhooks"(integer, integer) FROM PUBLIC, "anon", "authenticated";
