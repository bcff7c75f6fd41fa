create or replace function private.show_report_status(p_report_type text, p_report_id uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.show_in_report(p_report_type, p_report_id, private.report_status(p_report_type, p_report_id));
end
$$;

comment on function private.show_report_status(text, uuid) is
  'Brings research_status of a report''s row up to date. The caller holds the report''s lock.';
revoke all on function private.show_report_status(text, uuid) from public, anon, authenticated, service_role;
