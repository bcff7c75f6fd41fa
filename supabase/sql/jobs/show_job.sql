create or replace function private.show_job(p_job_id text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- A row held by another transaction is skipped, since waiting would reverse the lock order: guard_job(), which runs in that
  -- transaction's statement, reads the job's state again.
  update public.report_jobs shown
  set status = job.status, percent = job.percent, eta_seconds = job.eta_seconds, error = job.error,
    started_at = job.started_at, completed_at = job.completed_at, updated_at = job.updated_at
  from private.job_runs job
  where job.job_id = p_job_id and shown.job_id in (
    select job_id from public.report_jobs where job_id = p_job_id for update skip locked);
end
$$;

comment on function private.show_job(text) is
  'Shows a job''s state in report_jobs, which the platform''s clients read. It decides nothing there.';
revoke all on function private.show_job(text) from public, anon, authenticated, service_role;
