-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.deployment_facts(p_with_rights boolean default false)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select jsonb_build_object(
    'database_time', private.iso_time(clock_timestamp()),
    'server_version', current_setting('server_version'),
    'migrations', to_jsonb(private.applied_migrations()),
    'connections', jsonb_build_object(
      -- Sums are readable by every role; pg_stat_activity hides other roles' sessions.
      'used', (select coalesce(sum(numbackends), 0) from pg_catalog.pg_stat_database),
      'most', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int),
    'heartbeats', (
      select jsonb_object_agg(source, jsonb_build_object(
        'beats', beats, 'seconds_ago', round(extract(epoch from clock_timestamp() - last_at), 3)))
      from private.heartbeats),
    'unfinished', array(select name from private.unfinished_tables order by name),
    'realtime', (
      select jsonb_build_object('all_tables', puballtables, 'tables', array(
        select tablename::text from pg_catalog.pg_publication_tables
        where pubname = 'supabase_realtime' and schemaname = 'public' order by tablename))
      from pg_catalog.pg_publication where pubname = 'supabase_realtime'),
    'accounts_guarded', private.accounts_are_guarded(),
    'alerts', (
      select jsonb_build_object(
        'firing', count(*) filter (where state = 'firing'), 'pending', count(*) filter (where state = 'pending'),
        -- min(): `critical` sorts before `warning`.
        'worst', min(severity) filter (where state = 'firing'),
        'rules', coalesce(jsonb_agg(distinct rule) filter (where state = 'firing'), '[]'),
        'undelivered', (
          select count(*) from public.alert_deliveries where delivered_at is null and dead_at is null and attempts > 0),
        'dead', (select count(*) from public.alert_deliveries where dead_at > now() - interval '7 days'))
      from public.alerts where state <> 'resolved'),
    'backlog', private.backlog(),
    'rights', case when p_with_rights then (
      select jsonb_agg(jsonb_build_object('on', object, 'column', column_name, 'grantee', grantee, 'privilege', privilege)
        order by object, grantee, privilege, column_name)
      from private.held_rights) end)
$$;

comment on function public.deployment_facts(boolean) is
  'What the health check and the doctor judge: time, migrations, connections, signs of life, what npm run upgrade has left to build, Realtime, the guard of account deletions, open alerts, what is due and, with p_with_rights, every right on objects of public and private.';
revoke all on function public.deployment_facts(boolean) from public, anon, authenticated, service_role;
grant execute on function public.deployment_facts(boolean) to service_role;
