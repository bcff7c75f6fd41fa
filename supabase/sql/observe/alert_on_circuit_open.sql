create or replace function private.alert_on_circuit_open(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select circuit.endpoint_id, round(extract(epoch from now() - circuit.opened_at)), queue.depth,
    jsonb_build_object('opened_at', private.iso_time(circuit.opened_at), 'waiting', queue.depth)
  from public.webhook_circuits circuit
  join private.queues() queue on queue.endpoint_id = circuit.endpoint_id
  where circuit.opened_at < now() - make_interval(secs => p_rule.threshold::double precision)
$$;

comment on function private.alert_on_circuit_open(private.alert_rules) is
  'Endpoints of ours whose circuit has been open for longer, in seconds.';
revoke all on function private.alert_on_circuit_open(private.alert_rules) from public, anon, authenticated, service_role;
