-- For work on many rows: a report locked by another transaction is skipped without waiting, and left for the next time.
create or replace function private.try_lock_report(p_report_type text, p_report_id uuid)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform private.lock_report(p_report_type, p_report_id);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.try_lock_report(text, uuid) is
  'Locks a report as lock_report() does, if that needs no waiting. False: another transaction holds it.';
revoke all on function private.try_lock_report(text, uuid) from public, anon, authenticated, service_role;
