create or replace function private.alert_on_clock_difference(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', round(abs(watch.clock_ahead_seconds), 1), 1::bigint,
    jsonb_build_object('function_ahead_seconds', round(watch.clock_ahead_seconds, 1))
  from private.watch_state watch
  where watch.only_row and abs(watch.clock_ahead_seconds) > p_rule.threshold
$$;

comment on function private.alert_on_clock_difference(private.alert_rules) is
  'The clock of the functions and that of the database differ by more, in seconds.';
revoke all on function private.alert_on_clock_difference(private.alert_rules) from public, anon, authenticated, service_role;
