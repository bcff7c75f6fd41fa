create or replace function private.guard_accounts()
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Only where it is absent: to replace or drop a trigger on a table of Auth may be refused, or lock all of Auth.
  if not private.accounts_are_guarded() then
    create trigger polaris_lock_account before delete on auth.users
      for each row execute function private.lock_account();
  end if;
  return true;
exception when insufficient_privilege then
  raise notice 'This role may not create triggers on auth.users: deleting an account may end in a deadlock with writers of its reports.';
  return false;
end
$$;

comment on function private.guard_accounts() is
  'Creates the trigger polaris_lock_account on auth.users where it is absent. False: the caller may not.';
revoke all on function private.guard_accounts() from public, anon, authenticated, service_role;
