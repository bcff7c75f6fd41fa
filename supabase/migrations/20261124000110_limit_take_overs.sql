-- Why: a job whose runner dies each time would be taken over for ever, and one that waits for a result from elsewhere could
-- wait for ever. Every job ends: after so many take-overs, or past its expires_at, it fails, and that is an event like any.

create view private.due_jobs as
  select * from public.report_jobs
  where status in ('queued', 'running') and report_id is not null
    and case when generate then lease_expires_at < now() else expires_at < now() end;
comment on view private.due_jobs is 'Jobs whose runner is silent, and jobs whose result did not come from elsewhere in time.';

create or replace function public.due_report_jobs(p_limit int) returns setof text
language sql stable security definer set search_path = '' as $$
  select job_id from private.due_jobs order by coalesce(lease_expires_at, expires_at) limit p_limit
$$;
comment on function public.due_report_jobs(int) is 'Jobs that are to be taken over or given up, longest ago first.';

drop function public.take_over_report_job(text, int);
-- Returns `{outcome, run}`; outcome `taken_over` (run: what its runner needs), `given_up` (failed, with its event), or `not_due`.
create function public.take_over_report_job(p_job_id text, p_lease_seconds int, p_max_take_overs int) returns jsonb
language plpgsql security definer set search_path = '' as $$
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
end $$;
comment on function public.take_over_report_job(text, int, int) is
  'Takes a job whose lease has run out, or ends it with a failure after p_max_take_overs or past its expires_at.';

select private.apply_grants();
