create or replace function private.observe_attempts(p_delivery public.webhook_deliveries, p_token bigint, p_attempts jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_circuit public.webhook_circuits;
  v_policy record := private.sending_policy();
  v_authentic boolean := p_attempts @> '[{"authentic": true}]';
  v_total int;
  v_failed int;
begin
  select * into v_circuit from public.webhook_circuits where endpoint_id = p_delivery.endpoint_id;
  if v_circuit.opened_at is null then
    if v_authentic or p_attempts = '[]' then
      return;
    end if;
    select count(*), count(*) filter (where outcome in ('failed', 'unknown')) into v_total, v_failed
    from public.webhook_audit
    where direction = 'out' and endpoint_id = p_delivery.endpoint_id and outcome <> 'skipped'
      and created_at > greatest(now() - v_policy.circuit_window, v_circuit.closed_at);
    if v_total >= v_policy.circuit_attempts and v_failed >= v_policy.circuit_failed_share * v_total then
      update public.webhook_circuits set opened_at = now(), probe_after = now() + v_policy.circuit_pause
      where endpoint_id = p_delivery.endpoint_id and opened_at is null;
    end if;
  elsif v_authentic then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_delivery.endpoint_id and opened_at is not null;
  else
    update public.webhook_circuits
    set probe_after = now() + v_policy.circuit_pause, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_delivery.endpoint_id and probe_delivery_id = p_delivery.id and probe_token = p_token;
  end if;
end
$$;

comment on function private.observe_attempts(public.webhook_deliveries, bigint, jsonb) is
  'Opens, closes or keeps open an endpoint''s circuit, by what came of a round. It takes the last lock of its transaction.';
revoke all on function private.observe_attempts(public.webhook_deliveries, bigint, jsonb) from public, anon, authenticated, service_role;
