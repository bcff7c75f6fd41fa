create or replace function private.job_serves(p_job private.job_runs, p_owner uuid)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return p_job.caller in ('pipeline', 'platform') or p_job.caller = p_owner::text and private.has_account(p_owner);
end
$$;

comment on function private.job_serves(private.job_runs, uuid) is
  'Whether a job may still write into a report of this owner, or without a report into itself: a job of a user serves only that user, and only while the account exists.';
revoke all on function private.job_serves(private.job_runs, uuid) from public, anon, authenticated, service_role;
