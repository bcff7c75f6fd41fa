create or replace function private.keep_updated_at()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  new.updated_at := old.updated_at;
  return new;
end
$$;

comment on function private.keep_updated_at() is
  'The import leaves updated_at as it was: it must fire after the platform''s own trigger.';
revoke all on function private.keep_updated_at() from public, anon, authenticated, service_role;
