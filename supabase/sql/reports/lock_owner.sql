-- Definer rights: owners may not read the table of users.
create or replace function private.lock_owner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Per statement: a row trigger would run too late, with the row already locked.
  perform from auth.users where id = (select auth.uid()) for key share;
  -- Statements lock their rows in any order: two concurrent ones of an owner could deadlock.
  perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  return null;
end
$$;

comment on function private.lock_owner() is
  'Before a statement of an owner changes rows, locks the owner''s account, as the order of locks demands, and waits for other statements of this owner.';
revoke all on function private.lock_owner() from public, anon, authenticated, service_role;
