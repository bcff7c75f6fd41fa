-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_alert_attempt(
  p_id text, p_token bigint, p_delivered boolean, p_error text default null, p_host text default null)
returns void
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  update public.alert_deliveries
  set attempts = attempts + 1, lease_expires_at = null, claim_id = null, lease_token = lease_token + 1,
    delivered_at = case when p_delivered then now() end,
    host = case when p_delivered then "left"(p_host, 255) end,
    dead_at = case when not p_delivered then dead_at end,
    error = case when not p_delivered then "left"(p_error, 500) end,
    -- 30 s, 1 min, 2 min, 4 min, then every five minutes.
    next_attempt = case when not p_delivered then
      now() + least(interval '5 minutes', interval '30 seconds' * power(2, least(attempts, 10))) end
  where id = p_id and delivered_at is null
    -- Any holder may record a success, which is a fact; only the current holder may record a failure.
    and (p_delivered or lease_token = p_token and dead_at is null)
$$;

comment on function public.record_alert_attempt(text, bigint, boolean, text, text) is
  'Records the outcome of an attempt to deliver an alert. p_error: our own words. p_host: where it was delivered.';
revoke all on function public.record_alert_attempt(text, bigint, boolean, text, text) from public, anon, authenticated, service_role;
grant execute on function public.record_alert_attempt(text, bigint, boolean, text, text) to service_role;
