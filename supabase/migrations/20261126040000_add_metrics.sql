-- Why: a monitoring system reads counters that only grow, and what the console's figures are made of is pruned after 16 days.

create table private.webhook_totals (
  direction text not null,
  endpoint_id text not null,
  outcome text not null,
  requests bigint not null,
  primary key (direction, endpoint_id, outcome)
);
create table private.latency_totals (
  direction text not null,
  endpoint_id text not null,
  bucket int not null,
  requests bigint not null,
  primary key (direction, endpoint_id, bucket)
);
-- The slots of two hours have what the last 16 days have counted.
insert into private.webhook_totals (direction, endpoint_id, outcome, requests)
select direction, endpoint_id, outcome, sum(requests) from public.webhook_counts
where slot_minutes = 120
group by direction, endpoint_id, outcome;
insert into private.latency_totals (direction, endpoint_id, bucket, requests)
select direction, endpoint_id, bucket, sum(requests) from public.webhook_latencies
where slot_minutes = 120
group by direction, endpoint_id, bucket;

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/observe/metrics.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.metrics()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_recent constant interval := '15 minutes';
begin
  return private.webhook_metrics() || jsonb_build_object(
    'deliveries', (
      select jsonb_agg(to_jsonb(open) order by endpoint_id)
      from (
        select endpoint.id as endpoint_id,
          count(delivery.id) filter (where dead_at is null) as waiting,
          count(delivery.id) filter (where dead_at is null and status = 'failed') as failed,
          count(delivery.id) filter (where dead_at is null and next_attempt <= now()
            and private.lease_is_free(lease_expires_at)) as due,
          -- Nobody can do anything about those that are closed.
          count(delivery.id) filter (where dead_at is not null and not private.is_closed(dead_reason)) as dead,
          coalesce(extract(epoch from now() - min(delivery.created_at) filter (where dead_at is null)), 0) as oldest_seconds,
          bool_or(circuit.opened_at is not null) as circuit_is_open
        from public.webhook_endpoints endpoint
        left join public.webhook_circuits circuit on circuit.endpoint_id = endpoint.id
        left join public.webhook_deliveries delivery
          on delivery.endpoint_id = endpoint.id and delivery.status not in ('success', 'superseded', 'cancelled')
        group by endpoint.id) open),
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
  'What GET /api/metrics tells. Attempts and requests only grow; the rest is of now, or of the last 15 minutes.';
revoke all on function public.metrics() from public, anon, authenticated, service_role;
grant execute on function public.metrics() to service_role;

-- supabase/sql/observe/roll_up_webhooks.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.roll_up_webhooks(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_quarter constant interval := '15 minutes';
  -- created_at is when a transaction began: one that takes longer than this would be left out of the figures, not of the
  -- audit. The REST layer gives up after seconds.
  c_margin constant interval := '5 minutes';
  -- Of each length; twice what a window shows.
  c_slots_kept constant int := 192;
  v_until timestamptz;
  v_first timestamptz;
  v_quarter timestamptz;
  v_quarters int := 0;
  v_minutes int;
  v_slot timestamptz;
begin
  select rolled_up_until into v_until from public.webhook_roll_up where only_row for update skip locked;
  if not found then
    -- Another sweep is counting.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin;
    foreach v_minutes in array '{15,120}'::int[] loop
      v_slot := date_bin(make_interval(mins => v_minutes), v_quarter, 'epoch');
      insert into public.webhook_counts as kept (slot_minutes, slot, direction, endpoint_id, report_type, outcome, requests)
      select v_minutes, v_slot, direction, endpoint_id, report_type, outcome, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, endpoint_id, report_type, outcome
      on conflict (slot_minutes, slot, direction, endpoint_id, report_type, outcome)
        do update set requests = kept.requests + excluded.requests;
      insert into public.webhook_latencies as kept (slot_minutes, slot, direction, endpoint_id, bucket, requests)
      select v_minutes, v_slot, direction, endpoint_id, bucket, count(*)
      from private.webhook_measures
      where created_at >= v_quarter and created_at < v_quarter + c_quarter and bucket is not null
      group by direction, endpoint_id, bucket
      on conflict (slot_minutes, slot, direction, endpoint_id, bucket)
        do update set requests = kept.requests + excluded.requests;
    end loop;
    v_first := coalesce(v_first, v_quarter);
    v_until := v_quarter + c_quarter;
    v_quarters := v_quarters + 1;
  end loop;
  if v_quarters > 0 then
    update public.webhook_roll_up set rolled_up_until = v_until where only_row;
    -- Once a call: each version of a row that one transaction makes slows the search for the next.
    insert into private.webhook_totals as kept (direction, endpoint_id, outcome, requests)
    select direction, endpoint_id, outcome, sum(requests) from public.webhook_counts
    where slot_minutes = 15 and slot >= v_first
    group by direction, endpoint_id, outcome
    on conflict (direction, endpoint_id, outcome) do update set requests = kept.requests + excluded.requests;
    insert into private.latency_totals as kept (direction, endpoint_id, bucket, requests)
    select direction, endpoint_id, bucket, sum(requests) from public.webhook_latencies
    where slot_minutes = 15 and slot >= v_first
    group by direction, endpoint_id, bucket
    on conflict (direction, endpoint_id, bucket) do update set requests = kept.requests + excluded.requests;
  end if;
  foreach v_minutes in array '{15,120}'::int[] loop
    v_slot := now() - make_interval(mins => v_minutes * c_slots_kept);
    delete from public.webhook_counts where slot_minutes = v_minutes and slot < v_slot;
    delete from public.webhook_latencies where slot_minutes = v_minutes and slot < v_slot;
  end loop;
  return v_quarters;
end
$$;

comment on function public.roll_up_webhooks(int) is
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and removes counts that no window shows any more. Returns how many quarters.';
revoke all on function public.roll_up_webhooks(int) from public, anon, authenticated, service_role;
grant execute on function public.roll_up_webhooks(int) to service_role;

-- supabase/sql/observe/webhook_metrics.sql
create or replace function private.webhook_metrics()
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  c_recent constant interval := '15 minutes';
  v_rolled timestamptz := (select rolled_up_until from public.webhook_roll_up where only_row);
begin
  return (
    -- At most what a sweep has not counted yet, and what a ratio looks at: less than half an hour, however large the audit is.
    with fresh as materialized (
      select direction, endpoint_id, outcome, bucket, created_at >= v_rolled as is_new, created_at >= now() - c_recent as is_recent,
        count(*) as requests
      from private.webhook_measures where created_at >= least(v_rolled, now() - c_recent)
      group by 1, 2, 3, 4, 5, 6
    ), counts as (
      select direction, endpoint_id, outcome, sum(requests)::bigint as requests
      from (
        select direction, endpoint_id, outcome, requests from private.webhook_totals
        union all
        select direction, endpoint_id, outcome, requests from fresh where is_new) parts
      group by 1, 2, 3
    ), latencies as (
      select direction, endpoint_id, bucket, sum(requests)::bigint as requests
      from (
        select direction, endpoint_id, bucket, requests from private.latency_totals
        union all
        select direction, endpoint_id, bucket, requests from fresh where is_new and bucket is not null) parts
      group by 1, 2, 3
    )
    select jsonb_build_object(
      'counts', (select coalesce(jsonb_agg(to_jsonb(counts) order by direction, endpoint_id, outcome), '[]') from counts),
      'latencies', (select coalesce(jsonb_agg(to_jsonb(latencies) order by direction, endpoint_id, bucket), '[]') from latencies),
      'recent', (
        select coalesce(jsonb_agg(to_jsonb(recent) order by direction, endpoint_id), '[]')
        from (
          select direction, endpoint_id,
            coalesce(sum(requests) filter (where outcome <> 'skipped'), 0)::bigint as total,
            coalesce(sum(requests) filter (where outcome = any (c_succeeded)), 0)::bigint as succeeded
          from fresh where is_recent group by 1, 2) recent)));
end
$$;

comment on function private.webhook_metrics() is
  'Attempts and requests since the first: those that are rolled up, and the audit rows of the minutes that are not; and those of the last 15 minutes.';
revoke all on function private.webhook_metrics() from public, anon, authenticated, service_role;

-- supabase/sql/observe/latency_totals.sql
comment on table private.latency_totals is
  'How long attempts and requests of all time took that are rolled up, in the buckets of webhook_latencies.';
alter table private.latency_totals enable row level security;
revoke all on table private.latency_totals from anon, authenticated, service_role;

-- supabase/sql/observe/webhook_totals.sql
comment on table private.webhook_totals is
  'Attempts and requests of all time that are rolled up, by endpoint and outcome. They only grow, also when audit rows and slots are pruned.';
alter table private.webhook_totals enable row level security;
revoke all on table private.webhook_totals from anon, authenticated, service_role;
