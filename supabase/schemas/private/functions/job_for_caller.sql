CREATE OR REPLACE FUNCTION private.job_for_caller (
  p_job_id text,
  p_caller text
)
  RETURNS public.report_jobs
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select * from public.report_jobs
  where job_id = p_job_id and (p_caller = 'pipeline' or user_id::text = p_caller or caller = p_caller)
$function$;

COMMENT ON FUNCTION "private"."job_for_caller"(text, text) IS 'The job, if the caller may see it: the pipeline all, a user their own.';

REVOKE ALL ON FUNCTION "private"."job_for_caller"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."job_for_caller"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."job_for_caller"(text, text) TO "postgres";
