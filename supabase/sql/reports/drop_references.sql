create or replace function private.drop_references(p_table regclass, p_constraints text[])
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_tries constant int := 5;
  v_referenced regclass;
  v_constraint text;
begin
  for v_try in 1..c_tries loop
    begin
      -- Longer than deadlock_timeout, after which PostgreSQL cancels a blocking autovacuum.
      perform set_config('lock_timeout', '2s', true);
      execute format('lock table %s in access exclusive mode', p_table::regclass);
      -- Shorter than deadlock_timeout: a call that has read the referenced table, and waits for this one, is not cancelled as
      -- a deadlock victim. It continues as soon as this attempt gives up.
      perform set_config('lock_timeout', '500ms', true);
      for v_referenced in
        select distinct confrelid from pg_catalog.pg_constraint where conrelid = p_table and conname = any (p_constraints)
        order by confrelid
      loop
        execute format('lock table %s in access exclusive mode', v_referenced::regclass);
      end loop;
      foreach v_constraint in array p_constraints loop
        execute format('alter table %s drop constraint if exists %I', p_table::regclass, v_constraint);
      end loop;
      return;
    exception when lock_not_available then
      -- Lets the transactions queued behind this attempt continue before the next one.
      perform pg_sleep(1) where v_try < c_tries;
    end;
  end loop;
  raise exception 'Other transactions use % for too long. Nothing was changed: push again.', p_table
    using errcode = 'lock_not_available',
      hint = 'docs/upgrading.md has the query that lists long transactions.';
end
$$;

comment on function private.drop_references(regclass, text[]) is
  'Drops foreign keys of a table for a migration, which locks the tables that they refer to as well. Nobody waits longer than 2.5 s behind an attempt, of which there are five.';
revoke all on function private.drop_references(regclass, text[]) from public, anon, authenticated, service_role;
