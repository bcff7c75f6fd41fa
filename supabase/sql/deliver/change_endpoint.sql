-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.change_endpoint(
  p_endpoint_id text, p_revision bigint, p_settings jsonb, p_change text, p_actor text, p_filter_path text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
  v_old private.endpoint_revisions;
  v_new private.endpoint_revisions := private.read_settings(p_endpoint_id, p_settings, p_filter_path);
begin
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  select * into strict v_old from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if private.settings_view(v_old) = private.settings_view(v_new) then
    -- Repeated call.
    return jsonb_build_object('outcome', 'unchanged', 'endpoint', private.subscriber_view(v_subscriber));
  elsif v_old.id <> p_revision then
    return jsonb_build_object('outcome', 'revision_conflict', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  v_new.takes_events := v_old.takes_events;
  perform private.add_revision(v_new, p_change, p_actor);
  if v_new.url <> v_old.url then
    -- No check has seen whether the new URL accepts compressed bodies.
    update private.subscribers set accepted_coding = null, coding_refused_at = null
    where endpoint_id = p_endpoint_id returning * into v_subscriber;
  end if;
  if v_subscriber.state = 'active' and not private.is_address_checked(p_endpoint_id) then
    -- The new URL has not asked for events yet. Effects continue to make deliveries.
    v_subscriber := private.set_subscriber_state(p_endpoint_id, 'paused', 'address_changed', p_actor);
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_changed', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'endpoints', 'change', p_change, 'from', private.settings_view(v_old), 'to', private.settings_view(v_new)));
  return jsonb_build_object('outcome', 'changed', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.change_endpoint(text, bigint, jsonb, text, text, text) is
  'Puts new settings of a subscriber in force, if p_revision is still the present one. Deliveries that exist keep their format version and body. A new URL that has passed no check pauses it until it does. Returns {outcome: changed|unchanged|revision_conflict|endpoint_not_found, endpoint}.';
revoke all on function public.change_endpoint(text, bigint, jsonb, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.change_endpoint(text, bigint, jsonb, text, text, text) to service_role;
