CREATE OR REPLACE FUNCTION public.get_report_job (
  p_job_id text,
  p_caller text
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select private.job_view(job) from private.job_for_caller(p_job_id, p_caller) job where job.id is not null
$function$;

GRANT EXECUTE ON FUNCTION "public"."get_report_job"(text, text) TO "service_role";

COMMENT ON FUNCTION "public"."get_report_job"(text, text) IS 'A job as GET answers it; null if the caller may not see it.';

REVOKE ALL ON FUNCTION "public"."get_report_job"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."get_report_job"(text, text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."get_report_job"(text, text) FROM PUBLIC, "anon", "authenticated";
