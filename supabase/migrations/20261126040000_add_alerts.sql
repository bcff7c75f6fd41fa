-- Why: nobody was told of a failure. Alerts, their deliveries, and what their rules read stand in tables of their own.

create table private.alert_rules (
  rule text primary key
    constraint rule_names_a_function check (rule ~ '^[a-z][a-z_]{0,48}$'),
  enabled boolean not null default true,
  severity text not null
    constraint rule_severity_is_known check (severity in ('critical', 'warning')),
  threshold numeric not null
    constraint rule_threshold_is_positive check (threshold > 0),
  unit text not null,
  minimum int not null default 1
    constraint rule_minimum_is_positive check (minimum > 0),
  lookback interval not null default '0'
    constraint rule_looks_back_a_week_at_most check (lookback between '0' and '7 days'),
  holds_for interval not null default '0'
    constraint rule_holds_for_a_day_at_most check (holds_for between '0' and '1 day')
);
insert into private.alert_rules (rule, severity, threshold, unit, minimum, lookback, holds_for) values
  ('success_rate', 'critical', 95, 'percent', 10, '5 minutes', '1 minute'),
  ('latency', 'warning', 2000, 'milliseconds', 10, '5 minutes', '2 minutes'),
  ('queue_depth', 'warning', 100, 'deliveries', 1, '0', '1 minute'),
  ('queue_age', 'critical', 600, 'seconds', 1, '0', '0'),
  ('circuit_open', 'critical', 600, 'seconds', 1, '0', '0'),
  ('dead_letters', 'warning', 1, 'deliveries', 1, '15 minutes', '0'),
  ('jobs_overdue', 'critical', 180, 'seconds', 1, '0', '0'),
  ('jobs_failing', 'warning', 20, 'percent', 3, '15 minutes', '0'),
  ('no_sweep', 'critical', 300, 'seconds', 1, '0', '0'),
  ('verify_findings', 'critical', 1, 'findings', 1, '0', '0'),
  ('clock_difference', 'warning', 30, 'seconds', 1, '0', '2 minutes'),
  ('secret_age', 'warning', 35, 'days', 1, '0', '0'),
  ('table_growth', 'warning', 50, 'percent', 100, '1 day', '0'),
  ('ping_failing', 'critical', 2, 'pings', 1, '1 hour', '0'),
  ('ping_slow', 'warning', 2000, 'milliseconds', 2, '1 hour', '0'),
  ('rule_failing', 'critical', 1, 'failures', 1, '0', '0');

create table public.alerts (
  id uuid primary key default gen_random_uuid(),
  rule text not null references private.alert_rules (rule),
  subject text not null default '',
  state text not null default 'pending'
    constraint alert_state_is_known check (state in ('pending', 'firing', 'resolved')),
  severity text not null,
  pending_since timestamptz not null default now(),
  fired_at timestamptz,
  good_since timestamptz,
  resolved_at timestamptz,
  seen_at timestamptz not null default now(),
  notified_at timestamptz,
  last_value numeric not null,
  affected bigint not null,
  facts jsonb not null default '{}',
  constraint alert_has_fired_unless_pending check ((state = 'pending') = (fired_at is null)),
  constraint alert_has_resolved check ((state = 'resolved') = (resolved_at is not null))
);
-- One open alert of a rule and subject at a time; few rows, since resolved ones are not in it.
create unique index alerts_open on public.alerts (rule, subject) where state <> 'resolved';
create index alerts_resolved on public.alerts (resolved_at desc, id desc) where state = 'resolved';

create table public.alert_silences (
  id uuid primary key default gen_random_uuid(),
  rule text
    constraint silenced_rule_is_short check (char_length(rule) between 1 and 100),
  subject text
    constraint silenced_subject_is_short check (char_length(subject) between 1 and 200),
  until timestamptz not null,
  author uuid not null,
  reason text not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  ended_by uuid
);

create table public.alert_deliveries (
  id text primary key,
  alert_id uuid not null references public.alerts (id) on delete cascade,
  transition text not null
    constraint alert_transition_is_known check (transition in ('firing', 'resolved')),
  alert jsonb not null,
  created_at timestamptz not null default now(),
  attempts int not null default 0,
  next_attempt timestamptz default now(),
  lease_token bigint not null default 0,
  lease_expires_at timestamptz,
  claim_id uuid,
  delivered_at timestamptz,
  dead_at timestamptz,
  error text,
  constraint alert_delivery_ends_once check (num_nonnulls(delivered_at, dead_at, next_attempt) = 1)
);
create index alert_deliveries_due on public.alert_deliveries (next_attempt) where next_attempt is not null;
create index alert_deliveries_alert on public.alert_deliveries (alert_id);
create index alert_deliveries_dead on public.alert_deliveries (dead_at) where dead_at is not null;

create table private.watch_state (
  only_row boolean primary key default true
    constraint watch_state_has_one_row check (only_row),
  installed_at timestamptz not null default now(),
  evaluated_at timestamptz,
  clock_ahead_seconds numeric,
  next_ping_at timestamptz not null default now()
);
insert into private.watch_state default values;

create table private.secret_fingerprints (
  name text not null,
  fingerprint text not null,
  first_seen_at timestamptz not null default now(),
  is_current boolean not null default true,
  primary key (name, fingerprint)
);

create table private.table_sizes (
  table_name text not null,
  at timestamptz not null,
  bytes bigint not null,
  row_estimate bigint not null,
  primary key (table_name, at)
);

create table private.ping_results (
  address text not null,
  at timestamptz not null,
  ok boolean not null,
  duration_ms numeric(12, 3) not null,
  status int,
  error text,
  primary key (address, at)
);

create table private.verify_findings (
  id bigint generated always as identity primary key,
  part text not null,
  problem text not null,
  report_type text,
  report_id uuid,
  event_id text,
  job_id text,
  found_at timestamptz not null default now()
);

create table private.verify_progress (
  only_row boolean primary key default true
    constraint verify_progress_has_one_row check (only_row),
  part text,
  place text,
  finished_at timestamptz
);
insert into private.verify_progress default values;

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/observe/alert_at.sql
create or replace function private.alert_at(p_alert public.alerts, p_rule private.alert_rules)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'alert_id', p_alert.id, 'rule', p_alert.rule, 'subject', p_alert.subject, 'severity', p_alert.severity,
    'value', p_alert.last_value, 'threshold', p_rule.threshold, 'affected', p_alert.affected, 'facts', p_alert.facts,
    'since', private.iso_time(p_alert.pending_since), 'fired_at', private.iso_time(p_alert.fired_at),
    'resolved_at', private.iso_time(p_alert.resolved_at));
