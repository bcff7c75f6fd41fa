create or replace function private.cancel_job(p_job_id text)
returns private.job_runs
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  perform private.lock_report(v_job.report_type, v_job.report_id) where v_job.report_type is not null;
  update private.job_runs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, eta_seconds = null,
    completed_at = now(), updated_at = now()
  where job_id = p_job_id and status in ('queued', 'running');
  if found and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  select * into v_job from private.job_runs where job_id = p_job_id;
  return v_job;
end
$$;

comment on function private.cancel_job(text) is
  'Cancels a job that is not finished. Returns the job as it then stands.';
revoke all on function private.cancel_job(text) from public, anon, authenticated, service_role;
