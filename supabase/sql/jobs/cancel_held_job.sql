create or replace function private.cancel_held_job(p_job_id text)
returns private.job_runs
-- Half of PostgreSQL's deadlock_timeout: the transaction that holds the report may be waiting for the row of report_jobs.
language plpgsql volatile set search_path = '' set lock_timeout = '500ms' as $$
begin
  return private.cancel_job(p_job_id);
end
$$;

comment on function private.cancel_held_job(text) is
  'Cancels as cancel_job() does, for a caller that holds the row of report_jobs, which comes after the report in the order of locks. Where the report stays locked by another transaction, the statement fails (55P03) before PostgreSQL would take the two for a deadlock.';
revoke all on function private.cancel_held_job(text) from public, anon, authenticated, service_role;
