-- Why: a probe takes a delivery, due or not, to ask whether its endpoint is back. Each that failed used up a slot of that
-- delivery's schedule: in an outage of a few minutes it became a dead letter. An attempt ahead of its slot, a probe's or an
-- operator's, now leaves the schedule as it was. And a probe is taken under its report's lock, in the one order of locks.

create or replace function public.record_delivery_attempts(
  p_delivery_id bigint, p_delivery_token bigint, p_result text, p_attempts jsonb, p_retry_after_seconds int)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_attempts jsonb := private.as_object(p_attempts);
  v_last jsonb := v_attempts -> -1;
  v_posts int := jsonb_array_length(v_attempts);
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
  v_rounds int;
  v_next timestamptz;
  v_effect text;
begin
  select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;
  select * into strict v_event from public.report_events where id = v_delivery.event_id;
  if exists (
    select from public.webhook_audit
    where event_id = v_event.id and direction = 'out' and request_payload -> 'round' = to_jsonb(p_delivery_token))
  then
    -- Said again because the first answer was lost.
    return jsonb_build_object(
      'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', v_event.effect);
  end if;

  insert into public.webhook_audit (
    direction, webhook_type, job_id, report_id, report_table, event_id, request_payload, response_status,
    response_body, error_message, outcome, attempt_number, duration_ms)
  select
    'out', v_delivery.webhook_type, v_delivery.job_id, v_delivery.report_id,
    private.report_table(v_delivery.report_type), v_delivery.event_id,
    jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest, 'round', p_delivery_token),
    (attempt ->> 'status')::int, nullif(attempt -> 'response', 'null'), attempt ->> 'error',
    case
      when attempt_number = v_posts and p_result <> 'failed' then p_result
      -- The endpoint is well, and would not have it: that says nothing against the endpoint.
      when attempt -> 'authentic' = 'true' then 'rejected'
      else 'failed'
    end,
    v_delivery.attempts + attempt_number - v_delivery.counted_on_arrival::int, (attempt ->> 'duration_ms')::numeric
  from jsonb_array_elements(v_attempts) with ordinality as made (attempt, attempt_number);

  update public.webhook_deliveries
  set attempts = attempts + v_posts - (counted_on_arrival and v_posts > 0)::int,
    counted_on_arrival = false,
    last_attempt = case when v_posts > 0 then now() else last_attempt end,
    -- A late failure says nothing about a delivery that is proven.
    response = case when status = 'success' and p_result <> 'delivered' then response else coalesce(v_last, response) end
  where id = p_delivery_id
  returning * into v_delivery;

  if v_delivery.status = 'success' then
    -- Proven already. A late failure cannot undo it.
    update public.webhook_deliveries set lease_token = lease_token + 1, lease_expires_at = null
    where id = p_delivery_id and lease_token = p_delivery_token;
  elsif p_result = 'delivered' then
    update public.webhook_deliveries
    set status = 'success', next_attempt = null, dead_at = null, dead_reason = null, lease_expires_at = null
    where id = p_delivery_id
    returning * into v_delivery;
  elsif v_delivery.lease_token = p_delivery_token and v_delivery.dead_at is null then
    v_rounds := v_delivery.rounds;
    if p_result = 'refused' then
      v_next := null;
    elsif v_delivery.next_attempt > now() then
      v_next := greatest(
        v_delivery.next_attempt, now() + make_interval(secs => least(coalesce(p_retry_after_seconds, 0), 3600)));
    else
      v_rounds := v_rounds + 1;
      v_next := private.next_attempt(v_rounds, p_retry_after_seconds);
    end if;
    update public.webhook_deliveries
    set status = case when p_result = 'unknown' and v_next is not null then 'sent' else 'failed' end,
      rounds = v_rounds, next_attempt = v_next, lease_token = lease_token + 1, lease_expires_at = null,
      dead_at = case when v_next is null then now() end,
      dead_reason = case when v_next is null then
        case p_result when 'refused' then 'refused' else 'attempts_exhausted' end end
    where id = p_delivery_id
    returning * into v_delivery;
  end if;

  if v_event.effect is null then
    v_effect := public.apply_report_event(
      jsonb_build_object('id', v_event.id), '{"channel": "direct"}') ->> 'outcome';
  end if;
  perform private.observe_attempts(v_delivery, p_delivery_token, v_attempts);
  return jsonb_build_object(
    'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', coalesce(v_effect, v_event.effect));
end $$;

create or replace function public.claim_due_delivery(p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_type text;
  v_id bigint;
  v_probe public.webhook_deliveries;
begin
  -- The probes of half-open circuits first: due or not, or an endpoint whose deliveries all wait for hours stayed shut.
  for v_type in
    select webhook_type from public.webhook_circuits
    where opened_at is not null and probe_after <= now()
      and (probe_lease_expires_at is null or probe_lease_expires_at < now())
  loop
    begin
      select * into v_probe from public.webhook_deliveries
      where webhook_type = v_type and status <> 'success' and dead_at is null
        and (lease_expires_at is null or lease_expires_at < now())
      order by attempts, id
      limit 1
      for update skip locked;
      continue when v_probe.id is null;
      -- Claiming it will lock its report, and circuits come after reports.
      perform private.lock_report(v_probe.report_type, v_probe.report_id);
      if private.take_probe(v_type, v_probe.id, v_probe.lease_token + 1, p_lease_seconds) then
        return private.claim(v_probe.id, p_lease_seconds);
      end if;
      -- Another has the probe. What goes on from here must not hold this report while it waits for the next one's lock.
      raise exception 'no probe' using errcode = 'PL003';
    exception when sqlstate 'PL003' then
      continue;
    end;
  end loop;

  select id into v_id from public.webhook_deliveries
  where id in (
      select due.id from private.due_deliveries due
      where not exists (
        select from public.webhook_circuits circuit
        where circuit.webhook_type = due.webhook_type and circuit.opened_at is not null)
      order by due.next_attempt, due.id limit 64)
    -- Seen again under the lock: another sweep may have taken it since.
    and status <> 'success' and dead_at is null and (lease_expires_at is null or lease_expires_at < now())
  order by next_attempt, id
  limit 1
  for update skip locked;
  return case when v_id is not null then private.claim(v_id, p_lease_seconds) end;
end $$;

select private.apply_grants();
