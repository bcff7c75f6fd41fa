-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_ping()
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  -- A little less than five minutes: the fifth sweep from now may come a few seconds early.
  update private.watch_state set next_ping_at = now() + interval '290 seconds'
  where only_row and next_ping_at <= now()
    and exists (select from private.alert_rules where rule in ('ping_failing', 'ping_slow') and enabled);
  return found;
end
$$;

comment on function public.claim_ping() is
  'Whether the caller is to ping now: one call in five minutes. Never while both rules about pings are off.';
revoke all on function public.claim_ping() from public, anon, authenticated, service_role;
grant execute on function public.claim_ping() to service_role;
