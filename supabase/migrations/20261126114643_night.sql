-- Why: a scrape of the metrics costs the same however long an outage lasts, and the overview shows the time that a link names

-- Their followers take the end of a range too.
drop function private.job_figures(timestamp with time zone);
drop function public.webhook_statistics(text);

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

-- supabase/sql/console/job_figures.sql
-- Definer rights: people may not read the leases of jobs; it asks who the caller is itself.
create or replace function private.job_figures(p_from timestamptz, p_to timestamptz)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now jsonb;
begin
  perform private.require_operator();
  select jsonb_build_object(
    'running', count(*) filter (where state = 'running'),
    'waiting', count(*) filter (where state = 'waiting'),
    'overdue', count(*) filter (where state = 'overdue'),
    -- What waits for a result from elsewhere may take days.
    'oldest', min(created_at) filter (where generate))
  into v_now
  from private.job_states where status in ('queued', 'running');
  return v_now || (
    select jsonb_build_object(
      'failed', count(*) filter (where status = 'failed'), 'cancelled', count(*) filter (where status = 'cancelled'))
    from private.job_runs where status in ('failed', 'cancelled') and completed_at >= p_from and completed_at < p_to) || jsonb_build_object(
    'taken_over', (
      select count(*) from private.job_runs where take_overs > 0 and coalesce(completed_at, now()) >= p_from
        and coalesce(completed_at, now()) < p_to));
end
$$;

comment on function private.job_figures(timestamptz, timestamptz) is
  'How many jobs run, wait for a result from elsewhere and are overdue now, since when the oldest of those that generate is asked for, and how many failed, were cancelled and were taken over from p_from until p_to (where p_to is to come, those taken over that still run, too).';
