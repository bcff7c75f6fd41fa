CREATE OR REPLACE FUNCTION public.due_report_jobs (
  p_limit integer
)
  RETURNS SETOF text
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select job_id from private.due_jobs order by coalesce(lease_expires_at, expires_at) limit p_limit
$function$;

GRANT EXECUTE ON FUNCTION "public"."due_report_jobs"(integer) TO "service_role";

COMMENT ON FUNCTION "public"."due_report_jobs"(integer) IS 'Jobs that are to be taken over or given up, longest ago first.';

REVOKE ALL ON FUNCTION "public"."due_report_jobs"(integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."due_report_jobs"(integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."due_report_jobs"(integer) FROM PUBLIC, "anon", "authenticated";
