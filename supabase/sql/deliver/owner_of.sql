create or replace function private.owner_of(p_report_type text, p_report_id uuid)
returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_owner uuid;
begin
  execute format('select user_id from public.%I where id = $1', private.report_table(p_report_type)) into v_owner using p_report_id;
  return v_owner;
end
$$;

comment on function private.owner_of(text, uuid) is
  'The owner of a report. Null: the report was deleted.';
revoke all on function private.owner_of(text, uuid) from public, anon, authenticated, service_role;
