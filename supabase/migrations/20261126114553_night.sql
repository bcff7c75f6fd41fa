-- Why: a scrape of the metrics costs the same however long an outage lasts

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/finish_table.sql
-- The one list of what costs a scan of a large table, of the platform or of ours. A migration would block its writers meanwhile: it does
-- this on small tables only, and npm run upgrade does the rest while everything else goes on.
create or replace function private.finish_table(p_table_name text, p_now boolean default false)
returns table (name text, statement text)
language plpgsql volatile set search_path = '' as $$
declare
  v_schema text := case p_table_name when 'job_runs' then 'private' else 'public' end;
  v_statement text;
  v_name text;
  v_is_small boolean;
begin
  execute format('select not exists (select from %I.%I offset 1000 limit 1)', v_schema, p_table_name) into v_is_small;
  foreach v_statement in array case p_table_name
    when 'webhook_audit' then array[
      'alter table public.webhook_audit validate constraint audit_direction_is_known',
      'create index webhook_audit_created_at on public.webhook_audit (created_at desc, id desc)',
      'create index webhook_audit_event on public.webhook_audit (event_id, created_at desc)',
      'create index webhook_audit_job on public.webhook_audit (job_id, created_at desc)',
      'create index webhook_audit_report on public.webhook_audit (report_id, created_at desc)',
      'create index webhook_audit_round on public.webhook_audit (delivery_id, round) where delivery_id is not null',
      'create index webhook_audit_attempts on public.webhook_audit (endpoint_id, created_at) include (outcome)
         where direction = ''out''',
      'create index webhook_audit_outcome on public.webhook_audit (outcome, created_at desc, id desc)
         where outcome not in (''applied'', ''delivered'')',
      'create index webhook_audit_actor on public.webhook_audit (actor, created_at desc, id desc) where actor is not null',
      'create index webhook_audit_response_status on public.webhook_audit (response_status, created_at desc, id desc)
         where response_status <> 200 or response_status is null']
    when 'job_runs' then array[
      'create index job_runs_unfinished on private.job_runs (created_at desc, job_id desc)
         where status in (''queued'', ''running'')',
      'create index job_runs_unsuccessful on private.job_runs (status, completed_at desc, job_id desc)
         where status in (''failed'', ''cancelled'')',
      -- Byte by byte, so that the beginning of an id finds it in every collation.
      'create index job_runs_id_start on private.job_runs (job_id text_pattern_ops)',
      'create index job_runs_taken_over on private.job_runs (created_at desc, job_id desc) where take_overs > 0']
    when 'webhook_deliveries' then array[
      'create index webhook_deliveries_dead_by_endpoint on public.webhook_deliveries (endpoint_id, dead_reason)
         where dead_at is not null']
    when 'report_events' then array[
      'create index report_events_id_start on public.report_events (id text_pattern_ops)']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name),
      -- Of built-in functions alone: whoever writes a report would need the right to execute one of ours. What is no object has no
      -- words, and a long name is cut, so that no row fails. Written at once, since a search would read what is put off.
      format('create index %I on public.%I using gin (to_tsvector(''pg_catalog.simple'', "left"(
        coalesce(user_data ->> ''full_name'', '''') || '' '' || coalesce(user_data ->> ''requirement_title'', '''') || '' ''
        || coalesce(user_data ->> ''title'', '''') || '' '' || coalesce(user_data ->> ''name'', '''') || '' ''
        || coalesce(user_data ->> ''organisation_name'', ''''), 1000))) with (fastupdate = off)', p_table_name || '_words', p_table_name)]
    end
  loop
    v_name := substring(v_statement from '(?:create index|validate constraint) (\w+)');
    continue when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass(v_schema || '.' || v_name) and indisvalid);
    continue when exists (
      select from pg_catalog.pg_constraint
      where conrelid = to_regclass(v_schema || '.' || p_table_name) and conname = v_name and convalidated);
    if p_now and v_is_small then
      execute v_statement;
    else
      name := v_name;
      statement := v_statement;
      return next;
    end if;
  end loop;
end
$$;

comment on function private.finish_table(text, boolean) is
  'The indexes that a report table, webhook_audit, webhook_deliveries, report_events or private.job_runs lacks, and the constraints that nobody has validated there, with the statement for each. p_now: where the table has at most 1,000 rows, they are made at once and not returned.';
