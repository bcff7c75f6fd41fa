create or replace function private.alert_on_no_sweep(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', round(extract(epoch from now() - coalesce(sweep.last_at, watch.installed_at))), 1::bigint,
    jsonb_build_object('last_sweep', private.iso_time(sweep.last_at))
  from private.heartbeats sweep, private.watch_state watch
  where sweep.source = 'sweep' and watch.only_row
    and coalesce(sweep.last_at, watch.installed_at) < now() - make_interval(secs => p_rule.threshold::double precision)
$$;

comment on function private.alert_on_no_sweep(private.alert_rules) is
  'No sweep of the cron came for longer, in seconds.';
revoke all on function private.alert_on_no_sweep(private.alert_rules) from public, anon, authenticated, service_role;
