create or replace function private.accounts_are_guarded()
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return 2 = (
    select count(*) from pg_catalog.pg_trigger
    where tgrelid = 'auth.users'::regclass and tgname in ('polaris_lock_account', 'polaris_note_account_deletion')
      and tgenabled in ('O', 'A'));
end
$$;

comment on function private.accounts_are_guarded() is
  'Whether deleting an account takes its locks by lock_account(), and is noted for the sweep.';
revoke all on function private.accounts_are_guarded() from public, anon, authenticated, service_role;
