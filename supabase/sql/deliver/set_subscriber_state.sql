create or replace function private.set_subscriber_state(p_endpoint_id text, p_state text, p_reason text, p_actor text)
returns private.subscribers
language plpgsql volatile set search_path = '' as $$
declare
  v_old private.subscribers;
  v_new private.subscribers;
  v_settings private.endpoint_revisions;
begin
  if p_state = 'removed' or p_state = 'active' then
    -- Before the row lock, as wherever a revision is made.
    perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  end if;
  if p_state = 'active' then
    -- The circuit before the subscriber, as when a round is recorded.
    perform from public.webhook_circuits where endpoint_id = p_endpoint_id for no key update;
  end if;
  select * into strict v_old from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_old.state = p_state or v_old.state = 'removed' then
    return v_old;
  end if;
  update private.subscribers
  set state = p_state, state_reason = p_reason, state_since = clock_timestamp(),
    read_token_sha256 = case when p_state <> 'removed' then read_token_sha256 end,
    verified_at = case when p_state = 'active' then coalesce(verified_at, clock_timestamp()) else verified_at end,
    failing_since = case when p_state <> 'active' then failing_since end,
    -- Restarts slowly: 1, 2, 4, … in flight.
    in_flight_limit = case when p_state = 'active' then 1 else in_flight_limit end,
    limited_at = case when p_state = 'active' then clock_timestamp() else limited_at end
  where endpoint_id = p_endpoint_id
  returning * into v_new;
  if p_state = 'active' then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_endpoint_id and opened_at is not null;
  end if;
  select * into strict v_settings from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if p_state = 'removed' then
    delete from private.endpoint_secrets where endpoint_id = p_endpoint_id;
    v_settings.takes_events := false;
    perform private.add_revision(v_settings, 'removed', p_actor);
  elsif v_old.verified_at is null and v_new.verified_at is not null and not exists (
    select from public.plans where kind = 'start' and status = 'running' and filter ->> 'endpoint_id' = p_endpoint_id)
  then
    v_settings.takes_events := true;
    perform private.add_revision(v_settings, 'verified', p_actor);
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_' || p_state, p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'from', v_old.state, 'reason', p_reason));
  return v_new;
end
$$;

comment on function private.set_subscriber_state(text, text, text, text) is
  'The one writer of a subscriber''s state, with its audit row: unverified to active; active to paused and back; any to removed, which stays. A paused subscriber loses nothing: effects still create its deliveries.';
revoke all on function private.set_subscriber_state(text, text, text, text) from public, anon, authenticated, service_role;
