create or replace function private.alert_on_latency(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2000;
begin
  if to_regclass('public.webhook_audit_attempts') is null then
    -- The same condition as in alert_on_success_rate().
    return;
  end if;
  return query
  select endpoint.id, round(measured.p95::numeric), measured.slow,
    jsonb_build_object('attempts', measured.total, 'slow', measured.slow, 'p95_ms', round(measured.p95::numeric))
  from public.webhook_endpoints endpoint
  cross join lateral (
    select count(*) as total, count(*) filter (where recent.duration_ms > p_rule.threshold) as slow,
      percentile_disc(0.95) within group (order by recent.duration_ms) as p95
    from (
      select audit.duration_ms from public.webhook_audit audit
      where audit.direction = 'out' and audit.endpoint_id = endpoint.id and audit.created_at > now() - p_rule.lookback
      order by audit.created_at desc limit c_newest) recent
    where recent.duration_ms is not null) measured
  where endpoint.kind = 'internal' and measured.total >= p_rule.minimum and measured.p95 > p_rule.threshold;
end
$$;

comment on function private.alert_on_latency(private.alert_rules) is
  'Endpoints of ours whose newest attempts took longer, in milliseconds, by the 95th percentile.';
revoke all on function private.alert_on_latency(private.alert_rules) from public, anon, authenticated, service_role;
