create or replace function private.report_is_gone(p_report_type text, p_report_id uuid)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  return v_exists is null;
end
$$;

comment on function private.report_is_gone(text, uuid) is
  'Whether no such report is there: then nothing that was said of it may be kept, since nothing would erase it.';
revoke all on function private.report_is_gone(text, uuid) from public, anon, authenticated, service_role;
