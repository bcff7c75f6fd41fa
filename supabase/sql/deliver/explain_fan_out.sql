-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.explain_fan_out(p_endpoint_id text, p_event_id text, p_paths text[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_event public.report_events;
  v_subscriber private.subscribers;
  v_settings private.endpoint_revisions;
  v_owner uuid;
  v_document jsonb;
begin
  select * into v_event from public.report_events where id = p_event_id;
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_event.id is null then
    return '{"outcome": "event_not_found"}';
  elsif v_subscriber.endpoint_id is null then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  select * into v_settings from private.settings_in_force(v_event.settings_revision) where endpoint_id = p_endpoint_id;
  execute format('select user_id from public.%I where id = $1', private.report_table(v_event.report_type))
  into v_owner using v_event.report_id;
  if v_event.erased_at is null or v_event.type = 'report.deleted' then
    v_document := private.filter_document(
      v_event, (select research_metadata from private.report_contents where event_id = v_event.id));
  end if;
  return jsonb_build_object(
    'outcome', 'explained',
    'event', jsonb_build_object(
      'id', v_event.id, 'type', v_event.type, 'report_type', v_event.report_type, 'report_id', v_event.report_id,
      'stage', v_event.stage, 'status', case when v_event.type = 'report.deleted' then 'deleted' else v_event.status end,
      'channel', v_event.channel, 'effect', v_event.effect,
      'position', v_event.position, 'applied_at', private.iso_time(v_event.applied_at), 'bulk', v_event.bulk,
      'erased_at', private.iso_time(v_event.erased_at)),
    'endpoint', jsonb_build_object(
      'state', v_subscriber.state, 'state_reason', v_subscriber.state_reason,
      'created_at', private.iso_time(v_subscriber.created_at), 'verified_at', private.iso_time(v_subscriber.verified_at),
      'circuit_open_since', (
        select private.iso_time(opened_at) from public.webhook_circuits where endpoint_id = p_endpoint_id)),
    'revision', v_settings.id, 'takes_events', v_settings.takes_events, 'change', v_settings.change,
    'settings', case when v_settings.id is not null then private.settings_view(v_settings) end,
    -- Null: the report is deleted, so its owner at that time is no longer known.
    'is_owner', case when v_settings.owner_id is not null then v_settings.owner_id = v_owner end,
    'matches', v_settings.id is not null and v_settings.takes_events and private.selects_event(v_settings, v_event, v_owner),
    -- Null in the next two as well if the content is erased.
    'filter_matches', case when v_settings.filter_path is not null and v_document is not null
      then private.filter_matches(v_document, v_settings.filter_path) end,
    'values', case when v_document is not null and p_paths is not null then private.filter_values(v_document, p_paths) end,
    'is_pending', v_event.type = 'report.deleted' and exists (
      select from private.erasures where report_id = v_event.report_id and report_type = v_event.report_type),
    'fault', (select error from private.filter_faults where endpoint_id = p_endpoint_id and event_id = p_event_id limit 1),
    'deliveries', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'delivery_id', id, 'plan', plan, 'status', status, 'attempts', attempts, 'dead_reason', dead_reason,
        'format_version', format_version, 'waits_for', (
          select event_id from public.webhook_deliveries earlier where earlier.id = delivery.waits_for),
        'last_attempt', private.iso_time(last_attempt), 'next_attempt', private.iso_time(next_attempt)) order by plan), '[]')
      from public.webhook_deliveries delivery where event_id = p_event_id and endpoint_id = p_endpoint_id));
end
$$;

comment on function public.explain_fan_out(text, text, text[]) is
  'The facts about an event and a subscriber: the event, the settings in force for it, whether its filter matches and what it sees at p_paths, and its deliveries. The caller puts them into words. Returns {outcome: explained|event_not_found|endpoint_not_found, …}.';
revoke all on function public.explain_fan_out(text, text, text[]) from public, anon, authenticated, service_role;
grant execute on function public.explain_fan_out(text, text, text[]) to service_role;