revoke all on function private.job_figures(timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function private.job_figures(timestamptz, timestamptz) to authenticated;

-- supabase/sql/console/webhook_statistics.sql
create or replace function public.webhook_statistics(
  p_window text default 'hour', p_after timestamptz default null, p_before timestamptz default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  -- Slots of two hours are kept as long; those of a quarter of an hour, two days.
  c_furthest constant interval := '16 days';
  v_is_range boolean := p_after is not null or p_before is not null;
  v_before timestamptz := least(p_before, now());
  v_bucket interval;
  v_span interval;
  v_slot_minutes int;
  v_from timestamptz;
  v_to timestamptz;
  v_rolled timestamptz;
  -- Audit rows are read from here on; what came before is in slots. An hour and less is read whole: it has no slots.
  v_split timestamptz;
  v_traffic jsonb;
  v_open jsonb;
begin
  perform private.require_operator();
  case p_window
    when 'quarter' then v_bucket := '30 seconds'; v_span := '15 minutes';
    when 'hour' then v_bucket := '1 minute'; v_span := '1 hour';
    when 'day' then v_bucket := '15 minutes'; v_span := '1 day'; v_slot_minutes := 15;
    when 'week' then v_bucket := '2 hours'; v_span := '7 days'; v_slot_minutes := 120;
    else raise exception 'p_window is quarter, hour, day or week' using errcode = 'invalid_parameter_value';
  end case;
  if not v_is_range then
    v_to := date_bin(v_bucket, now(), 'epoch') + v_bucket;
    v_from := v_to - v_span;
  elsif (p_after < v_before and date_bin('2 hours', p_after, 'epoch') > now() - c_furthest) is not true then
    raise exception 'p_after is a time of the last 16 days, before p_before'
      using errcode = 'invalid_parameter_value';
  else
    v_slot_minutes := null;
    -- The audit may be kept for one day only.
    if v_before - p_after <= interval '1 hour' and (
      p_after > now() - interval '1 day' or exists (select from public.webhook_audit where created_at < p_after))
    then
      v_bucket := case when v_before - p_after <= interval '15 minutes' then '30 seconds' else '1 minute' end;
    elsif v_before - p_after <= interval '1 day' and date_bin('15 minutes', p_after, 'epoch') > now() - interval '2 days' then
      v_bucket := '15 minutes'; v_slot_minutes := 15;
    else
      v_bucket := '2 hours'; v_slot_minutes := 120;
    end if;
    v_from := date_bin(v_bucket, p_after, 'epoch');
    v_to := date_bin(v_bucket, v_before - interval '1 microsecond', 'epoch') + v_bucket;
  end if;
  select rolled_up_until into strict v_rolled from public.webhook_roll_up where only_row;
  v_split := case when v_slot_minutes is null then v_from else greatest(v_from, v_rolled) end;

  with fresh as materialized (
    select date_bin(v_bucket, created_at, 'epoch') as at, direction, report_type, outcome, reports_failure, bucket,
      count(*) as requests
    from private.webhook_measures where created_at >= v_split and created_at < v_to
    group by 1, 2, 3, 4, 5, 6
  ), counts as materialized (
    -- Only what arrived reported anything.
    select at, direction, report_type, outcome, reports_failure and outcome = any (c_succeeded) as reports_failure,
      sum(requests)::bigint as requests
    from (
      select at, direction, report_type, outcome, reports_failure, requests from fresh
      union all
      select slot, direction, report_type, outcome, reports_failure, requests
      from public.webhook_counts where slot_minutes = v_slot_minutes and slot >= v_from and slot < v_to) parts
    group by 1, 2, 3, 4, 5
  ), latencies as (
    -- Of each bucket of the series, and (at null) of the whole window.
    select at, direction, bucket, sum(requests::int)::int as requests
    from (
      select at, direction, bucket, requests from fresh where bucket is not null
      union all
      select slot, direction, bucket, requests
      from public.webhook_latencies where slot_minutes = v_slot_minutes and slot >= v_from and slot < v_to) parts
    group by grouping sets ((at, direction, bucket), (direction, bucket))
  ), ranked as (
    select at, direction, bucket,
      sum(requests) over (partition by at, direction order by bucket) as up_to,
      sum(requests) over (partition by at, direction) as total
    from latencies
  ), percentiles as (
    select at, direction,
      min(bucket) filter (where up_to >= 0.50 * total) as p50,
      min(bucket) filter (where up_to >= 0.95 * total) as p95,
      min(bucket) filter (where up_to >= 0.99 * total) as p99
    from ranked group by at, direction
  ), totals as (
    select at, direction,
      -- What a sender is refused over its rate is no failure of ours.
      sum(requests) filter (where outcome not in ('skipped', 'rate_limited'))::bigint as total,
      coalesce(sum(requests) filter (where outcome = any (c_succeeded) and not reports_failure), 0)::bigint as succeeded,
      coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures,
      coalesce(sum(requests) filter (where outcome = 'skipped'), 0)::bigint as skipped
    from counts group by grouping sets ((at, direction), (direction))
  ), traffic as (
    select totals.at, totals.direction,
      private.traffic(total, succeeded, reported_failures, p50, p95, p99)
        || case totals.direction when 'out' then jsonb_build_object('skipped', skipped) else '{}' end as figures
    from totals
    left join percentiles on percentiles.direction = totals.direction
      and coalesce(percentiles.at, '-infinity') = coalesce(totals.at, '-infinity')
  ), nothing as (
    select private.traffic(0, 0, 0, null, null, null) as received,
      private.traffic(0, 0, 0, null, null, null) || '{"skipped": 0}' as sent
  )
  select jsonb_build_object(
    'sent', coalesce((select figures from traffic where at is null and direction = 'out'), sent),
    'received', coalesce((select figures from traffic where at is null and direction = 'in'), received),
    'series', (
      select jsonb_agg(jsonb_build_object(
        'at', bucket.at, 'sent', coalesce(outgoing.figures, sent), 'received', coalesce(incoming.figures, received))
        order by bucket.at)
      from generate_series(v_from, v_to - v_bucket, v_bucket) bucket (at)
      left join traffic outgoing on outgoing.at = bucket.at and outgoing.direction = 'out'
      left join traffic incoming on incoming.at = bucket.at and incoming.direction = 'in'),
    'by_outcome', (
      select coalesce(jsonb_agg(to_jsonb(summed) order by direction desc, count desc, outcome), '[]')
      from (
        select direction, outcome, sum(requests)::bigint as count,
          coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures
        from counts group by 1, 2) summed),
    'attempts', (
      select coalesce(jsonb_object_agg(report_type, private.traffic(total, succeeded, reported_failures, null, null, null)), '{}')
      from (
        select report_type, sum(requests)::bigint as total,
          coalesce(sum(requests) filter (where outcome = 'delivered' and not reports_failure), 0)::bigint as succeeded,
          coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures
        from counts where direction = 'out' and outcome <> 'skipped' and report_type is not null
        group by 1) attempted))
  into v_traffic from nothing;

  select jsonb_object_agg(report_type, to_jsonb(open) - 'report_type') into v_open
  from (
    select report_type,
      count(*) filter (where dead_at is null) as waiting,
      -- Of those that are closed a person has to look only at a lost result: its report can be requested again.
      count(*) filter (where dead_at is not null and (dead_reason = 'import' or not private.is_closed(dead_reason))) as dead,
      count(*) filter (where status = 'pending') as pending,
      count(*) filter (where status = 'sent') as sent,
      count(*) filter (where status = 'retrying') as retrying,
      count(*) filter (where status = 'failed' and dead_at is null) as failed,
      count(*) filter (where dead_at is null and next_attempt <= now()
        and (lease_expires_at is null or lease_expires_at < now())) as due,
      min(created_at) filter (where dead_at is null) as oldest
    from public.webhook_deliveries where status not in ('success', 'superseded', 'cancelled')
    group by report_type) open;

  return (
    select jsonb_build_object(
      'window', case when not v_is_range then p_window end, 'as_of', now(), 'from', v_from, 'to', least(v_to, now()), 'bucket_seconds', extract(epoch from v_bucket)::int,
      'rolled_up_until', nullif(v_rolled, '-infinity'),
      'by_status', jsonb_build_object(
        'pending', coalesce(sum(pending), 0), 'sent', coalesce(sum(open.sent), 0),
        'retrying', coalesce(sum(retrying), 0), 'failed', coalesce(sum(open.failed), 0),
        'dead', coalesce(sum(dead), 0),
        -- Whatever it brought: a delivery has succeeded when it arrived.
        'success', (v_traffic -> 'sent' ->> 'succeeded')::bigint + (v_traffic -> 'sent' ->> 'reported_failures')::bigint),
      'queue', jsonb_build_object(
        'depth', coalesce(sum(waiting), 0), 'due', coalesce(sum(due), 0), 'oldest_waiting', min(oldest)),
      'by_report_type', jsonb_agg(jsonb_build_object(
        'report_type', type.report_type, 'waiting', coalesce(waiting, 0), 'dead', coalesce(dead, 0))
        || (coalesce(v_traffic -> 'attempts' -> type.report_type, private.traffic(0, 0, 0, null, null, null))
          - '{p50_ms,p95_ms,p99_ms}'::text[]) order by type.report_type),
      'circuits', (
        select jsonb_agg(jsonb_build_object(
          'endpoint_id', endpoint_id, 'opened_at', opened_at, 'probe_after', probe_after,
          'state', case when opened_at is null then 'closed' when probe_after > now() then 'open' else 'half_open' end)
          order by endpoint_id desc)
        from public.webhook_circuits),
      'jobs', private.job_figures(v_from, v_to))
      || (v_traffic - 'attempts')
    from public.report_types type
    left join lateral jsonb_to_record(v_open -> type.report_type) as open (
      waiting bigint, dead bigint, pending bigint, sent bigint, retrying bigint, failed bigint, due bigint,
      oldest timestamptz) on true);
end
$$;

comment on function public.webhook_statistics(text, timestamptz, timestamptz) is
  'How webhooks fared in the last quarter of an hour, hour, day or week, in buckets of 30 seconds, a minute, a quarter of an hour or two hours, and what waits now; and how jobs fared. With p_after and p_before, instead: in the whole buckets from the one to the other, as fine as is kept of that time. A delivery that brings the news of a failed generation is counted by itself, as neither success nor failure. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
revoke all on function public.webhook_statistics(text, timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.webhook_statistics(text, timestamptz, timestamptz) to authenticated;

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
