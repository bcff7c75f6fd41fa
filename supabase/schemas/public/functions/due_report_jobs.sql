CREATE OR REPLACE FUNCTION public.due_report_jobs (
  p_limit integer
)
  RETURNS SETOF text
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select job_id from public.report_jobs
  where status in ('queued', 'running') and generate and lease_expires_at < now() and report_id is not null
  order by lease_expires_at
  limit p_limit
$function$;

GRANT EXECUTE ON FUNCTION "public"."due_report_jobs"(integer) TO "service_role";

COMMENT ON FUNCTION "public"."due_report_jobs"(integer) IS 'Jobs whose lease has run out, longest ago first.';

REVOKE ALL ON FUNCTION "public"."due_report_jobs"(integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."due_report_jobs"(integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."due_report_jobs"(integer) FROM PUBLIC, "anon", "authenticated";
