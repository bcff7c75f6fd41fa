-- For statements that hold rows or tables which come later in the lock order, and for work on many rows.
create or replace function private.try_show_report_status(p_report_type text, p_report_id uuid)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  if exists (
    select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    -- The lock would import it.
    return false;
  end if;
  perform private.lock_report(p_report_type, p_report_id);
  perform private.show_report_status(p_report_type, p_report_id);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.try_show_report_status(text, uuid) is
  'Brings research_status of a report up to date, if that needs no waiting. False: another transaction holds the report or its table, or the report is not imported yet, which will bring the status up to date.';
revoke all on function private.try_show_report_status(text, uuid) from public, anon, authenticated, service_role;
