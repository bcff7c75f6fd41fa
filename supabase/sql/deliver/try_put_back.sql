create or replace function private.try_put_back(
  p_delivery public.webhook_deliveries, p_actor text, p_asked jsonb, p_wait interval)
returns boolean
-- Until this function returns; set_config() alone would last as long as the transaction.
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform set_config('lock_timeout', (extract(epoch from p_wait) * 1000)::int || 'ms', true);
  perform private.put_back(p_delivery, p_actor, p_asked);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.try_put_back(public.webhook_deliveries, text, jsonb, interval) is
  'Like put_back(), but waits only so long for another transaction that holds the report. False: it still does.';
revoke all on function private.try_put_back(public.webhook_deliveries, text, jsonb, interval) from public, anon, authenticated, service_role;
