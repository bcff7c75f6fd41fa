create or replace function private.job_serves(p_job private.job_runs, p_owner uuid)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_job.caller in ('pipeline', 'platform') or p_job.caller = p_owner::text;
end
$$;

comment on function private.job_serves(private.job_runs, uuid) is
  'Whether a job may still write into a report of this owner: a job of a user serves only a report of that user.';
revoke all on function private.job_serves(private.job_runs, uuid) from public, anon, authenticated, service_role;
