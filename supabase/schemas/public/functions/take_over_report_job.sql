CREATE OR REPLACE FUNCTION public.take_over_report_job (
  p_job_id         text,
  p_lease_seconds  integer,
  p_max_take_overs integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_job public.report_jobs;
  v_error text;
begin
  select job.* into v_job from public.report_jobs job
  where job.id = (select due.id from private.due_jobs due where due.job_id = p_job_id);
  if v_job.id is null then
    return '{"outcome": "not_due"}';
  end if;
  v_error := case
    when not v_job.generate then 'No result was submitted before the job expired.'
    when v_job.take_overs >= p_max_take_overs then
      format('The report could not be finished: its generation was interrupted %s times.', v_job.take_overs + 1)
  end;
  if v_error is not null then
    -- Under the token that was seen, so that who took it meanwhile keeps it. Nobody here sends: its delivery is due at once.
    return case public.complete_report_job(
        p_job_id, v_job.lease_token, jsonb_build_object('status', 'failed', 'error', v_error), 0) ->> 'outcome'
      when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
  end if;
  update public.report_jobs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where id = (
    select id from public.report_jobs
    where job_id = p_job_id and status in ('queued', 'running') and generate and lease_expires_at < now()
    for update skip locked)
  returning * into v_job;
  return case when found
    then jsonb_build_object('outcome', 'taken_over', 'run', private.job_run(v_job))
    else '{"outcome": "not_due"}' end;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."take_over_report_job"(text, integer, integer) TO "service_role";

COMMENT ON FUNCTION "public"."take_over_report_job"(text, integer, integer) IS 'Takes a job whose lease has run out, or ends it with a failure after p_max_take_overs or past its expires_at.';

REVOKE ALL ON FUNCTION "public"."take_over_report_job"(text, integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."take_over_report_job"(text, integer, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."take_over_report_job"(text, integer, integer) FROM PUBLIC, "anon", "authenticated";
