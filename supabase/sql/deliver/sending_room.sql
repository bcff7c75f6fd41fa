create or replace function private.sending_room(p_endpoint_id text)
returns int
language plpgsql stable set search_path = '' as $$
declare
  v_policy record := private.sending_policy();
  v_subscriber private.subscribers;
  v_rate int;
  v_held record;
  v_room int;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null then
    -- Our own endpoints are limited only by the number of senders.
    return 1000;
  elsif v_subscriber.state <> 'active'
    or exists (select from public.webhook_circuits where endpoint_id = p_endpoint_id and opened_at is not null)
  then
    return 0;
  end if;
  select count(*) as senders, min(claimed_at) as since, count(*) filter (where claimed_at > now() - interval '1 second') as begun
  into v_held from public.webhook_deliveries where endpoint_id = p_endpoint_id and lease_expires_at >= now();
  v_room := private.in_flight_allowed(v_subscriber.in_flight_limit, v_subscriber.limited_at) - v_held.senders;
  if v_room > 0 and v_held.since < now() - v_policy.slow_after and not exists (
    -- If the endpoint has confirmed other deliveries since, the old claim belongs to a sender that died.
    select from public.webhook_audit
    where direction = 'out' and endpoint_id = p_endpoint_id and created_at > v_held.since and outcome = 'delivered')
  then
    -- A sender is already waiting for this endpoint. If it answers nobody, two senders are enough to find out.
    v_room := least(v_room, 2 - v_held.senders);
  end if;
  select rate_per_second into v_rate from private.endpoint_revisions
  where endpoint_id = p_endpoint_id and superseded_by is null;
  if v_room > 0 and v_rate is not null then
    -- The rate is counted, not stored: requests in progress, and those that began within the last second and have ended.
    v_room := least(v_room, v_rate - v_held.begun - (
      select count(*) from public.webhook_audit
      where direction = 'out' and endpoint_id = p_endpoint_id and created_at > now() - interval '1 second'
        and created_at - make_interval(secs => coalesce(duration_ms, 0)::double precision / 1000) > now() - interval '1 second'));
  end if;
  return greatest(v_room, 0);
end
$$;

comment on function private.sending_room(text) is
  'How many more may begin to send to this endpoint now: its state, its circuit, its number in flight and its rate. It delays; nothing is dropped.';
revoke all on function private.sending_room(text) from public, anon, authenticated, service_role;