revoke all on function private.finish_table(text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/observe/metrics.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.metrics()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_recent constant interval := '15 minutes';
  -- Of what waits at an endpoint no more is counted, beginning with what is due first.
  c_counted constant int := 10000;
begin
  return private.webhook_metrics() || jsonb_build_object(
    'deliveries', (
      select jsonb_agg(jsonb_build_object(
        'endpoint_id', endpoint.id, 'waiting', queue.waiting, 'failed', queue.failed, 'due', queue.due,
        'oldest_seconds', coalesce(extract(epoch from now() - queue.oldest), 0), 'dead', letters.dead,
        'circuit_is_open', circuit.opened_at is not null) order by endpoint.id)
      from public.webhook_endpoints endpoint
      left join public.webhook_circuits circuit on circuit.endpoint_id = endpoint.id
      cross join lateral (
        select count(*) as waiting, count(*) filter (where status = 'failed') as failed,
          count(*) filter (where next_attempt <= now() and (lease_expires_at is null or lease_expires_at < now())) as due,
          min(created_at) as oldest
        from (
          select status, next_attempt, lease_expires_at, created_at from public.webhook_deliveries
          where endpoint_id = endpoint.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          order by next_attempt, id limit c_counted) waiting) queue
      cross join lateral (
        -- By reason first, from the index alone. Nobody can do anything about those that are closed.
        select coalesce(sum(deliveries) filter (where not private.is_closed(dead_reason)), 0) as dead
        from (
          select dead_reason, count(*) as deliveries from public.webhook_deliveries
          where endpoint_id = endpoint.id and dead_at is not null group by dead_reason) by_reason) letters),
    'jobs', (
      select jsonb_build_object(
        'queued', count(*) filter (where status = 'queued'), 'running', count(*) filter (where status = 'running'),
        'overdue', (select count(*) from private.due_jobs),
        'oldest_seconds', coalesce(extract(epoch from now() - min(created_at)), 0))
      from private.job_runs where status in ('queued', 'running')),
    'finished_jobs', (
      select jsonb_object_agg(known.status, coalesce(finished.jobs, 0))
      from unnest('{succeeded,failed,cancelled}'::text[]) known (status)
      left join (
        select status, count(*) as jobs from private.job_runs
        where status in ('succeeded', 'failed', 'cancelled') and completed_at > now() - c_recent
        group by status) finished on finished.status = known.status),
    'refused', (
      select coalesce(sum(requests), 0) from public.webhook_refusals where minute > now() - c_recent),
    'heartbeats', (
      select jsonb_agg(jsonb_build_object(
        'source', source, 'beats', beats, 'seconds_ago', extract(epoch from clock_timestamp() - last_at)) order by source)
      from private.heartbeats),
    'alerts', (
      select jsonb_agg(to_jsonb(known) order by rule)
      from (
        select rule.rule, count(*) filter (where alert.state = 'firing') as firing,
          count(*) filter (where alert.state = 'pending') as pending
        from private.alert_rules rule left join public.alerts alert on alert.rule = rule.rule and alert.state <> 'resolved'
        group by rule.rule) known),
    'pings', (
      select coalesce(jsonb_agg(to_jsonb(last) order by address), '[]')
      from (
        select distinct on (address) address, ok, duration_ms
        from private.ping_results where at > now() - c_recent order by address, at desc) last),
    'functions', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', name, 'invocations', invocations, 'cpu_ms', cpu_ms,
        'memory_bytes', case when memory_at > now() - c_recent then memory_bytes end) order by name), '[]')
      from private.function_usage),
    'connections', (
      select coalesce(jsonb_agg(to_jsonb(connected) order by role, state), '[]')
      from (
        -- What belongs to others is hidden where the owner of this function may not read it: its state is unknown then.
        select coalesce(usename::text, 'unknown') as role, coalesce(state, 'unknown') as state,
          case when wait_event_type in ('Lock', 'LWLock', 'IO', 'BufferPin') then wait_event_type else 'none' end as wait,
          count(*) as connections
        from pg_catalog.pg_stat_activity where backend_type = 'client backend'
        group by 1, 2, 3) connected),
    'most_connections', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
    'reports_to_import', (
      select count(*) from (select from private.reports_to_import limit 10000) waiting));
end
$$;

comment on function public.metrics() is
  'What GET /api/metrics tells. Attempts and requests only grow; the rest is of now, or of the last 15 minutes. What waits is counted up to 10,000 by endpoint, those that are due first; the oldest is the oldest of these.';
revoke all on function public.metrics() from public, anon, authenticated, service_role;
grant execute on function public.metrics() to service_role;

-- supabase/sql/reports/unfinished_tables.sql
create or replace view private.unfinished_tables with (security_invoker = true) as
  select tables.table_name, part.name, part.statement
  from (
    select table_name from public.report_types
    union all select unnest('{webhook_audit,webhook_deliveries,report_events,job_runs}'::text[])) tables
  cross join lateral private.finish_table(tables.table_name) part;

comment on view private.unfinished_tables is
  'What npm run upgrade still has to build on large tables. No row: nothing.';
revoke all on private.unfinished_tables from anon, authenticated, service_role;
