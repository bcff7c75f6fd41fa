create or replace function private.lock_report(p_report_type text, p_report_id uuid, p_summary_id uuid default null)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_report record := private.locked_report(p_report_type, p_report_id, p_summary_id);
begin
  return v_report.owner;
end
$$;

comment on function private.lock_report(text, uuid, uuid) is
  'Locks a report as locked_report() does, and returns its owner. Null: there is no such report.';
revoke all on function private.lock_report(text, uuid, uuid) from public, anon, authenticated, service_role;
