-- Why: tables come and go with what the console shows, and a policy says already who reads one. So select on a table follows
-- from its policies, and what the functions of the console are made of is granted with them. The rest is listed, as before.

create or replace function private.apply_grants() returns void
language plpgsql set search_path = '' as $$
declare
  v_table text;
  v_function record;
begin
  revoke all on all tables in schema public, private from public, anon, authenticated, service_role;
  revoke all on all sequences in schema public, private from public, anon, authenticated, service_role;
  revoke all on all functions in schema public, private from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on tables from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on sequences from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
  alter default privileges revoke all on functions from public;

  grant usage on schema public to anon, authenticated, service_role;
  grant usage on schema private to authenticated;

  for v_table in select table_name from public.report_types loop
    execute format('grant select, insert, update, delete on public.%I to authenticated', v_table);
    execute format('grant select on public.%I to service_role', v_table);
  end loop;
  grant select, insert, update, delete on public.polaris_summaries to authenticated;
  grant update (read_at) on public.report_notifications to authenticated;
  for v_table in
    select distinct policy.polrelid::regclass::text from pg_catalog.pg_policy policy
    join pg_catalog.pg_class class on class.oid = policy.polrelid
    where class.relnamespace = 'public'::regnamespace and policy.polcmd in ('r', '*')
      and policy.polroles @> array['authenticated'::regrole::oid]
  loop
    execute format('grant select on %s to authenticated', v_table);
  end loop;

  -- A public function with definer's rights is the server's. One with its caller's rights is the console's: what it may
  -- see is what its caller may see.
  for v_function in
    select proc.oid::regprocedure as signature, proc.prosecdef
    from pg_catalog.pg_proc proc
    where proc.pronamespace = 'public'::regnamespace
      and not exists (select from pg_catalog.pg_depend where objid = proc.oid and deptype = 'e')
  loop
    execute format('grant execute on function %s to %I', v_function.signature,
      case when v_function.prosecdef then 'service_role' else 'authenticated' end);
  end loop;

  -- What those of the console are made of: views and functions with their caller's rights, and the question who is an
  -- operator.
  grant execute on function private.is_operator() to authenticated;
  for v_table in
    select class.oid::regclass::text from pg_catalog.pg_class class
    where class.relnamespace = 'private'::regnamespace and class.relkind = 'v'
      and class.reloptions @> '{security_invoker=true}'
  loop
    execute format('grant select on %s to authenticated', v_table);
  end loop;
  for v_function in
    select proc.oid::regprocedure as signature from pg_catalog.pg_proc proc
    where proc.pronamespace = 'private'::regnamespace and not proc.prosecdef
      and proc.proname = any ('{require_operator,traffic,page_of}')
  loop
    execute format('grant execute on function %s to authenticated', v_function.signature);
  end loop;
end $$;

select private.apply_grants();