end
$$;

comment on function private.alert_at(public.alerts, private.alert_rules) is
  'What a message about an alert is composed from.';
revoke all on function private.alert_at(public.alerts, private.alert_rules) from public, anon, authenticated, service_role;

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
  'Endpoints whose circuit has been open for longer, in seconds.';
revoke all on function private.alert_on_circuit_open(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_clock_difference.sql
create or replace function private.alert_on_clock_difference(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', round(abs(watch.clock_ahead_seconds), 1), 1::bigint,
    jsonb_build_object('function_ahead_seconds', round(watch.clock_ahead_seconds, 1))
  from private.watch_state watch
  where watch.only_row and abs(watch.clock_ahead_seconds) > p_rule.threshold
$$;

comment on function private.alert_on_clock_difference(private.alert_rules) is
  'The clock of the functions and that of the database differ by more, in seconds.';
revoke all on function private.alert_on_clock_difference(private.alert_rules) from public, anon, authenticated, service_role;

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
  'Endpoints with at least so many new dead letters that a person can redrive, counted up to 1,000.';
revoke all on function private.alert_on_dead_letters(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_jobs_failing.sql
create or replace function private.alert_on_jobs_failing(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select counted.stage, round(100.0 * counted.failed / counted.total, 1), counted.failed,
    jsonb_build_object('finished', counted.total, 'failed', counted.failed, 'job_ids', counted.job_ids)
  from (
    -- A job without a report has no stage.
    select coalesce(newest.stage, 'none') as stage, count(*) as total,
      count(*) filter (where newest.status = 'failed') as failed,
      private.plain_ids(array_agg(newest.job_id order by newest.completed_at desc) filter (where newest.status = 'failed')) as job_ids
    from (
      select job.job_id, job.stage, job.status, job.completed_at from private.job_runs job
      where job.status in ('succeeded', 'failed', 'cancelled') and job.completed_at > now() - p_rule.lookback
      order by job.completed_at desc limit 1000) newest
    where newest.status <> 'cancelled'
    group by 1) counted
  where counted.failed >= p_rule.minimum and 100.0 * counted.failed >= p_rule.threshold * counted.total
$$;

comment on function private.alert_on_jobs_failing(private.alert_rules) is
  'Stages of which at least this share of the newest finished jobs failed, in percent.';
revoke all on function private.alert_on_jobs_failing(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_jobs_overdue.sql
create or replace function private.alert_on_jobs_overdue(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', round(extract(epoch from now() - min(overdue.due_at))), count(*),
    jsonb_build_object(
      'jobs', count(*), 'oldest', private.iso_time(min(overdue.due_at)),
      'job_ids', private.plain_ids(array_agg(overdue.job_id order by overdue.due_at)))
  from (
    select due.job_id, due.due_at from private.due_jobs due
    where due.due_at < now() - make_interval(secs => p_rule.threshold::double precision)
    limit 1000) overdue
  having count(*) > 0
$$;

comment on function private.alert_on_jobs_overdue(private.alert_rules) is
  'Jobs that no sweep took over or gave up for longer than this, in seconds, counted up to 1,000.';
revoke all on function private.alert_on_jobs_overdue(private.alert_rules) from public, anon, authenticated, service_role;

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
  where measured.total >= p_rule.minimum and measured.p95 > p_rule.threshold;
end
$$;

comment on function private.alert_on_latency(private.alert_rules) is
  'Endpoints whose newest attempts took longer, in milliseconds, by the 95th percentile.';
revoke all on function private.alert_on_latency(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_no_sweep.sql
create or replace function private.alert_on_no_sweep(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', round(extract(epoch from now() - coalesce(sweep.last_at, watch.installed_at))), 1::bigint,
    jsonb_build_object('last_sweep', private.iso_time(sweep.last_at))
  from private.heartbeats sweep, private.watch_state watch
  where sweep.source = 'sweep' and watch.only_row
    and coalesce(sweep.last_at, watch.installed_at) < now() - make_interval(secs => p_rule.threshold::double precision)
$$;

comment on function private.alert_on_no_sweep(private.alert_rules) is
  'No sweep of the cron came for longer, in seconds.';
revoke all on function private.alert_on_no_sweep(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_ping_failing.sql
create or replace function private.alert_on_ping_failing(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select ping.address, count(*)::numeric, count(*),
    jsonb_build_object('failed', count(*), 'status', (array_agg(ping.status order by ping.at desc))[1])
  from (
    select result.*, row_number() over (partition by result.address order by result.at desc) as age
    from private.ping_results result where result.at > now() - p_rule.lookback) ping
  where ping.age <= p_rule.threshold
  group by ping.address
  having count(*) >= p_rule.threshold and not bool_or(ping.ok)
$$;

comment on function private.alert_on_ping_failing(private.alert_rules) is
  'Addresses of ours of which so many pings failed in a row.';
revoke all on function private.alert_on_ping_failing(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_ping_slow.sql
create or replace function private.alert_on_ping_slow(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select ping.address, min(ping.duration_ms), count(*), jsonb_build_object('pings', count(*), 'fastest_ms', min(ping.duration_ms))
  from (
    select result.*, row_number() over (partition by result.address order by result.at desc) as age
    from private.ping_results result where result.at > now() - p_rule.lookback) ping
  where ping.age <= p_rule.minimum
  group by ping.address
  having count(*) >= p_rule.minimum and bool_and(ping.ok) and min(ping.duration_ms) > p_rule.threshold
$$;

comment on function private.alert_on_ping_slow(private.alert_rules) is
  'Addresses of ours whose last pings arrived, each after longer than this, in milliseconds.';
revoke all on function private.alert_on_ping_slow(private.alert_rules) from public, anon, authenticated, service_role;

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
  'Endpoints whose oldest delivery waits longer, in seconds.';
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
  'Endpoints with more deliveries waiting.';
revoke all on function private.alert_on_queue_depth(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_secret_age.sql
create or replace function private.alert_on_secret_age(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select secret.name || ' ' || secret.fingerprint, floor(extract(epoch from now() - secret.first_seen_at) / 86400), 1::bigint,
    jsonb_build_object('variable', secret.name, 'fingerprint', secret.fingerprint,
      'first_seen', private.iso_time(secret.first_seen_at))
  from private.secret_fingerprints secret
  where secret.is_current and secret.first_seen_at < now() - p_rule.threshold * interval '1 day'
$$;

comment on function private.alert_on_secret_age(private.alert_rules) is
  'Secrets that the functions have had for longer, in days.';
revoke all on function private.alert_on_secret_age(private.alert_rules) from public, anon, authenticated, service_role;

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
  where counted.total >= p_rule.minimum and 100.0 * (counted.total - counted.failed) < p_rule.threshold * counted.total;
end
$$;

comment on function private.alert_on_success_rate(private.alert_rules) is
  'Endpoints with a lower share of attempts delivered, in percent, among the newest. An attempt that an open circuit spared counts as failed.';
revoke all on function private.alert_on_success_rate(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_table_growth.sql
create or replace function private.alert_on_table_growth(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select present.table_name, round(100.0 * (present.bytes - past.bytes) / greatest(past.bytes, 1)),
    greatest(present.row_estimate - past.row_estimate, 0),
    jsonb_build_object('megabytes', present.bytes / 1048576, 'megabytes_before', past.bytes / 1048576,
      'rows', present.row_estimate, 'rows_before', past.row_estimate, 'compared_with', private.iso_time(past.at))
  from private.our_table_sizes() present
  cross join lateral (
    select size.at, size.bytes, size.row_estimate from private.table_sizes size
    where size.table_name = present.table_name and size.at <= now() - p_rule.lookback
    order by size.at desc limit 1) past
  where present.bytes - past.bytes >= p_rule.minimum * 1048576::bigint
    and 100.0 * (present.bytes - past.bytes) > p_rule.threshold * past.bytes
$$;

comment on function private.alert_on_table_growth(private.alert_rules) is
  'Tables that grew by more than this share, in percent, and by at least so many megabytes.';
revoke all on function private.alert_on_table_growth(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_on_verify_findings.sql
create or replace function private.alert_on_verify_findings(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', count(*)::numeric, count(*),
    jsonb_build_object(
      'findings', count(*), 'problems', (array_agg(distinct found.problem))[1:5],
      'report_ids', (array_agg(distinct found.report_id) filter (where found.report_id is not null))[1:5],
      'job_ids', private.plain_ids(array_agg(distinct found.job_id) filter (where found.job_id is not null)))
  from (select finding.* from private.verify_findings finding order by finding.found_at limit 1000) found
  having count(*) >= p_rule.threshold
$$;

comment on function private.alert_on_verify_findings(private.alert_rules) is
  'Invariants that verify_slice() found broken, counted up to 1,000.';
revoke all on function private.alert_on_verify_findings(private.alert_rules) from public, anon, authenticated, service_role;

-- supabase/sql/observe/apply_readings.sql
-- An alert is pending from its first bad reading, firing when it was bad for holds_for, and resolved when it was good for as
-- long, and at least a minute. One that becomes good while it is pending is deleted: nothing happened.
create or replace function private.apply_readings(p_rule private.alert_rules, p_readings jsonb, p_notify boolean)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  c_steady constant interval := '1 minute';
  v_alert public.alerts;
  v_changes jsonb := '[]';
begin
  insert into public.alerts as open (rule, subject, severity, last_value, affected, facts)
  select p_rule.rule, reading.subject, p_rule.severity, reading.value, reading.affected, reading.facts
  from jsonb_to_recordset(p_readings) as reading (subject text, value numeric, affected bigint, facts jsonb)
  on conflict (rule, subject) where state <> 'resolved' do update
    set last_value = excluded.last_value, affected = excluded.affected, facts = excluded.facts, severity = excluded.severity,
      seen_at = now(), good_since = null;

  delete from public.alerts where rule = p_rule.rule and state = 'pending' and seen_at < now();
  update public.alerts set good_since = now()
  where rule = p_rule.rule and state = 'firing' and seen_at < now() and good_since is null;

  for v_alert in
    update public.alerts set state = 'firing', fired_at = now()
    where rule = p_rule.rule and state = 'pending' and pending_since <= now() - p_rule.holds_for
    returning *
  loop
    v_changes := v_changes || private.alert_at(v_alert, p_rule);
  end loop;
  for v_alert in
    update public.alerts set state = 'resolved', resolved_at = now()
    where rule = p_rule.rule and state = 'firing' and good_since <= now() - greatest(p_rule.holds_for, c_steady)
    returning *
  loop
    v_changes := v_changes || private.alert_at(v_alert, p_rule);
    -- Also where it is silenced by now: whoever heard of it may close it.
    if p_notify and v_alert.notified_at is not null then
      perform private.send_alert(v_alert, p_rule, 'resolved');
    end if;
  end loop;
  -- Also those that fired under a silence which has ended, or before an address was configured.
  if p_notify then
    for v_alert in
      update public.alerts set notified_at = now()
      where rule = p_rule.rule and state = 'firing' and notified_at is null
        and private.silenced_until(rule, subject) is null
      returning *
    loop
      perform private.send_alert(v_alert, p_rule, 'firing');
    end loop;
  end if;
  return v_changes;
end
$$;

comment on function private.apply_readings(private.alert_rules, jsonb, boolean) is
  'Moves the alerts of a rule by what is bad now, and writes what is to be sent of it in the same transaction. Returns each that fired or resolved.';
revoke all on function private.apply_readings(private.alert_rules, jsonb, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/observe/as_pattern.sql
create or replace function private.as_pattern(p_text text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return replace(regexp_replace(p_text, '([\\%_])', '\\\1', 'g'), '*', '%');
end
$$;

comment on function private.as_pattern(text) is
  'A pattern of like, of a text in which only the asterisk has a meaning.';
revoke all on function private.as_pattern(text) from public, anon, authenticated, service_role;
grant execute on function private.as_pattern(text) to authenticated;

-- supabase/sql/observe/claim_alert_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_alert_delivery(p_lease_seconds int, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '1 day';
  v_delivery public.alert_deliveries;
  v_dead jsonb;
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_delivery from public.alert_deliveries
  where claim_id = p_claim_id and lease_expires_at >= now() and delivered_at is null and dead_at is null;
  if v_delivery.id is not null then
    return jsonb_build_object('delivery', to_jsonb(v_delivery), 'dead', '[]'::jsonb);
  end if;
  with dead as (
    update public.alert_deliveries set dead_at = now(), next_attempt = null, lease_expires_at = null
    where id in (
      select id from public.alert_deliveries
      where delivered_at is null and dead_at is null and created_at < now() - c_longest
        and private.lease_is_free(lease_expires_at)
      for update skip locked)
    returning id, error)
  select coalesce(jsonb_agg(to_jsonb(dead)), '[]') into v_dead from dead;
  select delivery.* into v_delivery from public.alert_deliveries delivery
  where delivery.delivered_at is null and delivery.dead_at is null and delivery.next_attempt <= now()
    and private.lease_is_free(delivery.lease_expires_at)
    -- Nobody should hear that something is over before hearing of it.
    and not exists (
      select from public.alert_deliveries earlier
      where delivery.transition = 'resolved' and earlier.alert_id = delivery.alert_id and earlier.transition = 'firing'
        and earlier.delivered_at is null and earlier.dead_at is null)
  order by delivery.next_attempt, delivery.created_at, delivery.id
  limit 1
  for update of delivery skip locked;
  if v_delivery.id is not null then
    update public.alert_deliveries
    set lease_token = lease_token + 1, lease_expires_at = now() + make_interval(secs => p_lease_seconds), claim_id = p_claim_id
    where id = v_delivery.id
    returning * into v_delivery;
  end if;
  return jsonb_build_object(
    'delivery', case when v_delivery.id is not null then to_jsonb(v_delivery) end, 'dead', v_dead);
end
$$;

comment on function public.claim_alert_delivery(int, uuid) is
  'Claims the delivery of an alert that has been due longest, the firing of an alert before its end, and waits for no lock. Those older than a day are dead from now on. Returns {delivery, dead: [{id, error}]}. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_alert_delivery(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_alert_delivery(int, uuid) to service_role;

-- supabase/sql/observe/claim_ping.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_ping()
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  -- A little less than five minutes: the fifth sweep from now may come a few seconds early.
  update private.watch_state set next_ping_at = now() + interval '290 seconds'
  where only_row and next_ping_at <= now()
    and exists (select from private.alert_rules where rule in ('ping_failing', 'ping_slow') and enabled);
  return found;
end
$$;

comment on function public.claim_ping() is
  'Whether the caller is to ping now: one call in five minutes. Never while both rules about pings are off.';
revoke all on function public.claim_ping() from public, anon, authenticated, service_role;
grant execute on function public.claim_ping() to service_role;

-- supabase/sql/observe/deployment_facts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.deployment_facts(p_with_rights boolean default false)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select jsonb_build_object(
    'database_time', private.iso_time(clock_timestamp()),
    'server_version', current_setting('server_version'),
    'migrations', to_jsonb(private.applied_migrations()),
    'connections', jsonb_build_object(
      -- Sums, which every role may read: pg_stat_activity hides the sessions of others.
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
        -- `critical` comes before `warning`.
        'worst', min(severity) filter (where state = 'firing'),
        'rules', coalesce(jsonb_agg(distinct rule) filter (where state = 'firing'), '[]'),
        'undelivered', (
          select count(*) from public.alert_deliveries where delivered_at is null and dead_at is null and attempts > 0),
        'dead', (select count(*) from public.alert_deliveries where dead_at > now() - interval '7 days'))
      from public.alerts where state <> 'resolved'),
    'rights', case when p_with_rights then (
      select jsonb_agg(jsonb_build_object('on', object, 'column', column_name, 'grantee', grantee, 'privilege', privilege)
        order by object, grantee, privilege, column_name)
      from private.held_rights) end)
$$;

comment on function public.deployment_facts(boolean) is
  'What the health check and the doctor judge: time, migrations, connections, signs of life, what npm run upgrade has left to build, Realtime, the guard of account deletions, open alerts and, with p_with_rights, every right on objects of public and private.';
revoke all on function public.deployment_facts(boolean) from public, anon, authenticated, service_role;
grant execute on function public.deployment_facts(boolean) to service_role;

-- supabase/sql/observe/evaluate_alerts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.evaluate_alerts(
  p_notify boolean, p_function_time timestamptz default null, p_secrets jsonb default null,
  p_unless_swept boolean default false)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_rule private.alert_rules;
  v_readings jsonb;
  v_failures jsonb := '[]';
  v_changes jsonb := '[]';
begin
  if p_unless_swept and exists (
    select from private.heartbeats sweep, private.watch_state watch
    where sweep.source = 'sweep' and watch.only_row
      and (coalesce(sweep.last_at, watch.installed_at) > now() - interval '3 minutes'
        or watch.evaluated_at > now() - interval '50 seconds'))
  then
    return '{"evaluated": false}';
  elsif not pg_try_advisory_xact_lock(hashtextextended('polaris evaluate_alerts', 0)) then
    -- Another call evaluates.
    return '{"evaluated": false}';
  end if;
  update private.watch_state
  set evaluated_at = now(),
    clock_ahead_seconds = coalesce(extract(epoch from p_function_time - clock_timestamp()), clock_ahead_seconds)
  where only_row;

  -- A rule that fails, or uses up the time of the whole call, is an alert of its own and costs no other.
  begin
    perform private.note_table_sizes();
    if p_secrets is not null then
      perform private.note_secrets(p_secrets);
    end if;
  exception when query_canceled or others then
    v_failures := v_failures || jsonb_build_object(
      'subject', 'notes', 'value', 1, 'affected', 1, 'facts', jsonb_build_object('sqlstate', sqlstate));
  end;
  for v_rule in select * from private.alert_rules where rule <> 'rule_failing' order by rule loop
    begin
      v_readings := '[]';
      if v_rule.enabled then
        execute format(
          'select coalesce(jsonb_agg(reading), ''[]'') from (select * from private.%I($1) limit 100) reading',
          'alert_on_' || v_rule.rule)
        into v_readings using v_rule;
      end if;
      v_changes := v_changes || private.apply_readings(v_rule, v_readings, p_notify);
    exception when query_canceled or others then
      v_failures := v_failures || jsonb_build_object(
        'subject', v_rule.rule, 'value', 1, 'affected', 1, 'facts', jsonb_build_object('sqlstate', sqlstate));
    end;
  end loop;
  select * into v_rule from private.alert_rules where rule = 'rule_failing';
  v_changes := v_changes || private.apply_readings(
    v_rule, case when v_rule.enabled then v_failures else '[]' end, p_notify);
  return jsonb_build_object(
    'evaluated', true, 'changes', v_changes, 'failures', v_failures,
    'firing', (select count(*) from public.alerts where state = 'firing'));
end
$$;

comment on function public.evaluate_alerts(boolean, timestamptz, jsonb, boolean) is
  'Evaluates every rule, one call at a time: {evaluated, changes, failures, firing}; evaluated false: another call does, or p_unless_swept and a sweep came within three minutes. p_notify: write what is to be sent. p_function_time: the clock of the caller. p_secrets: see note_secrets().';
revoke all on function public.evaluate_alerts(boolean, timestamptz, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.evaluate_alerts(boolean, timestamptz, jsonb, boolean) to service_role;

-- supabase/sql/observe/note_secrets.sql
create or replace function private.note_secrets(p_secrets jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into private.secret_fingerprints (name, fingerprint)
  select variable.key, fingerprint
  from jsonb_each(p_secrets) variable, jsonb_array_elements_text(variable.value) fingerprint
  on conflict (name, fingerprint) do update set is_current = true where not secret_fingerprints.is_current;
  update private.secret_fingerprints set is_current = false
  where is_current and not (p_secrets -> name ? fingerprint);
end
$$;

comment on function private.note_secrets(jsonb) is
  'Keeps since when the functions have which secret. p_secrets: the fingerprints by the name of their variable.';
revoke all on function private.note_secrets(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/observe/note_table_sizes.sql
create or replace function private.note_table_sizes()
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if exists (select from private.table_sizes where at > now() - interval '1 hour') then
    return;
  end if;
  insert into private.table_sizes (at, table_name, bytes, row_estimate)
  select now(), size.table_name, size.bytes, size.row_estimate from private.our_table_sizes() size;
  delete from private.table_sizes where at < now() - interval '8 days';
end
$$;

comment on function private.note_table_sizes() is
  'Notes once an hour how large our tables are.';
revoke all on function private.note_table_sizes() from public, anon, authenticated, service_role;

-- supabase/sql/observe/our_table_sizes.sql
create or replace function private.our_table_sizes()
returns table (table_name text, bytes bigint, row_estimate bigint)
language sql stable set search_path = '' as $$
  select format('%s.%s', space.nspname, class.relname),
    8192 * (class.relpages::bigint + coalesce(toast.relpages, 0) + (
      select coalesce(sum(part.relpages), 0) from pg_catalog.pg_index index
      join pg_catalog.pg_class part on part.oid = index.indexrelid
      where index.indrelid in (class.oid, toast.oid)))::bigint,
    greatest(class.reltuples, 0)::bigint
  from pg_catalog.pg_class class
  join pg_catalog.pg_namespace space on space.oid = class.relnamespace
  left join pg_catalog.pg_class toast on toast.oid = class.reltoastrelid
  where class.relkind = 'r'
    and (space.nspname = 'private'
      or space.nspname = 'public' and (
        class.relname ~ '^(webhook|alert)' or class.relname in ('report_events', 'report_notifications', 'report_jobs')
        or exists (select from public.report_types type where type.table_name = class.relname)))
$$;

comment on function private.our_table_sizes() is
  'Our tables and those of the platform that we write, with their indexes, by the estimates of pg_class.';
revoke all on function private.our_table_sizes() from public, anon, authenticated, service_role;

-- supabase/sql/observe/plain_ids.sql
create or replace function private.plain_ids(p_ids text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
begin
  -- The id of a job may be any text that its caller or the platform chose.
  return array(
    select id from unnest(p_ids) with ordinality as given (id, place) where id ~ '^[A-Za-z0-9_-]{1,128}$' order by place limit 5);
end
$$;

comment on function private.plain_ids(text[]) is
  'The first five that look like ids of ours. Others are left out of alerts, which nobody else may write into.';
revoke all on function private.plain_ids(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/observe/prune_expired.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Content that lost waits for its open deliveries, but no longer than this.
  c_longest_hold constant interval := '30 days';
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
  v_alerts int;
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
  delete from public.webhook_refusals where minute in (
    select minute from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute limit p_limit);
  get diagnostics v_refusals = row_count;
  delete from public.alerts where id in (
    select id from public.alerts
    where state = 'resolved' and resolved_at < now() - make_interval(days => p_audit_days)
    order by resolved_at, id limit p_limit for update skip locked);
  get diagnostics v_alerts = row_count;
  delete from public.alert_silences where until < now() - make_interval(days => p_audit_days);
  select coalesce(array_agg(event_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', lost_at, 'id', event_id) order by lost_at, event_id))[p_limit] as last
  into v_payloads
  from (
    select content.event_id, content.lost_at,
      -- A delivery that is still to be sent is sent from this content. A dead letter is not: nothing sends it by itself.
      content.lost_at >= now() - c_longest_hold and (
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
    'audit', v_audit_pruned, 'refusals', v_refusals, 'alerts', v_alerts, 'payloads', v_erased, 'jobs', v_pruned,
    'after', case when p_limit in (v_refusals, v_alerts) or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Returns {audit, refusals, alerts, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb) to service_role;

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
      order by delivery.next_attempt, delivery.id limit c_counted) waiting) queue;
end
$$;

comment on function private.queues() is
  'What waits at each endpoint, counted up to 10,000: how many deliveries that nobody is sending now, the oldest of all, and its first ids.';
revoke all on function private.queues() from public, anon, authenticated, service_role;

-- supabase/sql/observe/record_alert_attempt.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_alert_attempt(
  p_id text, p_token bigint, p_delivered boolean, p_error text default null)
returns void
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  update public.alert_deliveries
  set attempts = attempts + 1, lease_expires_at = null, claim_id = null, lease_token = lease_token + 1,
    delivered_at = case when p_delivered then now() end,
    dead_at = case when not p_delivered then dead_at end,
    error = case when not p_delivered then "left"(p_error, 500) end,
    -- 30 s, 1 min, 2 min, 4 min, then every five minutes.
    next_attempt = case when not p_delivered then
      now() + least(interval '5 minutes', interval '30 seconds' * power(2, least(attempts, 10))) end
  where id = p_id and delivered_at is null
    -- That it arrived is true whoever says so; that it did not, only its holder may say.
    and (p_delivered or lease_token = p_token and dead_at is null)
$$;

comment on function public.record_alert_attempt(text, bigint, boolean, text) is
  'What came of an attempt to deliver an alert. p_error: our own words.';
revoke all on function public.record_alert_attempt(text, bigint, boolean, text) from public, anon, authenticated, service_role;
grant execute on function public.record_alert_attempt(text, bigint, boolean, text) to service_role;

-- supabase/sql/observe/record_ping_results.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_ping_results(p_results jsonb)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  insert into private.ping_results (at, address, ok, duration_ms, status, error)
  select now(), result.address, result.ok, result.duration_ms, result.status, "left"(result.error, 500)
  from jsonb_to_recordset(p_results) as result (address text, ok boolean, duration_ms numeric, status int, error text)
  on conflict (address, at) do nothing;
  delete from private.ping_results where at < now() - interval '8 days';
end
$$;

comment on function public.record_ping_results(jsonb) is
  'Keeps what came of a ping to each address: [{address, ok, duration_ms, status, error}].';
revoke all on function public.record_ping_results(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_ping_results(jsonb) to service_role;

-- supabase/sql/observe/send_alert.sql
create or replace function private.send_alert(p_alert public.alerts, p_rule private.alert_rules, p_transition text)
returns void
language sql volatile set search_path = '' as $$
  insert into public.alert_deliveries (id, alert_id, transition, alert)
  values (
    'alert_' || replace(p_alert.id::text, '-', '') || '_' || p_transition, p_alert.id, p_transition,
    private.alert_at(p_alert, p_rule))
  on conflict (id) do nothing
$$;

comment on function private.send_alert(public.alerts, private.alert_rules, text) is
  'Writes the delivery of a transition, firing or resolved, once.';
revoke all on function private.send_alert(public.alerts, private.alert_rules, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/silenced_until.sql
create or replace function private.silenced_until(p_rule text, p_subject text)
returns timestamptz
language sql stable set search_path = '' as $$
  select max(silence.until) from public.alert_silences silence
  where silence.ended_at is null and silence.until > now()
    and (silence.rule is null or p_rule like private.as_pattern(silence.rule))
    and (silence.subject is null or p_subject like private.as_pattern(silence.subject))
$$;

comment on function private.silenced_until(text, text) is
  'Until when alerts of this rule and subject are silenced; null: they are not.';
revoke all on function private.silenced_until(text, text) from public, anon, authenticated, service_role;
grant execute on function private.silenced_until(text, text) to authenticated;

-- supabase/sql/observe/verify_bound.sql
create or replace function private.verify_bound(p_part text, p_after text, p_limit int)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_reports uuid;
  v_events uuid;
begin
  case p_part
    when 'rest' then
      return null;
    when 'jobs' then
      return (
        select job_id from private.job_runs where job_id > p_after or p_after is null
        order by job_id offset p_limit - 1 limit 1);
    else
      execute format('select id from public.%I where id > $1 or $1 is null order by id offset $2 limit 1',
        private.report_table(p_part))
      into v_reports using p_after::uuid, p_limit - 1;
      -- Deleted reports have events too, and one report may have many.
      select report_id into v_events from public.report_events where report_id > p_after::uuid or p_after is null
      order by report_id offset 5 * p_limit limit 1;
      return least(v_reports, v_events);
  end case;
end
$$;

comment on function private.verify_bound(text, text, int) is
  'Where a slice of this part ends that begins after this id: p_limit reports or jobs further, at most so many times five events. Null: at the end of the part.';
revoke all on function private.verify_bound(text, text, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_jobs.sql
create or replace function private.verify_jobs(p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'a job without a report whose result does not fit its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'a job of a deleted account that still has content', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.user_id is not null and job.erased_at is null
    and not exists (select from auth.users account where account.id = job.user_id and account.deleted_at is null)
    and not exists (select from private.erasures due where due.user_id = job.user_id and due.report_id is null);
end
$$;

comment on function private.verify_jobs(text, text) is
  'Every job without a report, with an id after p_after up to p_to, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_jobs(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_part.sql
create or replace function private.verify_part(p_part text, p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  case p_part
    when 'jobs' then return query select * from private.verify_jobs(p_after, p_to);
    when 'rest' then return query select * from private.verify_rest();
    else return query select * from private.verify_range(p_part, p_after::uuid, p_to::uuid);
  end case;
end
$$;

comment on function private.verify_part(text, text, text) is
  'What breaks an invariant in a slice: of the reports of a type, of the jobs without a report (jobs), or of everything else (rest).';
revoke all on function private.verify_part(text, text, text) from public, anon, authenticated, service_role;

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
        -- As text: digits are content, and equal values may have different ones.
        or report.research_metadata::text is distinct from private.shown_metadata(content)::text)
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
      where content.event_id is not null and event.digest <> private.content_digest(row(
        event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
        content.research_metadata, content.final_data, event.error)::private.incoming_result)
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
end
$$;

comment on function private.verify_range(text, uuid, uuid) is
  'Every row of the reports of this type with an id after p_after up to p_to, deleted ones too, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_range(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_reports.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_reports()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select found.* from public.report_types type
  cross join lateral private.verify_range(type.report_type, null, null) found
  union all
  select found.* from private.verify_jobs(null, null) found
  union all
  select found.* from private.verify_rest() found
$$;

comment on function public.verify_reports() is
  'Every row that breaks an invariant, with its problem. No row: all invariants hold.';
revoke all on function public.verify_reports() from public, anon, authenticated, service_role;
grant execute on function public.verify_reports() to service_role;

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
  select 'an erased event that a delivery would still send', event.report_type, event.report_id, event.id, event.job_id
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id
  where event.erased_at is not null and delivery.dead_at is null
    and delivery.status not in ('success', 'superseded', 'cancelled');
end
$$;

comment on function private.verify_rest() is
  'Every erasure and every open delivery that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_slice.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_slice()
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_batch constant int := 100;
  -- One slice a minute looks at everything within a day, with time to spare.
  c_slices_a_day constant int := 1200;
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
  v_parts text[] := array(select report_type from public.report_types order by report_type) || '{jobs,rest}';
  v_at private.verify_progress;
  v_target int;
  v_checked int := 0;
  v_found int := 0;
  -- Up to this id, inclusive; null: to the end of the part.
  v_to text;
  v_until uuid;
begin
  select * into v_at from private.verify_progress where only_row for update skip locked;
  if not found then
    -- Another sweep verifies.
    return '{"checked": 0, "findings": 0, "finished": false}';
  end if;
  if v_at.part is null or v_at.part <> all (v_parts) then
    v_at.part := v_parts[1];
    v_at.place := null;
    v_at.finished_at := null;
  end if;
  select greatest(c_batch, ceil(sum(greatest(reltuples, 0)) / c_slices_a_day)) into v_target
  from pg_catalog.pg_class
  where oid = 'private.job_runs'::regclass
    or relnamespace = 'public'::regnamespace and relname in (select table_name from public.report_types);

  while v_checked < v_target and clock_timestamp() < v_deadline and v_at.part is not null loop
    v_to := private.verify_bound(v_at.part, v_at.place, c_batch);
    begin
      delete from private.verify_findings
      where part = v_at.part
        and case v_at.part
          when 'rest' then true
          when 'jobs' then (job_id > v_at.place or v_at.place is null) and (job_id <= v_to or v_to is null)
          else (report_id > v_at.place::uuid or v_at.place is null) and (report_id <= v_to::uuid or v_to is null) end;
      insert into private.verify_findings (part, problem, report_type, report_id, event_id, job_id)
      select v_at.part, found.problem, found.report_type, found.report_id, found.event_id, found.job_id
      from private.verify_part(v_at.part, v_at.place, v_to) found
      limit 1000;
    exception when query_canceled or others then
      -- What cannot be looked at is a finding too, and must not keep the next slices from being looked at.
      insert into private.verify_findings (part, problem, report_type, report_id, job_id)
      values (v_at.part, 'a slice that could not be verified: ' || sqlstate,
        case when v_at.part not in ('jobs', 'rest') then v_at.part end,
        case when v_at.part not in ('jobs', 'rest') then coalesce(v_to, v_at.place)::uuid end,
        case when v_at.part = 'jobs' then coalesce(v_to, v_at.place) end);
    end;
    v_checked := v_checked + c_batch;
    v_at.place := v_to;
    if v_to is null then
      v_at.part := v_parts[array_position(v_parts, v_at.part) + 1];
    end if;
  end loop;
  update private.verify_progress
  set part = v_at.part, place = v_at.place, finished_at = case when v_at.part is null then now() else finished_at end
  where only_row;
  return jsonb_build_object(
    'checked', v_checked, 'findings', (select count(*) from private.verify_findings), 'finished', v_at.part is null);
end
$$;

comment on function public.verify_slice() is
  'Verifies the next slice, for about a second, and keeps what it found in private.verify_findings: everything within a day when it is called each minute. Returns {checked, findings, finished}.';
revoke all on function public.verify_slice() from public, anon, authenticated, service_role;
grant execute on function public.verify_slice() to service_role;

-- supabase/sql/console/end_silence.sql
-- Definer rights: operators may read silences and the audit; only these functions write them for an operator.
create or replace function public.end_silence(p_id uuid)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  perform private.require_operator();
  update public.alert_silences set ended_at = now(), ended_by = auth.uid()
  where id = p_id and ended_at is null and until > now();
  if not found then
    return false;
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'silence_ended', p_actor => auth.uid()::text,
    p_payload => jsonb_build_object('endpoint', 'alerts', 'silence_id', p_id));
  return true;
end
$$;

comment on function public.end_silence(uuid) is
  'Ends a silence now, for an operator, and audits it. What it kept back is sent with the next evaluation. False: it is over already, or unknown.';
revoke all on function public.end_silence(uuid) from public, anon, authenticated, service_role;
grant execute on function public.end_silence(uuid) to authenticated;

-- supabase/sql/console/list_alerts.sql
create or replace function public.list_alerts(
  p_rule text default null, p_subject text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_open constant int := 200;
  v_where text := concat_ws(' and ',
    'true',
    case when p_rule is not null then 'rule = $1' end,
    case when p_subject is not null then 'subject = $2' end);
  v_ended text := concat_ws(' and ',
    v_where, $q$state = 'resolved'$q$,
    case when p_after is not null then 'resolved_at >= $3' end,
    case when p_before is not null then 'resolved_at < $4' end,
    case when p_cursor_at is not null then '(resolved_at, id) < ($6, $7::uuid)' end);
  v_open jsonb;
  v_rows jsonb;
begin
  perform private.require_operator();
  if p_cursor_at is null then
    execute format(
      'select coalesce(jsonb_agg(to_jsonb(page) order by (state = ''firing'') desc, severity, pending_since, id), ''[]'') from (
         select * from private.alert_rows where state <> ''resolved'' and %s
         order by (state = ''firing'') desc, severity, pending_since, id limit $3) page', v_where)
    into v_open using p_rule, p_subject, c_open;
  end if;
  execute format(
    'select jsonb_agg(to_jsonb(page) order by resolved_at desc, id desc) from (
       select * from private.alert_rows where %s order by resolved_at desc, id desc limit $5 + 1) page', v_ended)
  into v_rows using p_rule, p_subject, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'resolved_at') || jsonb_build_object(
    'open', v_open,
    'silences', (
      select coalesce(jsonb_agg(to_jsonb(silence) order by until), '[]') from public.alert_silences silence
      where ended_at is null and until > now()));
end
$$;

comment on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'Alerts. `open`: pending and firing ones, those that fire first; null on later pages. `rows`: resolved ones, newest first. `silences`: those that hold now.';
revoke all on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

-- supabase/sql/console/silence_alert.sql
-- Definer rights: operators may read silences and the audit; only these functions write them for an operator.
create or replace function public.silence_alert(
  p_reason text, p_until timestamptz, p_rule text default null, p_subject text default null)
returns uuid
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '30 days';
  v_id uuid;
begin
  perform private.require_operator();
  if nullif(btrim(p_reason), '') is null or length(p_reason) > 1000 then
    raise exception 'p_reason says why, in up to 1000 characters' using errcode = 'invalid_parameter_value';
  elsif p_until is null or p_until <= now() or p_until > now() + c_longest then
    raise exception 'p_until is a time within the next 30 days' using errcode = 'invalid_parameter_value';
  end if;
  insert into public.alert_silences (rule, subject, until, author, reason)
  values (p_rule, p_subject, p_until, auth.uid(), btrim(p_reason))
  returning id into v_id;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'alerts_silenced', p_actor => auth.uid()::text,
    p_payload => jsonb_build_object(
      'endpoint', 'alerts', 'silence_id', v_id, 'rule', p_rule, 'subject', p_subject, 'until', private.iso_time(p_until)));
  return v_id;
end
$$;

comment on function public.silence_alert(text, timestamptz, text, text) is
  'Silences alerts until then, at most for 30 days, for an operator, and audits it. In p_rule and p_subject an asterisk stands for any text; null: all. Returns the id of the silence.';
revoke all on function public.silence_alert(text, timestamptz, text, text) from public, anon, authenticated, service_role;
grant execute on function public.silence_alert(text, timestamptz, text, text) to authenticated;

-- supabase/sql/observe/alert_rows.sql
create or replace view private.alert_rows with (security_invoker = true) as
  select alert.id, alert.rule, alert.subject, alert.state, alert.severity, alert.pending_since, alert.fired_at, alert.good_since,
    alert.resolved_at, alert.last_value, rule.threshold, rule.unit, alert.affected, alert.facts,
    case when alert.state <> 'resolved' then private.silenced_until(alert.rule, alert.subject) end as silenced_until,
    (select coalesce(jsonb_agg(jsonb_build_object(
        'transition', delivery.transition, 'created_at', delivery.created_at, 'attempts', delivery.attempts,
        'delivered_at', delivery.delivered_at, 'dead_at', delivery.dead_at, 'next_attempt', delivery.next_attempt,
        'error', delivery.error) order by delivery.created_at), '[]')
      from public.alert_deliveries delivery where delivery.alert_id = alert.id) as deliveries
  from public.alerts alert
  left join private.alert_rules rule on rule.rule = alert.rule;

comment on view private.alert_rows is
  'An alert in a list: with its threshold, until when it is silenced, and what was sent of it.';
revoke all on table private.alert_rows from public, anon, authenticated, service_role;
grant select on table private.alert_rows to authenticated;

-- supabase/sql/observe/alert_deliveries.sql
comment on table public.alert_deliveries is
  'What is sent of alerts: one row for each transition that people hear of. Written in the transaction of the transition; no claim, limit or circuit of webhooks touches it.';
comment on column public.alert_deliveries.id is 'The webhook-id of each attempt: a receiver drops what it has seen.';
comment on column public.alert_deliveries.alert is 'The alert at that moment, from which the message is composed: every attempt has the same bytes.';
comment on column public.alert_deliveries.lease_token is 'Fencing token: raised by every claim and every recorded failure.';
comment on column public.alert_deliveries.dead_at is 'It could not be delivered for a day.';
comment on column public.alert_deliveries.error is 'Why the last attempt failed, in our own words.';
alter table public.alert_deliveries enable row level security;
revoke all on table public.alert_deliveries from anon, authenticated, service_role;
grant select on table public.alert_deliveries to authenticated;
drop policy if exists "operators read" on public.alert_deliveries;
create policy "operators read" on public.alert_deliveries for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/alert_rules.sql
comment on table private.alert_rules is
  'What is watched, one row for each private.alert_on_<rule>(). An operator changes a number, or turns a rule off, with one update.';
comment on column private.alert_rules.threshold is 'In this unit. What lies beyond it is bad.';
comment on column private.alert_rules.minimum is 'Fewer of them (attempts, failures, pings, MB) are no reason for an alert.';
comment on column private.alert_rules.lookback is 'How far back the rule looks.';
comment on column private.alert_rules.holds_for is
  'How long it must be bad before the alert fires. For as long, and at least a minute, it must be good before the alert resolves.';
alter table private.alert_rules enable row level security;
revoke all on table private.alert_rules from anon, authenticated, service_role;
grant select on table private.alert_rules to authenticated;
drop policy if exists "operators read" on private.alert_rules;
create policy "operators read" on private.alert_rules for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/alert_silences.sql
comment on table public.alert_silences is
  'Alerts that are not sent until then: by rule and by subject. They are evaluated and shown all the time.';
comment on column public.alert_silences.rule is 'A `*` stands for any text; null: every rule.';
comment on column public.alert_silences.subject is 'A `*` stands for any text; null: every subject.';
comment on column public.alert_silences.author is 'The id of the operator.';
alter table public.alert_silences enable row level security;
revoke all on table public.alert_silences from anon, authenticated, service_role;
grant select on table public.alert_silences to authenticated;
drop policy if exists "operators read" on public.alert_silences;
create policy "operators read" on public.alert_silences for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/alerts.sql
comment on table public.alerts is
  'One row per incident: a rule that was broken, by one subject. Pending, firing, resolved; one that never fired is deleted. What it says are ids, counts and our own words.';
comment on column public.alerts.subject is 'The endpoint, stage, table, address or secret that it is about; empty where the rule has no subjects.';
comment on column public.alerts.pending_since is 'When it was first seen to be bad.';
comment on column public.alerts.good_since is 'Since when a firing alert is seen to be good again; null: it is bad.';
comment on column public.alerts.notified_at is 'When its delivery was written; null: it is silenced, or no address was configured.';
comment on column public.alerts.last_value is 'In the unit of its rule.';
comment on column public.alerts.affected is 'How many are affected: deliveries, jobs, attempts, rows.';
alter table public.alerts enable row level security;
revoke all on table public.alerts from anon, authenticated, service_role;
grant select on table public.alerts to authenticated;
drop policy if exists "operators read" on public.alerts;
create policy "operators read" on public.alerts for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/ping_results.sql
comment on table private.ping_results is
  'The pings that sweeps send the whole road of a webhook, one row each, for eight days.';
comment on column private.ping_results.address is 'The host of WEBHOOK_BASE_URL, with its port where one is given.';
comment on column private.ping_results.error is 'What went wrong, in our own words; null: it arrived.';
alter table private.ping_results enable row level security;
revoke all on table private.ping_results from anon, authenticated, service_role;

-- supabase/sql/observe/secret_fingerprints.sql
comment on table private.secret_fingerprints is
  'Since when the functions have which secret: a short hash of its own domain, from which no secret can be found.';
comment on column private.secret_fingerprints.is_current is 'The functions that reported last have it.';
alter table private.secret_fingerprints enable row level security;
revoke all on table private.secret_fingerprints from anon, authenticated, service_role;

-- supabase/sql/observe/table_sizes.sql
comment on table private.table_sizes is
  'How large our tables are, once an hour for eight days, by the estimates of pg_class: nothing is read or locked for it.';
alter table private.table_sizes enable row level security;
revoke all on table private.table_sizes from anon, authenticated, service_role;

-- supabase/sql/observe/verify_findings.sql
comment on table private.verify_findings is
  'What the slices of verify_slice() found and have not seen repaired.';
comment on column private.verify_findings.part is 'The report type, `jobs` or `rest`: what was looked at.';
alter table private.verify_findings enable row level security;
revoke all on table private.verify_findings from anon, authenticated, service_role;

-- supabase/sql/observe/verify_progress.sql
comment on table private.verify_progress is 'One row: where the next slice begins.';
comment on column private.verify_progress.part is 'The report type, `jobs` or `rest`; null: at the beginning.';
comment on column private.verify_progress.place is 'The last id that was looked at in this part.';
comment on column private.verify_progress.finished_at is 'When the last round had looked at everything.';
alter table private.verify_progress enable row level security;
revoke all on table private.verify_progress from anon, authenticated, service_role;

-- supabase/sql/observe/watch_state.sql
comment on table private.watch_state is 'One row: what the evaluation of alerts knows from one call to the next.';
comment on column private.watch_state.installed_at is 'From then on a sweep is missed that never came.';
comment on column private.watch_state.clock_ahead_seconds is 'The clock of the function that evaluated last, compared with that of the database.';
comment on column private.watch_state.next_ping_at is 'When a sweep pings again.';
alter table private.watch_state enable row level security;
revoke all on table private.watch_state from anon, authenticated, service_role;
