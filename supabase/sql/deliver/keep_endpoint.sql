create or replace function private.keep_endpoint()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  raise exception 'endpoints are never deleted: deliveries and audit rows name them' using errcode = 'PL001';
end
$$;

comment on function private.keep_endpoint() is
  'Refuses the deletion of an endpoint.';
revoke all on function private.keep_endpoint() from public, anon, authenticated, service_role;
