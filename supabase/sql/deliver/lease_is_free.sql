create or replace function private.lease_is_free(p_lease_expires_at timestamptz)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return p_lease_expires_at is null or p_lease_expires_at < now();
end
$$;

comment on function private.lease_is_free(timestamptz) is
  'Whether a lease that ends at this time is free. Null: there is no lease.';
revoke all on function private.lease_is_free(timestamptz) from public, anon, authenticated, service_role;
