CREATE OR REPLACE FUNCTION public.take_over_report_job (
  p_job_id        text,
  p_lease_seconds integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_job public.report_jobs;
begin
  update public.report_jobs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where id = (
    select id from public.report_jobs
    where job_id = p_job_id and status in ('queued', 'running') and generate and lease_expires_at < now()
    for update skip locked)
  returning * into v_job;
  return case when v_job.id is not null then private.job_run(v_job) end;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."take_over_report_job"(text, integer) TO "service_role";

COMMENT ON FUNCTION "public"."take_over_report_job"(text, integer) IS 'Takes a job whose lease has run out. Returns what its runner needs, or null: it is not to be had.';

REVOKE ALL ON FUNCTION "public"."take_over_report_job"(text, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."take_over_report_job"(text, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."take_over_report_job"(text, integer) FROM PUBLIC, "anon", "authenticated";
