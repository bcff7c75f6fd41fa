create or replace function private.locked_report(
  p_report_type text, p_report_id uuid, p_summary_id uuid default null, out owner uuid, out winner_event_id text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  -- Deleting an account or a summary deletes its reports, so these rows are locked first. The foreign keys would lock them
  -- only after the report, and both transactions would deadlock.
  v_report record := private.report_row(p_report_type, p_report_id, false);
begin
  perform from auth.users where id = v_report.owner for key share;
  if v_report.summary_id is not null or p_summary_id is not null then
    perform from public.polaris_summaries where id in (v_report.summary_id, p_summary_id) order by id for key share;
  end if;
  v_report := private.report_row(p_report_type, p_report_id, true);
  if v_report.owner is not null
    and exists (select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    perform private.import_report(p_report_type, p_report_id);
    v_report := private.report_row(p_report_type, p_report_id, true);
  end if;
  owner := v_report.owner;
  winner_event_id := v_report.winner_event_id;
end
$$;

comment on function private.locked_report(text, uuid, uuid) is
  'Locks a report''s row until the transaction ends, imports it where nobody has, and returns its owner and its winner. Both null: the report does not exist. p_summary_id: of another summary that a row of this transaction will refer to.';
revoke all on function private.locked_report(text, uuid, uuid) from public, anon, authenticated, service_role;
