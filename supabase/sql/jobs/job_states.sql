create or replace view private.job_states with (security_invoker = true) as
  select job_id as id, job_id, report_type, report_id, user_id, caller, stage, status,
    case
      when status not in ('queued', 'running') then status
      -- The same condition as private.due_jobs: the next sweep takes these jobs over or ends them.
      when generate and lease_expires_at < now() or not generate and deadline < now() then 'overdue'
      when not generate then 'waiting'
      else 'running'
    end as state,
    generate, model, percent, eta_seconds, "left"(error, 500) as error, event_id, take_overs, lease_token, lease_expires_at, deadline,
    created_at, started_at, completed_at,
    generate and prompt is not null and erased_at is null and status not in ('queued', 'running') as can_repeat
  from private.job_runs;

comment on view private.job_states is
  'A job as operators see it. state: running (under a lease), waiting (for a result from elsewhere), overdue (its lease or its deadline is over: the next sweep takes it over, or ends it), succeeded, failed or cancelled.';
revoke all on table private.job_states from public, anon, authenticated, service_role;
