create or replace view private.due_jobs with (security_invoker = true) as
  select job_id, case when generate then lease_expires_at else deadline end as due_at
  from private.job_runs
  where status in ('queued', 'running')
    and (generate and lease_expires_at < now() or not generate and deadline < now());

comment on view private.due_jobs is
  'Jobs whose runner is silent, and jobs whose result did not come from elsewhere in time.';
revoke all on table private.due_jobs from public, anon, authenticated, service_role;
