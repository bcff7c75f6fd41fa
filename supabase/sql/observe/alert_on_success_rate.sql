create or replace function private.alert_on_success_rate(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2000;
begin
  if to_regclass('public.webhook_audit_attempts') is null then
    -- npm run upgrade has not built this index yet (the doctor reports that). Without it, the whole audit would be read each
    -- minute.
    return;
  end if;
  return query
  select endpoint.id, round(100.0 * (counted.total - counted.failed) / counted.total, 1), counted.failed,
    jsonb_build_object('attempts', counted.total, 'failed', counted.failed, 'spared', counted.spared)
  from public.webhook_endpoints endpoint
  left join public.webhook_circuits circuit on circuit.endpoint_id = endpoint.id
  cross join lateral (
    select count(*) as total, count(*) filter (where recent.outcome <> 'delivered') as failed,
      count(*) filter (where recent.outcome = 'skipped') as spared
    from (
      select audit.outcome from public.webhook_audit audit
      where audit.direction = 'out' and audit.endpoint_id = endpoint.id
        -- Attempts before the circuit closed no longer count.
        and audit.created_at > greatest(now() - p_rule.lookback, circuit.closed_at)
      order by audit.created_at desc limit c_newest) recent) counted
  where endpoint.kind = 'internal' and counted.total >= p_rule.minimum and 100.0 * (counted.total - counted.failed) < p_rule.threshold * counted.total;
end
$$;

comment on function private.alert_on_success_rate(private.alert_rules) is
  'Endpoints of ours with a lower share of attempts delivered, in percent, among the newest. An attempt that an open circuit spared counts as failed.';
revoke all on function private.alert_on_success_rate(private.alert_rules) from public, anon, authenticated, service_role;
