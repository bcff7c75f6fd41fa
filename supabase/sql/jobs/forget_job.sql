create or replace function private.forget_job(p_job_id text)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id for no key update nowait;
  if v_job.erased_at is not null then
    return true;
  end if;
  update private.job_runs
  set erased_at = now(), caller_key = null, request_digest = null, prompt = null, model = null, metadata = '{}', error = null,
    result = null, result_metadata = null,
    -- The runner then finds that it has lost the job.
    status = case when status in ('queued', 'running') then 'cancelled' else status end,
    completed_at = coalesce(completed_at, now()), eta_seconds = null, lease_token = lease_token + 1, lease_expires_at = null,
    updated_at = now()
  where job_id = p_job_id;
  perform from public.report_jobs where job_id = p_job_id for update nowait;
  if v_job.caller = 'platform' then
    -- The platform deletes the row; only the columns that we write are emptied.
    perform private.show_job(p_job_id);
  else
    delete from public.report_jobs where job_id = p_job_id;
  end if;
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.forget_job(text) is
  'Erases what a job was asked with and what it brought, cancels it where it is unfinished, and removes our row of report_jobs. The job itself stays until its retention ends. False: another transaction holds it.';
revoke all on function private.forget_job(text) from public, anon, authenticated, service_role;
