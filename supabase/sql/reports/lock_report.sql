create or replace function private.lock_report(p_report_type text, p_report_id uuid, p_summary_id uuid default null)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := private.report_table(p_report_type);
  v_owner uuid;
  v_summary_id uuid;
begin
  -- Deleting an account or a summary deletes its reports, so it locks those rows first. Foreign keys ask for them too, but
  -- only after the report is locked: both would wait for each other.
  execute format('select user_id, summary_id from public.%I where id = $1', v_table)
  into v_owner, v_summary_id using p_report_id;
  perform from auth.users where id = v_owner for key share;
  if v_summary_id is not null or p_summary_id is not null then
    perform from public.polaris_summaries where id in (v_summary_id, p_summary_id) order by id for key share;
  end if;
  execute format('select user_id from public.%I where id = $1 for no key update', v_table)
  into v_owner using p_report_id;
  if v_owner is not null
    and exists (select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    perform private.import_report(p_report_type, p_report_id);
  end if;
  return v_owner;
end
$$;

comment on function private.lock_report(text, uuid, uuid) is
  'Locks a report''s row until the transaction ends, imports it where nobody has, and returns its owner. Null: there is no such report. p_summary_id: of another summary that a row of this transaction will refer to.';
revoke all on function private.lock_report(text, uuid, uuid) from public, anon, authenticated, service_role;
