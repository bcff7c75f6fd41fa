create or replace function private.next_position(p_report_type text, p_report_id uuid)
returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  return (
    select coalesce(max(position), 0) + 1 from public.report_events
    where report_type = p_report_type and report_id = p_report_id);
end
$$;

comment on function private.next_position(text, uuid) is
  'The place in its report that the next effect takes. The caller holds the report''s lock.';
revoke all on function private.next_position(text, uuid) from public, anon, authenticated, service_role;
