CREATE OR REPLACE FUNCTION public.claim_due_delivery (
  p_lease_seconds integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
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
end $function$;

GRANT EXECUTE ON FUNCTION "public"."claim_due_delivery"(integer) TO "service_role";

COMMENT ON FUNCTION "public"."claim_due_delivery"(integer) IS 'Claims a half-open circuit''s probe, else the delivery that has been due longest and whose circuit is closed. Returns it
with its event, or null: there is nothing to send.';

REVOKE ALL ON FUNCTION "public"."claim_due_delivery"(integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_due_delivery"(integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."claim_due_delivery"(integer) FROM PUBLIC, "anon", "authenticated";
