create or replace function private.alert_on_ping_failing(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select ping.address, count(*)::numeric, count(*),
    jsonb_build_object('failed', count(*), 'status', (array_agg(ping.status order by ping.at desc))[1])
  from (
    select result.*, row_number() over (partition by result.address order by result.at desc) as age
    from private.ping_results result where result.at > now() - p_rule.lookback) ping
  where ping.age <= p_rule.threshold
  group by ping.address
  having count(*) >= p_rule.threshold and not bool_or(ping.ok)
$$;

comment on function private.alert_on_ping_failing(private.alert_rules) is
  'Addresses of ours of which so many pings failed in a row.';
revoke all on function private.alert_on_ping_failing(private.alert_rules) from public, anon, authenticated, service_role;
