create or replace function private.guard_accounts()
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Only if the trigger is missing: replacing or dropping a trigger on a table of Auth may be refused, or lock all of Auth.
  if not exists (
    select from pg_catalog.pg_trigger where tgrelid = 'auth.users'::regclass and tgname = 'polaris_lock_account')
  then
    create trigger polaris_lock_account before delete on auth.users
      for each row execute function private.lock_account();
  end if;
  if not exists (
    select from pg_catalog.pg_trigger where tgrelid = 'auth.users'::regclass and tgname = 'polaris_note_account_deletion')
  then
    create trigger polaris_note_account_deletion after delete or update of deleted_at on auth.users
      for each row execute function private.note_account_deletion();
  end if;
  return true;
exception when insufficient_privilege then
  raise notice 'This role may not create triggers on auth.users. Deleting an account may deadlock with writers of its reports, and its content is erased only when an operator erases the account.';
  return false;
end
$$;

comment on function private.guard_accounts() is
  'Creates our two triggers on auth.users where they are absent: one locks an account''s rows before its deletion, one records the deletion for the sweep. False: the caller lacks the privilege.';
revoke all on function private.guard_accounts() from public, anon, authenticated, service_role;
