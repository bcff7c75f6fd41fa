create or replace function private.taken_quota(p_caller text)
returns bigint
language plpgsql stable set search_path = '' as $$
declare
  -- A runner notices within this time that its job was cancelled.
  c_cancelled constant interval := '1 minute';
begin
  return (select count(*) from private.job_runs where caller = p_caller and status in ('queued', 'running'))
    + (select count(*) from private.job_runs
      where caller = p_caller and status = 'cancelled' and completed_at > now() - c_cancelled);
end
$$;

comment on function private.taken_quota(text) is
  'How much of the quota of unfinished jobs a caller has taken. A cancelled job counts for a minute more: otherwise requesting and cancelling in turn would start runners without end.';
revoke all on function private.taken_quota(text) from public, anon, authenticated, service_role;
