-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_event_deliveries(p_event_id text, p_lease_seconds int, p_claim_id uuid, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery record;
  v_claim jsonb;
  v_claims jsonb;
begin
  perform private.await_same_call(p_claim_id::text);
  select coalesce(jsonb_agg(private.sendable(held) order by held.id), '[]') into v_claims
  from public.webhook_deliveries held where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_claims <> '[]' then
    return v_claims;
  end if;
  for v_delivery in
    select id, endpoint_id from public.webhook_deliveries
    where event_id = p_event_id and position is not null and plan = 0 and attempts = 0 and waits_for is null
      and status not in ('success', 'superseded', 'cancelled') and dead_at is null and next_attempt <= now()
      and private.lease_is_free(lease_expires_at)
    order by endpoint_id
  loop
    exit when jsonb_array_length(v_claims) = p_limit;
    continue when not private.may_send(v_delivery.endpoint_id);
    v_claim := private.try_claim(v_delivery.id, p_lease_seconds, p_claim_id);
    if v_claim ? 'delivery_id' and not v_claim ? 'left_out' then
      v_claims := v_claims || v_claim;
    end if;
  end loop;
  return v_claims;
end
$$;

comment on function public.claim_event_deliveries(text, int, uuid, int) is
  'Claims up to p_limit first deliveries of an event to subscribers, for subscribers with room: the process that applied the event sends them at once, and the sweep sends the rest. Returns sendable() of each. Waits for no lock. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_event_deliveries(text, int, uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.claim_event_deliveries(text, int, uuid, int) to service_role;
