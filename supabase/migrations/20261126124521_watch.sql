-- Why: what subscribers promise was watched by nothing: neither by verify_reports(), nor by an alert of their own.

-- The result of a function cannot change, nor its parameters.
drop function private.sending_policy();
drop function public.prune_expired(int, int, int, int, jsonb);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/keep_subscribers.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.keep_subscribers(p_pause_max_days int, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_policy record := private.sending_policy();
  v_endpoint record;
  v_id bigint;
  v_paused int := 0;
  v_removed int := 0;
  v_expired int := 0;
  v_cancelled int := 0;
  v_woken int := 0;
begin
  -- The alerts tell when what waits is given up.
  update private.watch_state set pause_max_days = p_pause_max_days where only_row and pause_max_days <> p_pause_max_days;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'active' and failing_since < now() - v_policy.paused_after
      and private.was_sent_lately(endpoint_id)
    order by endpoint_id limit p_limit for no key update skip locked
  loop
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'paused', 'failing', 'sweep');
    v_paused := v_paused + 1;
  end loop;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'unverified' and created_at < now() - v_policy.unverified_for
    order by endpoint_id limit p_limit
  loop
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'removed', 'never_verified', 'sweep');
    v_removed := v_removed + 1;
  end loop;
  -- What a paused subscriber has waited too long for: a person can still redrive it, as long as the content is there.
  for v_id in
    select delivery.id from private.subscribers subscriber
    join public.webhook_deliveries delivery on delivery.endpoint_id = subscriber.endpoint_id
    where subscriber.state in ('paused', 'active')
      and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
      and delivery.next_attempt < now() - make_interval(days => p_pause_max_days)
      and delivery.created_at < now() - make_interval(days => p_pause_max_days)
    order by delivery.id limit p_limit for update of delivery skip locked
  loop
    perform private.move_delivery(v_id, 'closed', p_reason => 'pause_expired');
    v_expired := v_expired + 1;
  end loop;
  for v_id in
    (select delivery.id from public.plans plan
    join public.webhook_deliveries delivery on delivery.plan = plan.id
    where plan.kind in ('replay', 'start') and plan.status = 'cancelled' and plan.finished_at > now() - interval '2 days'
      and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
    order by delivery.id limit p_limit for update of delivery skip locked)
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  for v_id in
    select delivery.id from private.subscribers subscriber
    join public.webhook_deliveries delivery on delivery.endpoint_id = subscriber.endpoint_id
    where subscriber.state = 'removed' and delivery.status not in ('success', 'superseded', 'cancelled')
      and delivery.dead_at is null
    order by delivery.id limit p_limit for update of delivery skip locked
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  -- Whoever ended the delivery before it could not get its lock.
  for v_id in
    select parked.id from public.webhook_deliveries parked
    join public.webhook_deliveries earlier on earlier.id = parked.waits_for
    where parked.waits_for is not null and not private.holds_back(earlier.id)
    order by parked.id limit p_limit for update of parked skip locked
  loop
    perform private.move_delivery(v_id, 'woken');
    v_woken := v_woken + 1;
  end loop;
  delete from private.endpoint_secrets where expires_at < now() - interval '1 day';
  return jsonb_build_object(
    'paused', v_paused, 'removed', v_removed, 'expired', v_expired, 'cancelled', v_cancelled, 'woken', v_woken,
    'more', p_limit in (v_expired, v_cancelled, v_woken));
end
$$;

comment on function public.keep_subscribers(int, int) is
  'What time makes of subscribers: pauses those that accept nothing for days, removes those that never answered a check, gives up what waited longer than p_pause_max_days, cancels what waits for a removed one, wakes what nobody woke. Returns how many of each, and more: call again.';
revoke all on function public.keep_subscribers(int, int) from public, anon, authenticated, service_role;
grant execute on function public.keep_subscribers(int, int) to service_role;

-- supabase/sql/deliver/sending_policy.sql
create or replace function private.sending_policy(
  out slots interval[], out jitter double precision, out longest_retry_after interval,
  out circuit_window interval, out circuit_attempts int, out circuit_failed_share double precision,
  out circuit_pause interval, out subscriber_in_flight int, out in_flight_doubles_each_seconds double precision,
  out slow_after interval, out paused_after interval, out unverified_for interval)
