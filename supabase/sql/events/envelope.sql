create or replace function private.envelope(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_content private.report_contents := private.content_of(p_event);
begin
  -- Concatenated: jsonb would reorder the members and parse the text again. format_version 1.
  return '{"type":' || to_json(p_event.type)::text || ',"timestamp":"' || private.iso_time(p_event.created_at)
    || '","data":{"job_id":' || coalesce(to_json(p_event.job_id)::text, 'null')
    || ',"report_id":"' || p_event.report_id::text || '","report_type":' || to_json(p_event.report_type)::text
    || ',"research_status":"' || p_event.status || '","requested_at":"' || private.iso_time(p_event.requested_at) || '"'
    || coalesce(',"research_report":' || to_json(v_content.research_report)::text, '')
    || coalesce(',"research_metadata":' || v_content.research_metadata::text, '')
    || coalesce(',"final_data":' || v_content.final_data::text, '')
    || coalesce(',"error":' || to_json(p_event.error)::text, '') || '}}';
end
$$;

comment on function private.envelope(public.report_events) is
  'The body of an event''s webhook to our own endpoints, a function of the event alone: the same bytes on every attempt and every path. Format version 1 in full, as body_of() makes it for subscribers, but without its steps: they would make each delivery of ours slower.';
revoke all on function private.envelope(public.report_events) from public, anon, authenticated, service_role;
