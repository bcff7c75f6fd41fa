-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.metrics()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_recent constant interval := '15 minutes';
  -- Limit of counted deliveries per endpoint, earliest due first.
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
      left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
      cross join lateral (
        select count(*) as waiting, count(*) filter (where status = 'failed') as failed,
          count(*) filter (where next_attempt <= now() and (lease_expires_at is null or lease_expires_at < now())) as due,
          min(created_at) as oldest
        from (
          select status, next_attempt, lease_expires_at, created_at from public.webhook_deliveries
          where endpoint_id = endpoint.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          order by next_attempt, id limit c_counted) waiting) queue
      cross join lateral (
        -- Grouped by reason first, which needs only the index. Closed dead letters are left out, since nobody can do anything
        -- about them.
        select coalesce(sum(deliveries) filter (where not private.is_closed(dead_reason)), 0) as dead
        from (
          select dead_reason, count(*) as deliveries from public.webhook_deliveries
          where endpoint_id = endpoint.id and dead_at is not null group by dead_reason) by_reason) letters
      -- At most 200 subscribers remain (create_endpoint()).
      where subscriber.state is distinct from 'removed'),
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
        -- PostgreSQL hides other roles' sessions if this function's owner may not see them; their state is then unknown.
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
  'The data of GET /api/metrics. Attempts and requests only grow; the rest is of now, or of the last 15 minutes. Waiting deliveries are counted up to 10,000 by endpoint, those that are due first; the oldest is the oldest of these.';
revoke all on function public.metrics() from public, anon, authenticated, service_role;
grant execute on function public.metrics() to service_role;