returns record
language plpgsql immutable set search_path = '' as $$
begin
  slots := '{30 seconds,2 minutes,10 minutes,1 hour,6 hours,24 hours}';
  -- Each slot is up to a fifth shorter or longer: deliveries that failed together must not come back together.
  jitter := 0.2;
  longest_retry_after := '1 hour';
  -- A circuit opens when this share of at least so many attempts in the window failed retryably.
  circuit_window := '1 minute';
  circuit_attempts := 10;
  circuit_failed_share := 0.5;
  -- Until one probe asks whether the endpoint is back.
  circuit_pause := '30 seconds';
  -- To one subscriber at once. After a time-out, 429 or 5xx half as many, which doubles again with the time that passes.
  subscriber_in_flight := 16;
  in_flight_doubles_each_seconds := 10;
  -- One that has not answered for so long has at most two senders.
  slow_after := '1 second';
  -- A subscriber that has accepted nothing for so long is paused. The alert subscriber_failing comes before.
  paused_after := '5 days';
  -- One that never answered its check is removed.
  unverified_for := '7 days';
end
$$;

comment on function private.sending_policy() is
  'The numbers of the sending policy, here and nowhere else: the retry slots, how far Retry-After is honoured, when a circuit opens and is probed, and how gently subscribers are sent to.';
revoke all on function private.sending_policy() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/subscriber_secrets.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.subscriber_secrets()
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'endpoint_id', subscriber.endpoint_id, 'sealed', (
      select coalesce(jsonb_agg(secret.sealed order by secret.id desc), '[]') from private.endpoint_secrets secret
      where secret.endpoint_id = subscriber.endpoint_id and (secret.expires_at is null or secret.expires_at > now())))
    order by subscriber.endpoint_id), '[]')
  from private.subscribers subscriber
  where subscriber.state <> 'removed'
$$;

comment on function public.subscriber_secrets() is
  'The sealed secrets of each subscriber: the health check and the doctor try whether they can still be opened.';
revoke all on function public.subscriber_secrets() from public, anon, authenticated, service_role;
grant execute on function public.subscriber_secrets() to service_role;

-- supabase/sql/deliver/waiting_for.sql
create or replace function private.waiting_for(p_endpoint_id text, out waiting bigint, out oldest timestamptz)
returns record
language plpgsql stable set search_path = '' as $$
declare
  -- More is a backlog in any case.
  c_counted constant int := 10000;
begin
  select count(*), min(next_attempt) into waiting, oldest
  from (
    select next_attempt from public.webhook_deliveries
    where endpoint_id = p_endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
    order by next_attempt limit c_counted) open;
end
$$;

comment on function private.waiting_for(text) is
  'How many deliveries wait for an endpoint, counted up to 10,000, and when the oldest was due.';
