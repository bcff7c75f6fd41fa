-- Definer rights: owners may not read the table of users.
create or replace function private.lock_owner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- A trigger for each row would come too late: it runs with the row locked.
  perform from auth.users where id = (select auth.uid()) for key share;
  -- A statement about many rows locks them in an order of its own: two of one owner would wait for each other.
  perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  return null;
end
$$;

comment on function private.lock_owner() is
  'Before a statement of an owner changes rows, locks the owner''s account, as the order of locks demands, and waits for other statements of this owner.';
revoke all on function private.lock_owner() from public, anon, authenticated, service_role;
