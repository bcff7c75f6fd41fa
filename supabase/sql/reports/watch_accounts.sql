create or replace function private.watch_accounts()
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Only where it is absent: to replace or drop a trigger on a table of Auth may be refused, or lock all of Auth.
  if not exists (
    select from pg_catalog.pg_trigger
    where tgrelid = 'auth.users'::regclass and tgname = 'polaris_note_account_deletion')
  then
    create trigger polaris_note_account_deletion after delete or update of deleted_at on auth.users
      for each row execute function private.note_account_deletion();
  end if;
  return true;
exception when insufficient_privilege then
  raise notice 'This role may not create triggers on auth.users: erase deleted accounts with npm run erase.';
  return false;
end
$$;

comment on function private.watch_accounts() is
  'Creates the trigger polaris_note_account_deletion on auth.users where it is absent. False: the caller may not.';
revoke all on function private.watch_accounts() from public, anon, authenticated, service_role;
