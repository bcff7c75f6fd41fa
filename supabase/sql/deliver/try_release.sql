create or replace function private.try_release(p_delivery_id bigint)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform from public.webhook_deliveries where id = p_delivery_id for update skip locked;
  return found and (private.move_delivery(p_delivery_id, 'released')).status <> 'retrying';
exception when others then
  -- Skip it: the next sweep tries again.
  return false;
end
$$;

comment on function private.try_release(bigint) is
  'Releases a delivery if that needs no waiting.';
revoke all on function private.try_release(bigint) from public, anon, authenticated, service_role;
