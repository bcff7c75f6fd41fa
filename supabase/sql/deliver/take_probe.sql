create or replace function private.take_probe(
  p_endpoint_id text, p_delivery_id bigint, p_token bigint, p_lease_seconds int)
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Skip a locked circuit: its holder is about to take the probe or to close the circuit.
  perform from public.webhook_circuits where endpoint_id = p_endpoint_id for update skip locked;
  if not found then
    return false;
  end if;
  update public.webhook_circuits
  set probe_delivery_id = p_delivery_id, probe_token = p_token,
    probe_lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where endpoint_id = p_endpoint_id and opened_at is not null and probe_after <= now()
    and private.lease_is_free(probe_lease_expires_at);
  return found;
end
$$;

comment on function private.take_probe(text, bigint, bigint, int) is
  'Takes the one probe of a half-open circuit for this delivery. False when the circuit is not ready to probe or another process holds the probe.';
revoke all on function private.take_probe(text, bigint, bigint, int) from public, anon, authenticated, service_role;
