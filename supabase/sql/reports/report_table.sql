create or replace function private.report_table(p_report_type text)
returns text
language plpgsql stable set search_path = '' as $$
begin
  return (
    select table_name from public.report_types where report_type = p_report_type);
end
$$;

comment on function private.report_table(text) is
  'The table that holds reports of this type, without its schema. Null: no such type.';
revoke all on function private.report_table(text) from public, anon, authenticated, service_role;
