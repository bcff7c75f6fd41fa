create or replace function private.accounts_are_guarded()
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from pg_catalog.pg_trigger
    where tgrelid = 'auth.users'::regclass and tgname = 'polaris_lock_account' and tgenabled in ('O', 'A'));
end
$$;

comment on function private.accounts_are_guarded() is
  'Whether deleting an account takes its locks by lock_account().';
revoke all on function private.accounts_are_guarded() from public, anon, authenticated, service_role;
