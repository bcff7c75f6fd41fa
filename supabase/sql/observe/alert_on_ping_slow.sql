create or replace function private.alert_on_ping_slow(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select ping.address, min(ping.duration_ms), count(*), jsonb_build_object('pings', count(*), 'fastest_ms', min(ping.duration_ms))
  from (
    select result.*, row_number() over (partition by result.address order by result.at desc) as age
    from private.ping_results result where result.at > now() - p_rule.lookback) ping
  where ping.age <= p_rule.minimum
  group by ping.address
  having count(*) >= p_rule.minimum and bool_and(ping.ok) and min(ping.duration_ms) > p_rule.threshold
$$;

comment on function private.alert_on_ping_slow(private.alert_rules) is
  'Addresses of ours whose last pings arrived, each after longer than this, in milliseconds.';
revoke all on function private.alert_on_ping_slow(private.alert_rules) from public, anon, authenticated, service_role;
