create or replace function private.record_owner_text(
  p_event_id text, p_report_type text, p_report_id uuid, p_stage text, p_requested_at timestamptz, p_text text,
  p_metadata jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_result private.incoming_result;
begin
  v_result.type := 'report.owner.edited';
  v_result.report_type := p_report_type;
  v_result.report_id := p_report_id;
  v_result.research_report := p_text;
  v_result.research_metadata := p_metadata;
  insert into public.report_events (
    id, type, report_type, report_id, stage, requested_at, digest, channel, effect, applied_at, position)
  values (
    p_event_id, v_result.type, p_report_type, p_report_id, p_stage, p_requested_at, private.content_digest(v_result),
    'owner', 'applied', clock_timestamp(), private.next_position(p_report_type, p_report_id));
  insert into private.report_contents (event_id, research_report, research_metadata)
  values (p_event_id, p_text, p_metadata);
end
$$;

comment on function private.record_owner_text(text, text, uuid, text, timestamptz, text, jsonb) is
  'Records a text that an owner wrote, as an applied event. The caller holds the report''s lock.';
revoke all on function private.record_owner_text(text, text, uuid, text, timestamptz, text, jsonb) from public, anon, authenticated, service_role;
