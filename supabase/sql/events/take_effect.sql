create or replace function private.take_effect(p_event public.report_events, p_channel text, p_owner uuid)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  perform private.content_of(p_event);
  update public.report_events
  set effect = private.decide_effect(p_event), channel = p_channel, applied_at = clock_timestamp(),
    position = private.next_position(p_event.report_type, p_event.report_id),
    applied_xid = pg_current_xact_id(), settings_revision = (select max(id) from private.endpoint_revisions)
  where id = p_event.id
  returning * into p_event;
  if p_event.effect = 'superseded' or p_event.status = 'failed' then
    update private.report_contents set lost_at = p_event.applied_at where event_id = p_event.id;
  end if;
  perform private.show_effect(p_event, p_owner);
  perform private.fan_out(p_event);
  return p_event.effect;
end
$$;

comment on function private.take_effect(public.report_events, text, uuid) is
  'Applies an event that was recorded without an effect. The caller holds the lock of the report, whose owner is p_owner. Returns the effect.';
revoke all on function private.take_effect(public.report_events, text, uuid) from public, anon, authenticated, service_role;