revoke all on function private.waiting_for(text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/was_sent_lately.sql
create or replace function private.was_sent_lately(p_endpoint_id text)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_lately constant interval := '2 days';
begin
  return exists (
      select from public.webhook_deliveries
      where endpoint_id = p_endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        -- What was never sent is passed over in the index.
        and attempts > 0 and last_attempt > now() - c_lately)
    or exists (
      select from public.webhook_deliveries
      where endpoint_id = p_endpoint_id and dead_at > now() - c_lately and last_attempt > now() - c_lately);
end
$$;

comment on function private.was_sent_lately(text) is
  'Whether a subscriber that has accepted nothing was sent anything within two days: it can accept only what it was sent.';
revoke all on function private.was_sent_lately(text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_circuit_open.sql
create or replace function private.alert_on_circuit_open(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select circuit.endpoint_id, round(extract(epoch from now() - circuit.opened_at)), queue.depth,
    jsonb_build_object('opened_at', private.iso_time(circuit.opened_at), 'waiting', queue.depth)
  from public.webhook_circuits circuit
  join private.queues() queue on queue.endpoint_id = circuit.endpoint_id
  where circuit.opened_at < now() - make_interval(secs => p_rule.threshold::double precision)
$$;

comment on function private.alert_on_circuit_open(private.alert_rules) is
  'Endpoints of ours whose circuit has been open for longer, in seconds.';
revoke all on function private.alert_on_circuit_open(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_dead_letters.sql
create or replace function private.alert_on_dead_letters(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select dead.endpoint_id, count(*)::numeric, count(*),
    jsonb_build_object(
      'dead_letters', count(*), 'refused', count(*) filter (where dead.dead_reason = 'refused'),
      'event_ids', private.plain_ids(array_agg(dead.event_id order by dead.dead_at desc)))
  from (
    select delivery.endpoint_id, delivery.event_id, delivery.dead_at, delivery.dead_reason
    from public.webhook_deliveries delivery
    where delivery.dead_at > now() - p_rule.lookback and not private.is_closed(delivery.dead_reason)
      -- The import makes many at once, which npm run upgrade tells.
      and delivery.dead_reason <> 'import'
    order by delivery.dead_at desc limit 1000) dead
  group by dead.endpoint_id
  having count(*) >= p_rule.threshold
$$;

comment on function private.alert_on_dead_letters(private.alert_rules) is
  'Endpoints, subscribers among them, with at least so many new dead letters that a person can redrive, counted up to 1,000.';
revoke all on function private.alert_on_dead_letters(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_latency.sql
create or replace function private.alert_on_latency(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2000;
begin
  if to_regclass('public.webhook_audit_attempts') is null then
    -- As alert_on_success_rate().
    return;
  end if;
  return query
  select endpoint.id, round(measured.p95::numeric), measured.slow,
    jsonb_build_object('attempts', measured.total, 'slow', measured.slow, 'p95_ms', round(measured.p95::numeric))
  from public.webhook_endpoints endpoint
  cross join lateral (
    select count(*) as total, count(*) filter (where recent.duration_ms > p_rule.threshold) as slow,
      percentile_disc(0.95) within group (order by recent.duration_ms) as p95
    from (
      select audit.duration_ms from public.webhook_audit audit
      where audit.direction = 'out' and audit.endpoint_id = endpoint.id and audit.created_at > now() - p_rule.lookback
      order by audit.created_at desc limit c_newest) recent
    where recent.duration_ms is not null) measured
  where endpoint.kind = 'internal' and measured.total >= p_rule.minimum and measured.p95 > p_rule.threshold;
end
$$;

comment on function private.alert_on_latency(private.alert_rules) is
  'Endpoints of ours whose newest attempts took longer, in milliseconds, by the 95th percentile.';
revoke all on function private.alert_on_latency(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_queue_age.sql
create or replace function private.alert_on_queue_age(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select queue.endpoint_id, round(extract(epoch from now() - queue.oldest)), greatest(queue.depth, 1),
    jsonb_build_object('waiting', queue.depth, 'oldest', private.iso_time(queue.oldest), 'event_ids', queue.event_ids)
  from private.queues() queue
  where queue.oldest < now() - make_interval(secs => p_rule.threshold::double precision)
$$;

comment on function private.alert_on_queue_age(private.alert_rules) is
  'Endpoints of ours whose oldest delivery waits longer, in seconds.';
revoke all on function private.alert_on_queue_age(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_queue_depth.sql
create or replace function private.alert_on_queue_depth(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select queue.endpoint_id, queue.depth::numeric, queue.depth,
    jsonb_build_object('waiting', queue.depth, 'oldest', private.iso_time(queue.oldest), 'event_ids', queue.event_ids)
  from private.queues() queue
  where queue.depth > p_rule.threshold
$$;

comment on function private.alert_on_queue_depth(private.alert_rules) is
  'Endpoints of ours with more deliveries waiting.';
revoke all on function private.alert_on_queue_depth(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_subscriber_failing.sql
create or replace function private.alert_on_subscriber_failing(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select subscriber.endpoint_id, round(extract(epoch from now() - subscriber.failing_since) / 86400, 1),
    queue.waiting,
    jsonb_build_object(
      'failing_since', private.iso_time(subscriber.failing_since),
      'paused_at', private.iso_time(subscriber.failing_since + policy.paused_after), 'waiting', queue.waiting)
  from private.subscribers subscriber
  cross join private.sending_policy() policy
  cross join lateral private.waiting_for(subscriber.endpoint_id) queue
  where subscriber.state = 'active' and subscriber.failing_since < now() - p_rule.threshold * interval '1 day'
    and private.was_sent_lately(subscriber.endpoint_id)
$$;

comment on function private.alert_on_subscriber_failing(private.alert_rules) is
  'Subscribers that have accepted nothing for longer, in days: they will be paused.';
revoke all on function private.alert_on_subscriber_failing(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_subscriber_paused.sql
create or replace function private.alert_on_subscriber_paused(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select subscriber.endpoint_id,
    -- Nothing waits yet: what comes now is given up last.
    greatest(round(extract(epoch from coalesce(kept.given_up_at, now() + kept.longest) - now()) / 86400, 1), 0),
    queue.waiting,
    jsonb_build_object(
      'reason', subscriber.state_reason, 'paused_at', private.iso_time(subscriber.state_since), 'waiting', queue.waiting,
      'given_up_at', private.iso_time(kept.given_up_at))
  from private.subscribers subscriber
  cross join lateral private.waiting_for(subscriber.endpoint_id) queue
  cross join lateral (
    select watch.longest, queue.oldest + watch.longest as given_up_at
    from (select make_interval(days => pause_max_days) as longest from private.watch_state where only_row) watch) kept
  where subscriber.state = 'paused' and (
    -- A person who pauses knows of it.
    subscriber.state_reason <> 'operator' or kept.given_up_at < now() + p_rule.threshold * interval '1 day')
$$;

comment on function private.alert_on_subscriber_paused(private.alert_rules) is
  'Subscribers that nobody has paused and that are paused, and those of which the oldest delivery is given up in fewer days.';
revoke all on function private.alert_on_subscriber_paused(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_success_rate.sql
create or replace function private.alert_on_success_rate(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2000;
begin
  if to_regclass('public.webhook_audit_attempts') is null then
    -- npm run upgrade has not built it yet, as the doctor says: without it the whole audit would be read each minute.
    return;
  end if;
  return query
  select endpoint.id, round(100.0 * (counted.total - counted.failed) / counted.total, 1), counted.failed,
    jsonb_build_object('attempts', counted.total, 'failed', counted.failed, 'spared', counted.spared)
  from public.webhook_endpoints endpoint
  left join public.webhook_circuits circuit on circuit.endpoint_id = endpoint.id
  cross join lateral (
    select count(*) as total, count(*) filter (where recent.outcome <> 'delivered') as failed,
      count(*) filter (where recent.outcome = 'skipped') as spared
    from (
      select audit.outcome from public.webhook_audit audit
      where audit.direction = 'out' and audit.endpoint_id = endpoint.id
        -- What failed before the circuit closed is over.
        and audit.created_at > greatest(now() - p_rule.lookback, circuit.closed_at)
      order by audit.created_at desc limit c_newest) recent) counted
  where endpoint.kind = 'internal' and counted.total >= p_rule.minimum and 100.0 * (counted.total - counted.failed) < p_rule.threshold * counted.total;
end
$$;

comment on function private.alert_on_success_rate(private.alert_rules) is
  'Endpoints of ours with a lower share of attempts delivered, in percent, among the newest. An attempt that an open circuit spared counts as failed.';
revoke all on function private.alert_on_success_rate(private.alert_rules) from public, anon, authenticated, service_role;

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
        -- By reason first, from the index alone. Nobody can do anything about those that are closed.
        select coalesce(sum(deliveries) filter (where not private.is_closed(dead_reason)), 0) as dead
        from (
          select dead_reason, count(*) as deliveries from public.webhook_deliveries
          where endpoint_id = endpoint.id and dead_at is not null group by dead_reason) by_reason) letters
      -- At most 200 of others are left (create_endpoint()).
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

-- supabase/sql/observe/prune_expired.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null,
  -- Functions that do not know it hold content for as long as it is by default.
  p_pause_max_days int default 30)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Erasing an event takes locks, its audit rows and up to a megabyte of content: a batch of them must end before REST ends
  -- the call, which would undo all of it, at each sweep.
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
  -- What comes first of each kind. With `p_after is null or …` no plan could begin at p_after in an index.
  v_after jsonb := coalesce(p_after, '{
    "audit": {"at": "-infinity", "id": "00000000-0000-0000-0000-000000000000"},
    "payloads": {"at": "-infinity", "id": ""}, "jobs": {"at": "-infinity", "id": ""}}');
  -- Of each kind the range that this call looks at: up to p_limit rows in order of age, kept ones among them. Whether a row is
  -- needed is asked by a query with `limit 1`: for `exists`, PostgreSQL may read all open deliveries at each call.
  v_audit record;
  v_payloads record;
  v_finished record;
  v_audit_pruned int;
  v_refusals int;
  v_buckets int;
  v_alerts int;
  v_plans int;
  v_checks int;
  v_event_id text;
  v_erased int := 0;
  v_jobs text[];
  -- Of these jobs, those whose row of report_jobs is locked here.
  v_shown text[];
  v_pruned int;
begin
  perform set_config('polaris.retention', 'on', true);
  select coalesce(array_agg(id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', created_at, 'id', id) order by created_at, id))[p_limit] as last
  into v_audit
  from (
    select audit.id, audit.created_at,
      -- The history of a delivery that is not settled yet tells a person why.
      (select true from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and private.is_closed(delivery.dead_reason) is not true
        limit 1) is not null as needed
    from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      and (created_at, id) > ((v_after #>> '{audit,at}')::timestamptz, (v_after #>> '{audit,id}')::uuid)
    order by created_at, id
    limit p_limit) range;
  delete from public.webhook_audit where id in (
    select id from public.webhook_audit where id = any (v_audit.ids) for update skip locked);
  get diagnostics v_audit_pruned = row_count;
  delete from public.webhook_refusals where (minute, part) in (
    select minute, part from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute, part limit p_limit);
  get diagnostics v_refusals = row_count;
  -- Full since an hour at least: a part without a row is full too.
  delete from private.rate_buckets where (kind, key, part) in (
    select kind, key, part from private.rate_buckets
    where hour < date_bin('1 hour', now(), 'epoch') - interval '1 hour'
    order by hour limit p_limit for update skip locked);
  get diagnostics v_buckets = row_count;
  delete from public.alerts where id in (
    select id from public.alerts
    where state = 'resolved' and resolved_at < now() - make_interval(days => p_audit_days)
    order by resolved_at, id limit p_limit for update skip locked);
  get diagnostics v_alerts = row_count;
  delete from public.plans where id in (
    select id from public.plans
    where finished_at < now() - make_interval(days => p_audit_days)
    order by finished_at, id limit p_limit for update skip locked);
  get diagnostics v_plans = row_count;
  -- The last one of a subscriber says how it stands, however old.
  delete from private.endpoint_checks where id in (
    select checked.id from private.endpoint_checks checked
    where checked.created_at < now() - make_interval(days => p_audit_days) and exists (
      select from private.endpoint_checks later
      where later.endpoint_id = checked.endpoint_id and later.id > checked.id)
    order by checked.created_at limit p_limit for update of checked skip locked);
  get diagnostics v_checks = row_count;
  delete from public.alert_silences where until < now() - make_interval(days => p_audit_days);
  select coalesce(array_agg(event_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', lost_at, 'id', event_id) order by lost_at, event_id))[p_limit] as last
  into v_payloads
  from (
    select content.event_id, content.lost_at,
      -- A delivery that is still to be sent is sent from this content. A dead letter is not: nothing sends it by itself.
      content.lost_at >= now() - make_interval(days => p_pause_max_days) and (
        select true from public.webhook_deliveries delivery
        where delivery.event_id = content.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null
        limit 1) is not null as needed
    from private.report_contents content
    where content.lost_at < now() - make_interval(days => p_payload_days)
      and (content.lost_at, content.event_id) > ((v_after #>> '{payloads,at}')::timestamptz, v_after #>> '{payloads,id}')
    order by content.lost_at, content.event_id
    limit p_limit) range;
  foreach v_event_id in array v_payloads.ids loop
    if clock_timestamp() > v_deadline then
      -- What is left of the range is the oldest again at the next sweep.
      exit;
    end if;
    v_erased := v_erased + private.forget_event(v_event_id)::int;
  end loop;
  select coalesce(array_agg(job_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', completed_at, 'id', job_id) order by completed_at, job_id))[p_limit] as last
  into v_finished
  from (
    select job.job_id, job.completed_at,
      -- Of a job that ended without an event nothing else would say how its report stands.
      (job.event_id is null and job.status <> 'cancelled' and job.report_id is not null and job.erased_at is null)
      or (select true from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id
          -- Of an erased one without an effect the report is gone.
          and (event.effect is null and event.erased_at is null
            or delivery.status not in ('success', 'superseded', 'cancelled')
              and private.is_closed(delivery.dead_reason) is not true)
        limit 1) is not null as needed
    from private.job_runs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      and (job.completed_at, job.job_id) > ((v_after #>> '{jobs,at}')::timestamptz, v_after #>> '{jobs,id}')
    order by job.completed_at, job.job_id
    limit p_limit) range;
  select coalesce(array_agg(job_id), '{}') into v_jobs from (
    select job_id from private.job_runs where job_id = any (v_finished.ids) for update skip locked) expired;
  -- Whoever writes a row of report_jobs waits in guard_job() for the job: this skips the row instead of waiting for it, and
  -- leaves both for the next time.
  select coalesce(array_agg(job_id), '{}') into v_shown from (
    select job_id from public.report_jobs where job_id = any (v_jobs) for update skip locked) shown;
  delete from public.report_jobs
  -- Rows that the platform wrote are the platform's to remove.
  where job_id in (select job_id from private.job_runs where job_id = any (v_shown) and caller <> 'platform');
  delete from private.job_runs job
  where job_id = any (v_jobs)
    and (job_id = any (v_shown) or not exists (select from public.report_jobs shown where shown.job_id = job.job_id));
  get diagnostics v_pruned = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object(
    'audit', v_audit_pruned, 'refusals', v_refusals, 'alerts', v_alerts, 'plans', v_plans, 'checks', v_checks,
    'payloads', v_erased, 'jobs', v_pruned,
    'after', case when p_limit in (v_refusals, v_buckets, v_alerts, v_plans, v_checks)
        or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb, int) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Content that lost waits for its open deliveries, p_pause_max_days at most. Returns {audit, refusals, alerts, plans, checks, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb, int) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb, int) to service_role;

-- supabase/sql/observe/queues.sql
create or replace function private.queues()
returns table (endpoint_id text, depth bigint, oldest timestamptz, event_ids text[])
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 10000;
begin
  return query
  select endpoint.id, queue.depth, queue.oldest, queue.event_ids
  from public.webhook_endpoints endpoint
  cross join lateral (
    select count(*) filter (where waiting.is_free) as depth, min(waiting.created_at) as oldest,
      private.plain_ids(array_agg(waiting.event_id order by waiting.created_at)) as event_ids
    from (
      select delivery.event_id, delivery.created_at,
        delivery.lease_expires_at is null or delivery.lease_expires_at < now() as is_free
      from public.webhook_deliveries delivery
      where delivery.endpoint_id = endpoint.id and delivery.status not in ('success', 'superseded', 'cancelled')
        and delivery.dead_at is null
      order by delivery.next_attempt, delivery.id limit c_counted) waiting) queue
  where endpoint.kind = 'internal';
end
$$;

comment on function private.queues() is
  'What waits at each of our own endpoints, counted up to 10,000: how many deliveries that nobody is sending now, the oldest of all, and its first ids.';
revoke all on function private.queues() from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_deliveries.sql
create or replace function private.verify_deliveries(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select fault.problem, event.report_type, event.report_id, event.id, event.job_id
  from public.report_events event
  join public.webhook_deliveries delivery on delivery.event_id = event.id
  join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
  cross join lateral (
    select 'an erased event that a delivery would still send' as problem
    where event.erased_at is not null and delivery.dead_at is null
      -- It has no content to be erased: it tells subscribers to forget what they have.
      and event.type <> 'report.deleted'
      and delivery.status not in ('success', 'superseded', 'cancelled')
    union all
    select 'a delivery of another report'
    where endpoint.kind = 'subscriber'
      and (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
    union all
    select 'a delivery to a subscriber without a position, or to our own endpoint with one'
    where (endpoint.kind = 'subscriber') <> (delivery.position is not null)
    union all
    select 'a delivery whose position is not that of its event'
    where delivery.position <> coalesce(event.position, 0)
    union all
    select 'a delivery that waits for none before it'
    where delivery.waits_for is not null and not exists (
      select from public.webhook_deliveries earlier
      where earlier.id = delivery.waits_for and earlier.endpoint_id = delivery.endpoint_id
        and (earlier.report_type, earlier.report_id) = (delivery.report_type, delivery.report_id)
        and (private.holds_back(earlier.id)
          -- Where its end could not wake this delivery, the next sweep does.
          or greatest(delivery.created_at, earlier.last_attempt, earlier.claimed_at, earlier.dead_at, earlier.lease_expires_at)
            > now() - interval '5 minutes'))
  ) fault
  where event.report_type = p_report_type
    and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null);

  return query
  select 'two live deliveries of a report under way to one subscriber', flying.report_type, flying.report_id, max(flying.event_id), null
  from public.webhook_deliveries flying
  where flying.report_type = p_report_type
    and (flying.report_id > p_after or p_after is null) and (flying.report_id <= p_to or p_to is null)
    and flying.position is not null and flying.plan = 0 and flying.redrives = 0
    and not private.lease_is_free(flying.lease_expires_at)
  group by flying.report_type, flying.report_id, flying.endpoint_id
  having count(*) > 1;

  if not exists (select from private.subscribers) then
    return;
  end if;
  return query
  with events as materialized (
    select event, event.id, event.settings_revision,
      -- Once for each event, not for each of its subscribers.
      case when event.erased_at is null or event.type = 'report.deleted'
        then private.filter_document(event, content.research_metadata) end as document
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    where event.report_type = p_report_type and event.effect is not null
      and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null)
  ), settings as materialized (
    -- And once for each revision.
    select seen.settings_revision, settings
    from (select distinct events.settings_revision from events where events.settings_revision is not null) seen
    cross join lateral private.settings_in_force(seen.settings_revision) settings
    where settings.takes_events
  ), asked as materialized (
    select events.id, (settings).endpoint_id,
      case
        when (event).bulk or not private.selects_event(settings, event, (settings).owner_id) then false
        -- Null, here and below: nobody can say any more. A report may have got another owner since.
        when (settings).owner_id is not null then null
        when (settings).filter_path is null then true
        when document is not null then private.filter_matches(document, (settings).filter_path)
      end as matches
    from events join settings using (settings_revision)
  ), made as materialized (
    select events.id, delivery.endpoint_id
    from events join public.webhook_deliveries delivery on delivery.event_id = events.id
    where delivery.plan = 0 and delivery.position is not null
  ), wrong as (
    select 'an event that a subscriber should have got' as problem, asked.id
    from asked left join made using (id, endpoint_id)
    where asked.matches and made.id is null and not exists (
      select from private.filter_faults fault where fault.event_id = asked.id and fault.endpoint_id = asked.endpoint_id)
    union
    select 'a delivery to a subscriber that its settings do not explain', made.id
    from made left join asked using (id, endpoint_id)
    where asked.id is null or not asked.matches
  )
  select wrong.problem, (event).report_type, (event).report_id, events.id, (event).job_id
  from wrong join events using (id);
end
$$;

comment on function private.verify_deliveries(text, uuid, uuid) is
  'Every delivery of the reports of this type with an id after p_after up to p_to that breaks an invariant, and every event that a subscriber should have got and did not. Null: no bound.';
revoke all on function private.verify_deliveries(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_range.sql
create or replace function private.verify_range(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  v_table text := private.report_table(p_report_type);
begin
  return query execute format($query$
    select fault.problem, %2$L, report.id, coalesce(fault.event_id, winner.id), null
    from public.%1$I report
    left join public.report_events winner on winner.id = report.winner_event_id
    left join private.report_contents content on content.event_id = winner.id
    left join lateral (
      select * from public.webhook_deliveries delivery
      where delivery.report_id = report.id and delivery.report_type = %2$L
        and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by delivery.id desc limit 1) latest on true
    cross join lateral (
      select 'content differs from the winning event' as problem, null as event_id
      where winner.id is not null and (
        report.research_report is distinct from content.research_report
        or report.stage is distinct from winner.stage
        or report.research_metadata is distinct from private.shown_metadata(content)
        -- As text too: digits are content, and equal values may have different ones. But some metadata of others has a text that
        -- is thousands of times as long as what they wrote.
        or case when winner.channel in ('platform', 'import') and private.has_long_number(report.research_metadata) then false
          else report.research_metadata::text <> private.shown_metadata(content)::text end)
      union all
      select 'the winning event is not an applied result of this report', null
      where winner.id is not null
        and (winner.report_id, winner.report_type, winner.status, winner.effect)
          is distinct from (report.id, %2$L, 'completed', 'applied')
      union all
      select 'content without an event', null
      where winner.id is null and not private.is_blank(report.research_report)
      union all
      select 'an applied event outranks the winner', better.id
      from public.report_events better
      where better.report_id = report.id and better.report_type = %2$L
        and better.status = 'completed' and better.effect is not null and better.id is distinct from winner.id
        and (winner.id is null
          or (better.stage = 'final', better.requested_at, better.id collate "C")
            > (winner.stage = 'final', winner.requested_at, winner.id collate "C"))
      union all
      select 'webhook columns differ from the latest delivery', latest.event_id
      where (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
          report.webhook_job_id)
        is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
        and latest.id is not null
      union all
      select 'research_status differs from the newest request', null
      where report.research_status is distinct from private.report_status(%2$L, report.id)
    ) fault
    where (report.id > $1 or $1 is null) and (report.id <= $2 or $2 is null)
      -- One that is not imported yet has no history that could be compared.
      and not exists (
      select from private.reports_to_import marker where marker.report_type = %2$L and marker.report_id = report.id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select fault.problem, event.report_type, event.report_id, event.id, event.job_id
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    left join public.webhook_deliveries delivery
      on delivery.event_id = event.id and delivery.endpoint_id = private.internal_endpoint(event.stage) and delivery.plan = 0
    cross join lateral (
      select 'an event without a delivery' as problem
      where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
        and event.channel is distinct from 'import' and delivery.id is null
      union all
      select 'an event whose content is missing, or an erased one that still has it'
      where (event.erased_at is null) = (content.event_id is null)
      union all
      select 'a content that does not fit its digest'
      where content.event_id is not null and case
        -- Its digest says nothing: see insert_event().
        when event.channel in ('platform', 'import') and private.has_long_number(content.research_metadata) then false
        else event.digest <> private.content_digest(row(
          event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
          content.research_metadata, content.final_data, event.error, null)::private.incoming_result) end
      union all
      select 'a winner whose content is taken for lost, or a loser whose content is not'
      where content.event_id is not null
        and (content.lost_at is not null) <> (
          event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
          or event.effect = 'applied' and event.status = 'completed' and not exists (
            select from public.%1$I report where report.id = event.report_id and report.winner_event_id = event.id))
      union all
      select 'a gap in the positions of a report'
      where event.position > 1 and not exists (
        select from public.report_events previous
        where previous.report_id = event.report_id and previous.report_type = event.report_type
          and previous.position = event.position - 1)
      union all
      -- An event is committed before it is sent, so that it may wait for its effect for a while.
      select 'an event without an effect'
      where event.effect is null
        and (delivery.id is null or delivery.dead_at is not null or delivery.status = 'success'
          or greatest(delivery.next_attempt, delivery.lease_expires_at) < now() - interval '5 minutes')
      union all
      select 'a completed final without its notification'
      where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
        and event.channel in ('webhook', 'direct')
        and not exists (select from public.report_notifications notification where notification.event_id = event.id)
      union all
      select 'a notification of an event that was not applied'
      where (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
        and exists (select from public.report_notifications notification where notification.event_id = event.id)
      union all
      select 'a notification of another report'
      from public.report_notifications notification
      where notification.event_id = event.id
        and (notification.report_type, notification.report_id) <> (event.report_type, event.report_id)
      union all
      select 'a delivery of another report'
      where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
      union all
      select 'a job that differs from its event'
      from private.job_runs job
      where job.job_id = event.job_id
        -- What the platform's functions write does not always agree with their jobs.
        and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
        and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
          is distinct from (event.id, event.report_type, event.report_id, event.stage,
            case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at)
    ) fault
    where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null)
      -- A report that was deleted takes its events out of the account.
      and exists (select from public.%1$I report where report.id = event.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select 'an unfinished job of a report that is gone', job.report_type, job.report_id, job.event_id, job.job_id
    from private.job_runs job
    where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null) and job.status in ('queued', 'running')
      and not exists (select from public.%1$I report where report.id = job.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select 'content of a deleted report', event.report_type, event.report_id, event.id, event.job_id
    from public.report_events event
    where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null) and event.erased_at is null
      and not exists (select from public.%1$I report where report.id = event.report_id)
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
    union all
    select 'content of a deleted report', job.report_type, job.report_id, job.event_id, job.job_id
    from private.job_runs job
    where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null) and job.erased_at is null
      and not exists (select from public.%1$I report where report.id = job.report_id)
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select 'a finished job without its event', job.report_type, job.report_id, job.event_id, job.job_id
    from private.job_runs job
    left join public.report_events event on event.id = job.event_id and event.job_id = job.job_id
    where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null) and event.id is null
      -- Imported jobs may have ended without one.
      and job.status in ('succeeded', 'failed') and job.caller <> 'platform'
      and exists (select from public.%1$I report where report.id = job.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query select * from private.verify_deliveries(p_report_type, p_after, p_to);
end
$$;

comment on function private.verify_range(text, uuid, uuid) is
  'Every row of the reports of this type with an id after p_after up to p_to, deleted ones too, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_range(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_rest.sql
create or replace function private.verify_rest()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'a subscriber without a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state <> 'removed' and not exists (
    select from private.endpoint_secrets secret
    where secret.endpoint_id = subscriber.endpoint_id and secret.expires_at is null)
  union all
  select 'a subscriber without exactly one revision in force' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where (
    select count(*) from private.endpoint_revisions settings
    where settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null) <> 1
  union all
  select 'a removed subscriber that deliveries still wait for' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure and every subscriber that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;

-- supabase/sql/observe/webhook_metrics.sql
create or replace function private.webhook_metrics()
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  c_recent constant interval := '15 minutes';
  -- A series ends with its subscriber: there is no bound to how many there have been.
  v_removed text[] := array(select endpoint_id from private.subscribers where state = 'removed');
  v_rolled timestamptz := (select rolled_up_until from public.webhook_roll_up where only_row);
begin
  return (
    -- At most what a sweep has not counted yet, and what a ratio looks at: less than half an hour, however large the audit is.
    with fresh as materialized (
      select direction, endpoint_id, outcome, bucket, created_at >= v_rolled as is_new, created_at >= now() - c_recent as is_recent,
        count(*) as requests
      from private.webhook_measures
      where created_at >= least(v_rolled, now() - c_recent) and endpoint_id <> all (v_removed)
      group by 1, 2, 3, 4, 5, 6
    ), counts as (
      select direction, endpoint_id, outcome, sum(requests)::bigint as requests
      from (
        select direction, endpoint_id, outcome, requests from private.webhook_totals
        where endpoint_id <> all (v_removed)
        union all
        select direction, endpoint_id, outcome, requests from fresh where is_new) parts
      group by 1, 2, 3
    ), latencies as (
      select direction, endpoint_id, bucket, sum(requests)::bigint as requests
      from (
        select direction, endpoint_id, bucket, requests from private.latency_totals
        where endpoint_id <> all (v_removed)
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

-- supabase/sql/deliver/filter_faults.sql
comment on table private.filter_faults is
  'Filters that could not be asked about an event: no match, and a fault of ours that its endpoint shows. Kept as long as the event: it says why the endpoint did not get it.';
alter table private.filter_faults enable row level security;
revoke all on table private.filter_faults from anon, authenticated, service_role;
revoke all on sequence private.filter_faults_id_seq from anon, authenticated, service_role;
