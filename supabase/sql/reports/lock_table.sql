create or replace function private.lock_table(p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_tries constant int := 5;
begin
  -- Longer than deadlock_timeout, after which PostgreSQL cancels a blocking autovacuum.
  perform set_config('lock_timeout', '2s', true);
  for v_try in 1..c_tries loop
    begin
      execute format('lock table public.%I in access exclusive mode', p_table_name);
      return;
    exception when lock_not_available then
      -- Lets the transactions queued behind this attempt continue before the next one.
      perform pg_sleep(1) where v_try < c_tries;
    end;
  end loop;
  raise exception 'Other transactions use public.% for too long. Nothing was changed: push again.', p_table_name
    using errcode = 'lock_not_available',
      hint = 'docs/upgrading.md has the query that lists long transactions.';
end
$$;

comment on function private.lock_table(text) is
  'Locks a table of the platform for a migration. Nobody waits longer than 2 s behind an attempt, of which there are five.';
revoke all on function private.lock_table(text) from public, anon, authenticated, service_role;
