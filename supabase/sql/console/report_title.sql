create or replace function private.report_title(p_report_type text, p_report_id uuid)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_title text;
begin
  if p_report_type is null then
    return null;
  end if;
  execute format('select private.title_of(user_data) from public.%I where id = $1', private.report_table(p_report_type))
  into v_title using p_report_id;
  return v_title;
end
$$;

comment on function private.report_title(text, uuid) is
  'The title of a report. Null: it has no name, or was deleted.';
revoke all on function private.report_title(text, uuid) from public, anon, authenticated, service_role;
