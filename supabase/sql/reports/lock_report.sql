create or replace function private.lock_report(p_report_type text, p_report_id uuid)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_owner uuid;
begin
  execute format('select user_id from public.%I where id = $1 for no key update', private.report_table(p_report_type))
  into v_owner using p_report_id;
  if v_owner is not null
    and exists (select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    perform private.import_report(p_report_type, p_report_id);
  end if;
  return v_owner;
end
$$;

comment on function private.lock_report(text, uuid) is
  'Locks a report''s row until the transaction ends, imports it where nobody has, and returns its owner. Null: there is no such report.';
revoke all on function private.lock_report(text, uuid) from public, anon, authenticated, service_role;
