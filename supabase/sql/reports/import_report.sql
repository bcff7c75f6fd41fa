create or replace function private.import_report(p_report_type text, p_report_id uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := private.report_table(p_report_type);
  v_row private.report_row;
begin
  execute format(
    'select id, user_id, research_report, research_metadata, webhook_status, webhook_attempts, webhook_last_attempt,
       webhook_response, webhook_job_id, updated_at, winner_event_id, stage
     from public.%I where id = $1', v_table)
  into v_row using p_report_id;
  v_row := private.import_events(p_report_type, v_row);
  execute format(
    'update public.%I set research_report = $1, winner_event_id = $2, stage = $3, webhook_status = $4, webhook_attempts = $5,
       webhook_last_attempt = $6, webhook_response = $7, research_status = $8
     where id = $9', v_table)
  using v_row.research_report, v_row.winner_event_id, v_row.stage, v_row.webhook_status, v_row.webhook_attempts,
    v_row.webhook_last_attempt, v_row.webhook_response, private.report_status(p_report_type, p_report_id), p_report_id;
end
$$;

comment on function private.import_report(text, uuid) is
  'Imports a report from before the events. The caller holds its lock.';
revoke all on function private.import_report(text, uuid) from public, anon, authenticated, service_role;
