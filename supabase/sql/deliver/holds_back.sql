create or replace function private.holds_back(p_delivery_id bigint)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from public.webhook_deliveries
    where id = p_delivery_id
      and (status not in ('success', 'superseded', 'cancelled') and dead_at is null or not private.lease_is_free(lease_expires_at)));
end
$$;

comment on function private.holds_back(bigint) is
  'Whether later deliveries of the same report must wait: this one is open, or its POST is under way.';
revoke all on function private.holds_back(bigint) from public, anon, authenticated, service_role;
