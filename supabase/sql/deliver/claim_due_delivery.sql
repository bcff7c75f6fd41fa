-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_delivery(
  p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_held public.webhook_deliveries;
  v_candidate record;
  v_claim jsonb;
  v_left_out jsonb := '[]';
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_held from public.webhook_deliveries where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_held.id is not null then
    return jsonb_build_object('delivery', private.sendable(v_held), 'left_out', '[]'::jsonb);
  end if;
  for v_candidate in
    -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
    (select circuit.endpoint_id as probe_of, probe.id
      from public.webhook_circuits circuit
      cross join lateral (
        select delivery.id, delivery.attempts from public.webhook_deliveries delivery
        where delivery.endpoint_id = circuit.endpoint_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null and private.lease_is_free(delivery.lease_expires_at) and delivery.id <> all (p_left_out)
        order by delivery.attempts, delivery.id limit 16) probe
      where circuit.opened_at is not null and circuit.probe_after <= now()
        and private.lease_is_free(circuit.probe_lease_expires_at)
      order by circuit.endpoint_id, probe.attempts, probe.id)
    union all
    -- The endpoint first that has the fewest senders now: one that is slow or has a backlog takes no turn of another.
    (select null, due.id
      from public.webhook_endpoints endpoint
      cross join lateral (
        select count(*) as senders from public.webhook_deliveries held
        where held.endpoint_id = endpoint.id and held.lease_expires_at >= now()) load
      cross join lateral (
        select id, next_attempt from private.due_deliveries
        where endpoint_id = endpoint.id and id <> all (p_left_out)
        order by next_attempt, id limit 16) due
      where not exists (
        select from public.webhook_circuits circuit where circuit.endpoint_id = endpoint.id and circuit.opened_at is not null)
      order by load.senders, due.next_attempt, due.id)
  loop
    v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, v_candidate.probe_of);
    if v_claim ? 'left_out' then
      v_left_out := v_left_out || v_claim;
    elsif v_claim is not null then
      return jsonb_build_object('delivery', v_claim, 'left_out', v_left_out);
    end if;
  end loop;
  return jsonb_build_object('delivery', null, 'left_out', v_left_out);
end
$$;

comment on function public.claim_due_delivery(int, uuid, bigint[]) is
  'Claims a half-open circuit''s probe, else the delivery that has been due longest, of the endpoint with the fewest senders whose circuit is closed. Waits for no lock. Returns {delivery, left_out: [{delivery_id, event_id, left_out: held|error, error?}]}; delivery null: there is nothing to send. p_left_out: deliveries that an earlier call of this sweep left out. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_delivery(int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid, bigint[]) to service_role;
