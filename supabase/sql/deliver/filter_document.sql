create or replace function private.filter_document(p_event public.report_events, p_metadata jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  -- The metadata is not reduced to what a filter may see: the compiled path reads only its own members, and handles absent
  -- values itself.
  return jsonb_build_object(
    'type', p_event.type, 'report_type', p_event.report_type, 'stage', p_event.stage,
    'status', case when p_event.type = 'report.deleted' then 'deleted' else p_event.status end,
    'channel', p_event.channel, 'metadata', p_metadata);
end
$$;

comment on function private.filter_document(public.report_events, jsonb) is
  'The data of an event that filters of subscribers see: {type, report_type, stage, status, channel, metadata}.';
revoke all on function private.filter_document(public.report_events, jsonb) from public, anon, authenticated, service_role;
