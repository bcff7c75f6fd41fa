-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_delivery(p_lease_seconds int, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_endpoint text;
  v_id bigint;
  v_probe public.webhook_deliveries;
  v_held public.webhook_deliveries;
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_held from public.webhook_deliveries where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_held.id is not null then
    return private.sendable(v_held);
  end if;
  -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
  for v_endpoint in
    select endpoint_id from public.webhook_circuits
    where opened_at is not null and probe_after <= now() and private.lease_is_free(probe_lease_expires_at)
  loop
    begin
      select * into v_probe from public.webhook_deliveries
      where endpoint_id = v_endpoint and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        and private.lease_is_free(lease_expires_at)
      order by attempts, id
      limit 1
      for update skip locked;
      continue when v_probe.id is null;
      -- Claiming it will lock its report, and circuits come after reports.
      perform private.lock_report(v_probe.report_type, v_probe.report_id);
      if private.take_probe(v_endpoint, v_probe.id, v_probe.lease_token + 1, p_lease_seconds) then
        return private.claim_delivery(v_probe.id, p_lease_seconds, p_claim_id);
      end if;
      -- Another process holds the probe. Roll the locks of this delivery and report back before the next ones are taken.
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
        where circuit.endpoint_id = due.endpoint_id and circuit.opened_at is not null)
      order by due.next_attempt, due.id limit 64)
    -- Asked again under the lock: another sweep may have claimed it since.
    and status not in ('success', 'superseded', 'cancelled') and dead_at is null and private.lease_is_free(lease_expires_at)
  order by next_attempt, id
  limit 1
  for update skip locked;
  return case when v_id is not null then private.claim_delivery(v_id, p_lease_seconds, p_claim_id) end;
end
$$;

comment on function public.claim_due_delivery(int, uuid) is
  'Claims a half-open circuit''s probe, else the delivery that has been due longest and whose circuit is closed. Null: there is nothing to send. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_delivery(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid) to service_role;
