-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_deliveries(
  p_limit int, p_outward int, p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Deliveries of one endpoint that a call passes over at most: the call could reach its time-out, which would undo all of
  -- its work, again at each call.
  c_passed constant int := 200;
  c_window constant int := greatest(16, p_limit);
  v_candidate record;
  v_endpoint record;
  v_passed bigint[];
  v_set_aside int;
  v_seen int;
  v_is_waiting boolean := false;
  v_claim jsonb;
  v_claimed jsonb;
  v_before int;
  v_left_out jsonb := '[]';
begin
  perform private.await_same_call(p_claim_id::text);
  select jsonb_agg(private.sendable(held) order by id) into v_claimed
  from public.webhook_deliveries held where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_claimed is not null then
    return jsonb_build_object('deliveries', v_claimed, 'left_out', '[]'::jsonb, 'waiting', false);
  end if;
  v_claimed := '[]';
  -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
  for v_candidate in
    select circuit.endpoint_id as probe_of, probe.id, probe.position is not null as is_outward
    from public.webhook_circuits circuit
    cross join lateral (
      select delivery.id, delivery.attempts, delivery.position from public.webhook_deliveries delivery
      where delivery.endpoint_id = circuit.endpoint_id and delivery.status not in ('success', 'superseded', 'cancelled')
        and delivery.dead_at is null and private.lease_is_free(delivery.lease_expires_at) and delivery.waits_for is null
        and delivery.id <> all (p_left_out)
      order by delivery.attempts, delivery.id limit 16) probe
    where circuit.opened_at is not null and circuit.probe_after <= now()
      and private.lease_is_free(circuit.probe_lease_expires_at)
      and not exists (select from private.subscribers where endpoint_id = circuit.endpoint_id and state <> 'active')
    order by circuit.endpoint_id, probe.attempts, probe.id
  loop
    exit when jsonb_array_length(v_claimed) >= p_limit;
    continue when v_candidate.is_outward and p_outward <= 0;
    v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, v_candidate.probe_of);
    if v_claim ? 'left_out' then
      v_left_out := v_left_out || v_claim;
    elsif v_claim ? 'delivery_id' then
      v_claimed := v_claimed || v_claim;
      p_outward := p_outward - v_candidate.is_outward::int;
    end if;
  end loop;
  -- Claims as many deliveries as possible for our own endpoints, and one per subscriber and turn as long as there is room.
  loop
    v_before := jsonb_array_length(v_claimed);
    for v_endpoint in
      -- Our own endpoints first, then the endpoint with the fewest current senders, so that one that is slow or has a backlog
      -- takes no turns from others. Equal subscribers in random order: by age, the one that has waited least would come after
      -- every backlog.
      select endpoint.id, endpoint.kind
      from public.webhook_endpoints endpoint
      left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
      left join (
        select endpoint_id, count(*) as senders from public.webhook_deliveries where lease_expires_at >= now()
        group by endpoint_id) held on held.endpoint_id = endpoint.id
      left join lateral (
        select next_attempt from public.webhook_deliveries
        -- Only for our own endpoints, of which there are two.
        where endpoint.kind = 'internal' and endpoint_id = endpoint.id
          and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        order by next_attempt limit 1) first on true
      where (endpoint.kind = 'internal' or subscriber.state = 'active' and p_outward > 0)
        and endpoint.id not in (select endpoint_id from public.webhook_circuits where opened_at is not null)
      order by endpoint.kind = 'internal' desc, coalesce(held.senders, 0), first.next_attempt, random()
    loop
      exit when jsonb_array_length(v_claimed) >= p_limit;
      continue when v_endpoint.kind = 'subscriber' and p_outward <= 0;
      -- A short index look-up: most endpoints have nothing to send most of the time.
      continue when not exists (
        select from public.webhook_deliveries
        where endpoint_id = v_endpoint.id and next_attempt <= now()
          and status not in ('success', 'superseded', 'cancelled') and dead_at is null);
      if v_endpoint.kind = 'subscriber' and not private.may_send(v_endpoint.id) then
        v_is_waiting := true;
        continue;
      end if;
      v_passed := '{}';
      v_set_aside := 0;
      <<endpoint>>
      loop
        v_seen := 0;
        for v_candidate in
          select due.id from private.due_at(v_endpoint.id, v_endpoint.kind, p_left_out || v_passed, c_window) due
        loop
          v_seen := v_seen + 1;
          v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, null);
          if v_claim is null then
            -- Another claim, possibly of ten deliveries, is taking this delivery.
            v_passed := v_passed || v_candidate.id;
          elsif v_claim ? 'left_out' then
            v_left_out := v_left_out || v_claim;
            v_passed := v_passed || v_candidate.id;
          elsif v_claim ? 'set_aside' then
            v_set_aside := v_set_aside + 1;
          else
            v_claimed := v_claimed || v_claim;
            if v_endpoint.kind = 'subscriber' then
              p_outward := p_outward - 1;
              exit endpoint;
            end if;
            exit endpoint when jsonb_array_length(v_claimed) >= p_limit;
          end if;
        end loop;
        -- Deliveries that were passed over or set aside are not returned again. There may be others behind them.
        exit when v_seen < c_window;
        if v_set_aside + cardinality(v_passed) >= c_passed then
          v_is_waiting := true;
          exit;
        end if;
      end loop;
    end loop;
    exit when jsonb_array_length(v_claimed) in (v_before, p_limit);
    select p_left_out || coalesce(array_agg((one ->> 'delivery_id')::bigint), '{}') into p_left_out
    from jsonb_array_elements(v_left_out) one;
  end loop;
  return jsonb_build_object('deliveries', v_claimed, 'left_out', v_left_out, 'waiting', v_is_waiting);
end
$$;

comment on function public.claim_due_deliveries(int, int, int, uuid, bigint[]) is
  'Claims up to p_limit deliveries, p_outward of them to subscribers: half-open circuits'' probes, then what is due first, of our own endpoints, then by turns of the subscribers with the fewest senders that have room for one more. Waits for no lock. Returns {deliveries, left_out: [{delivery_id, event_id, left_out: held|error, error?}], waiting}; fewer deliveries than asked for: there are no others to send now; waiting: a subscriber has something to be sent that its limits delay, or more than one call can put in order. p_left_out: deliveries that an earlier call of this sweep left out. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_deliveries(int, int, int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_deliveries(int, int, int, uuid, bigint[]) to service_role;
