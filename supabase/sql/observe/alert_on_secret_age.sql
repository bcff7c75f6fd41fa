create or replace function private.alert_on_secret_age(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select secret.name || ' ' || secret.fingerprint, floor(extract(epoch from now() - secret.first_seen_at) / 86400), 1::bigint,
    jsonb_build_object('variable', secret.name, 'fingerprint', secret.fingerprint,
      'first_seen', private.iso_time(secret.first_seen_at))
  from private.secret_fingerprints secret
  where secret.is_current and secret.first_seen_at < now() - p_rule.threshold * interval '1 day'
$$;

comment on function private.alert_on_secret_age(private.alert_rules) is
  'Secrets that the functions have had for longer, in days.';
revoke all on function private.alert_on_secret_age(private.alert_rules) from public, anon, authenticated, service_role;
