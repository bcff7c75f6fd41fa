create or replace function private.is_never_due(p_job private.job_runs)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- A lease lasts minutes, a deadline at most seven days.
  return p_job.status in ('queued', 'running') and case when p_job.generate
    then p_job.lease_expires_at > now() + interval '1 day' else p_job.deadline > now() + interval '8 days' end;
end
$$;

comment on function private.is_never_due(private.job_runs) is
  'Whether an unfinished job waits for a time at which no sweep of the next days takes it over or ends it.';
revoke all on function private.is_never_due(private.job_runs) from public, anon, authenticated, service_role;
