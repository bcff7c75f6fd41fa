create or replace function private.event_outranks(p_event public.report_events, p_other public.report_events)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_other.id is null
    or (p_event.stage = 'final', p_event.requested_at, p_event.id collate "C")
     > (p_other.stage = 'final', p_other.requested_at, p_other.id collate "C");
end
$$;

comment on function private.event_outranks(public.report_events, public.report_events) is
  'The one order of events: stage, then the time of the request, then the id.';
revoke all on function private.event_outranks(public.report_events, public.report_events) from public, anon, authenticated, service_role;
