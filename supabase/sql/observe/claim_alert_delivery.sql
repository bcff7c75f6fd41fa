-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_alert_delivery(p_lease_seconds int, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '1 day';
  v_delivery public.alert_deliveries;
  v_dead jsonb;
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_delivery from public.alert_deliveries
  where claim_id = p_claim_id and lease_expires_at >= now() and delivered_at is null and dead_at is null;
  if v_delivery.id is not null then
    return jsonb_build_object('delivery', to_jsonb(v_delivery), 'dead', '[]'::jsonb);
  end if;
  with dead as (
    update public.alert_deliveries set dead_at = now(), next_attempt = null, lease_expires_at = null
    where id in (
      select id from public.alert_deliveries
      where delivered_at is null and dead_at is null and created_at < now() - c_longest
        and private.lease_is_free(lease_expires_at)
      for update skip locked)
    returning id, error)
  select coalesce(jsonb_agg(to_jsonb(dead)), '[]') into v_dead from dead;
  select delivery.* into v_delivery from public.alert_deliveries delivery
  where delivery.delivered_at is null and delivery.dead_at is null and delivery.next_attempt <= now()
    and private.lease_is_free(delivery.lease_expires_at)
    -- The end of an alert must not be delivered before its beginning.
    and not exists (
      select from public.alert_deliveries earlier
      where delivery.transition = 'resolved' and earlier.alert_id = delivery.alert_id and earlier.transition = 'firing'
        and earlier.delivered_at is null and earlier.dead_at is null)
  order by delivery.next_attempt, delivery.created_at, delivery.id
  limit 1
  for update of delivery skip locked;
  if v_delivery.id is not null then
    update public.alert_deliveries
    set lease_token = lease_token + 1, lease_expires_at = now() + make_interval(secs => p_lease_seconds), claim_id = p_claim_id
    where id = v_delivery.id
    returning * into v_delivery;
  end if;
  return jsonb_build_object(
    'delivery', case when v_delivery.id is not null then to_jsonb(v_delivery) end, 'dead', v_dead);
end
$$;

comment on function public.claim_alert_delivery(int, uuid) is
  'Claims the delivery of an alert that has been due longest, the firing of an alert before its end, and waits for no lock. Those older than a day are dead from now on. Returns {delivery, dead: [{id, error}]}. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_alert_delivery(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_alert_delivery(int, uuid) to service_role;
