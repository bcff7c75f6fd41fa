create or replace view private.job_rows with (security_invoker = true) as
  select job_id as id, job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, "left"(error, 500) as error, event_id,
    take_overs, created_at, started_at, completed_at
  from private.job_runs;

comment on view private.job_rows is 'A job in a list: without prompt, metadata, keys and tokens.';
revoke all on table private.job_rows from public, anon, authenticated, service_role;
grant select on table private.job_rows to authenticated;
