-- Why: a caller with a bug, a value that is built to cost the most, and a call that outlives its caller must stop nobody else; and
-- whoever is on call has to see, count and follow what happens.
--
-- In one transaction, since running functions must find each of these functions at any time. Of the tables that were
-- there before it locks two small ones, which nobody else holds together.

-- Rate limits.
create table private.rate_limits (
  kind text primary key constraint rate_kind_is_known check (kind in ('sender', 'report', 'job', 'write')),
  tokens_per_minute int constraint rate_is_bounded check (tokens_per_minute between 1 and 1000000),
  burst int not null constraint burst_is_bounded check (burst between 1 and 1000000),
  parts smallint not null constraint parts_are_bounded check (parts between 1 and 64),
  window_seconds int generated always as (ceil(60.0 * burst / tokens_per_minute)) stored,
  step interval generated always as (interval '1 minute' * parts / tokens_per_minute) stored,
  ahead interval generated always as (interval '1 minute' * parts / tokens_per_minute * (burst / parts - 1)) stored,
  beyond interval generated always as (
    interval '1 minute' * parts / tokens_per_minute * (burst / parts) + interval '1 minute') stored,
  constraint burst_divides_into_parts check (burst % parts = 0)
);
insert into private.rate_limits (kind, tokens_per_minute, burst, parts)
values ('sender', 1200, 1200, 8), ('report', 6, 30, 1), ('job', 1, 30, 1), ('write', 60, 120, 1);

-- Unlogged: a bucket is of no use after a crash, and a token then costs no log.
create unlogged table private.rate_buckets (
  kind text not null,
  key text not null,
  part smallint not null,
  full_at timestamptz not null,
  hour timestamptz not null generated always as (date_bin('1 hour', full_at, timestamptz '2000-01-01 00:00:00+00')) stored,
  primary key (kind, key, part)
  -- Room in each page for the next version of a row: the busiest rows change several times a second.
) with (fillfactor = 50);
create index rate_buckets_hour on private.rate_buckets (hour);


-- Traces: one id leads through everything that came of a request for a report (W3C Trace Context).
alter type private.incoming_result add attribute trace_id text;

-- Counters that only grow: what the console's figures are made of is pruned after 16 days.
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

-- Alerts: nobody was told of a failure. They, their deliveries, and what their rules read stand in tables of their own.
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
  ('rule_failing', 'critical', 1, 'failures', 1, '0', '0'),
  ('subscriber_failing', 'warning', 3, 'days', 1, '0', '0'),
  ('subscriber_paused', 'warning', 7, 'days', 1, '0', '0');

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
  host text,
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
  -- What waits for a subscriber longer than this is given up: PAUSE_MAX_DAYS of the functions.
  pause_max_days int not null default 30,
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

-- What the functions' instances have used: a metric that only they know.
create table private.function_usage (
  name text primary key
    constraint usage_names_a_function check (name ~ '^[a-zA-Z/-]{1,60}$'),
  invocations bigint not null,
  cpu_ms bigint not null,
  memory_bytes bigint not null,
  memory_at timestamptz not null
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


-- An operator asks once for something to be done with many deliveries, and it goes on when the page is closed: a plan is a row.
create table public.plans (
  id int generated always as identity primary key,
  request_id uuid not null unique,
  kind text not null
    constraint plan_kind_is_known check (kind in ('redrive', 'retry', 'replay', 'start')),
  name text not null
    constraint plan_name_is_short check (length(name) between 1 and 200),
  reason text not null
    constraint plan_reason_is_short check (length(reason) between 1 and 1000),
  filter jsonb not null
    constraint plan_filter_is_an_object check (jsonb_typeof(filter) = 'object'),
  actor text not null,
  created_at timestamptz not null default now(),
  status text not null default 'running'
    constraint plan_status_is_known check (status in ('proposed', 'running', 'done', 'cancelled', 'failed')),
  -- What a replay would do, as it was shown to who asked.
  preview jsonb,
  applied_at timestamptz,
  applied_xid xid8,
  total int,
  outcomes jsonb not null default '{}',
  position jsonb,
  passes int not null default 0,
  faults int not null default 0,
  last_error text,
  next_slice_at timestamptz not null default now(),
  cancelled_by text,
  finished_at timestamptz,
  constraint ended_plan_has_its_end check ((status in ('proposed', 'running')) = (finished_at is null)),
  constraint cancelled_plan_says_by_whom check ((status = 'cancelled') = (cancelled_by is not null))
);
create index plans_running on public.plans (next_slice_at, id) where status = 'running';
create index plans_created_at on public.plans (created_at desc, id desc);
create index plans_ended on public.plans (finished_at, id) where finished_at is not null;
create index plans_proposed on public.plans (created_at) where status = 'proposed';

-- The news of a failed generation is no success of the webhook.
-- A constant default rewrites nothing, and what was counted before cannot be told apart any more. The table is small: 192 slots
-- of each length.
alter table public.webhook_counts add column reports_failure boolean not null default false;
alter table public.webhook_counts drop constraint counts_are_kept_once;
alter table public.webhook_counts add constraint counts_are_kept_once unique nulls not distinct (
  slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure);

-- At most as many rows as minutes in the retention of the audit: 130,000.
alter table public.webhook_refusals add column part smallint not null default 0;
alter table public.webhook_refusals drop constraint webhook_refusals_pkey;
alter table public.webhook_refusals add primary key (minute, part);

-- Subscribers: other systems that hear of results. Their endpoints stand in webhook_endpoints, whose rows deliveries name; what is
-- only theirs stands in tables of its own.
create table private.subscribers (
  endpoint_id text primary key references public.webhook_endpoints (id),
  request_id uuid not null unique,
  state text not null default 'unverified'
    constraint subscriber_state_is_known check (state in ('unverified', 'active', 'paused', 'removed')),
  state_reason text
    constraint state_reason_is_known check (state_reason in (
      'operator', 'failing', 'gone', 'secret_unreadable', 'address_changed', 'never_verified')),
  state_since timestamptz not null default now(),
  verified_at timestamptz,
  -- How many may send to it at once: this many at limited_at, and twice as many every ten seconds since.
  in_flight_limit double precision not null default 1
    constraint in_flight_limit_is_positive check (in_flight_limit >= 1),
  limited_at timestamptz not null default now(),
  failing_since timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  -- SHA-256 of the read token.
  read_token_sha256 text unique,
  accepted_coding text
    constraint subscriber_coding_is_known check (accepted_coding in ('gzip', 'zstd')),
  coding_refused_at timestamptz,
  constraint removed_subscriber_has_no_token check ((state = 'removed') = (read_token_sha256 is null)),
  constraint paused_subscriber_says_why check (state <> 'paused' or state_reason is not null),
  constraint subscriber_that_was_at_work_is_verified check (state not in ('active', 'paused') or verified_at is not null)
);
-- Append-only but for superseded_by. The ids are in the order of commits, since changes are made one at a time: the newest that an
-- event has seen tells which settings were in force for it.
create table private.endpoint_revisions (
  id bigint generated always as identity primary key,
  endpoint_id text not null references private.subscribers (endpoint_id),
  -- Verified and not removed, and past its start in the past: an effect makes a delivery for it.
  takes_events boolean not null,
  url text not null,
  description text not null,
  types text[],
  report_types text[],
  stages text[],
  statuses text[],
  owner_id uuid,
  takes_superseded boolean not null,
  filter jsonb,
  filter_path jsonpath,
  format_version int not null
    constraint revision_format_is_known check (format_version between 0 and 2),
  body text not null
    constraint revision_body_is_known check (body in ('full', 'thin')),
  mode text not null
    constraint revision_mode_is_known check (mode in ('every', 'latest')),
  rate_per_second int
    constraint revision_rate_is_bounded check (rate_per_second between 1 and 1000),
  change text not null,
  actor text not null,
  created_at timestamptz not null default now(),
  superseded_by bigint,
  compression text not null default 'none'
    constraint revision_compression_is_known check (compression in ('none', 'gzip', 'zstd')),
  constraint filter_is_compiled check ((filter is null) = (filter_path is null)),
  constraint revision_is_superseded_by_a_later_one check (superseded_by > id)
);
create unique index endpoint_revisions_in_force on private.endpoint_revisions (endpoint_id) where superseded_by is null;
create index endpoint_revisions_endpoint on private.endpoint_revisions (endpoint_id, id);
create index endpoint_revisions_superseded on private.endpoint_revisions (superseded_by) where superseded_by is not null;
-- Sealed by the function with a key that the database never has.
create table private.endpoint_secrets (
  id bigint generated always as identity primary key,
  endpoint_id text not null references private.subscribers (endpoint_id),
  sealed text not null
    constraint sealed_secret_is_bounded check (length(sealed) between 1 and 1000),
  created_at timestamptz not null default now(),
  -- Null: the newest one. Until then both sign.
  expires_at timestamptz
);
create unique index endpoint_secrets_current on private.endpoint_secrets (endpoint_id) where expires_at is null;
create index endpoint_secrets_endpoint on private.endpoint_secrets (endpoint_id, id);
create table private.endpoint_checks (
  id bigint generated always as identity primary key,
  endpoint_id text not null references private.subscribers (endpoint_id),
  host text not null,
  url text not null,
  claim_id uuid,
  actor text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  -- Null: it is under way, or its function died.
  passed boolean,
  probes jsonb,
  compression text not null default 'none'
    constraint check_compression_is_known check (compression in ('none', 'gzip', 'zstd'))
);
create index endpoint_checks_host on private.endpoint_checks (host, created_at);
create index endpoint_checks_created_at on private.endpoint_checks (created_at);
create index endpoint_checks_endpoint on private.endpoint_checks (endpoint_id, id desc);
-- A filter that could not be asked is no match, and its endpoint says so.
create table private.filter_faults (
  id bigint generated always as identity primary key,
  endpoint_id text not null,
  event_id text not null,
  error text not null,
  created_at timestamptz not null default now()
);
create index filter_faults_endpoint on private.filter_faults (endpoint_id, id desc);
create index filter_faults_event on private.filter_faults (event_id, endpoint_id);

-- A second function of a name, with more parameters, would leave the REST layer no choice between the two.
drop function private.erase_report(text, uuid, int);
drop function private.erase_account(uuid, int);
drop function private.sending_policy();
drop function public.webhook_statistics(text);
drop function public.prune_expired(int, int, int, int, jsonb);
drop function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean);
drop function public.apply_report_event(text, text, text, text, text, int, numeric);
drop function public.request_report_job(
  text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int);
drop function private.insert_event(text, private.incoming_result, timestamptz, text, text);
drop function private.register_event(text, private.incoming_result, uuid, text);
drop function private.add_audit(
  text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid);
drop function private.traffic(bigint, bigint, int, int, int);
drop function public.list_open_deliveries(
  text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text);
drop function public.list_webhook_audit(
  text, text, text, text, timestamptz, timestamptz, int, timestamptz, text);
drop function private.confirm_delivery(public.report_events, text);

-- Nobody can log in as the role before its operator gives it a password (docs/operations.md, Direct connection).
do $$
begin
  -- Roles belong to the cluster, so that another database may have made it, or may be about to.
  if not exists (select from pg_catalog.pg_roles where rolname = 'polaris_store') then
    begin
      create role polaris_store login noinherit;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end if;
  if exists (
      select from pg_catalog.pg_roles where rolname = 'polaris_store'
        and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication))
    or exists (select from pg_catalog.pg_auth_members where member = 'polaris_store'::regrole) then
    raise exception 'there is a role polaris_store already, and it may do more than execute functions'
      using hint = 'Drop that role, or take its attributes and memberships away, and push again.';
  end if;
  -- The time limit that each of the functions states: a statement that runs already takes no other from the function it calls,
  -- and no session of a transaction pooler can be relied on to keep one. Written only where it differs: two databases of one
  -- cluster may be migrated at once.
  if not coalesce((
      select rolconfig @> array['statement_timeout=7s', 'lock_timeout=8s', 'idle_in_transaction_session_timeout=5s', 'search_path=""']
      from pg_catalog.pg_roles where rolname = 'polaris_store'), false) then
    alter role polaris_store set statement_timeout = '7s';
    alter role polaris_store set lock_timeout = '8s';
    alter role polaris_store set idle_in_transaction_session_timeout = '5s';
    alter role polaris_store set search_path = '';
    comment on role polaris_store is
      'Whom the functions of Polaris log in as with STORE_DATABASE_URL: may execute what they call, and read and write no table.';
  end if;
  -- Everybody may use it unless somebody has taken that away.
  if not has_schema_privilege('polaris_store', 'public', 'usage') then
    grant usage on schema public to polaris_store;
  end if;
end
$$;

-- Here and not below, since what follows calls the functions that it writes.
create or replace function private.write_report_functions()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_delivery constant text :=
    'webhook_status = case when p_delivery.id is null then webhook_status else p_delivery.status end,
             webhook_attempts = case when p_delivery.id is null then webhook_attempts else p_delivery.attempts end,
             webhook_last_attempt = case when p_delivery.id is null then webhook_last_attempt else p_delivery.last_attempt end,
             webhook_response = case when p_delivery.id is null then webhook_response else p_delivery.response end,
             webhook_job_id = case when p_delivery.id is null then webhook_job_id else p_delivery.job_id end';
  -- Not the whole row, for which PostgreSQL would fetch the text.
  c_metadata constant text := 'private.shown_metadata(
             row(null, null, content.research_metadata, content.final_data, null)::private.report_contents)';
begin
  execute format(
    'create or replace function private.report_table(p_report_type text)
     returns text
     language plpgsql stable set search_path = '''' as $body$
     begin
       return case when p_report_type is null then null %s end;
     end
     $body$',
    (select string_agg(format('when p_report_type = %L then %L', report_type, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.report_table(text) is
    'The table that holds reports of this type, without its schema. Null: no such type.';
  revoke all on function private.report_table(text) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.report_row(
       p_report_type text, p_report_id uuid, p_lock boolean, out owner uuid, out summary_id uuid, out winner_event_id text)
     returns record
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''unknown report type %%'', p_report_type using errcode = ''PL004'';
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         if p_lock then
           select report.user_id, report.summary_id, report.winner_event_id into owner, summary_id, winner_event_id
           from public.%I report where report.id = p_report_id for no key update;
         else
           select report.user_id, report.summary_id, report.winner_event_id into owner, summary_id, winner_event_id
           from public.%I report where report.id = p_report_id;
         end if;
         return;
       end if;', report_type, table_name, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.report_row(text, uuid, boolean) is
    'The references of a report: its owner, its summary and its winner. All null: the report does not exist. p_lock: until the transaction ends, no other transaction changes the row.';
  revoke all on function private.report_row(text, uuid, boolean) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.lock_free_reports(p_report_type text, p_report_ids uuid[])
     returns table (report_id uuid, owner uuid, winner_event_id text)
     language plpgsql volatile set search_path = '''' as $body$
     declare
       v_owners uuid[];
       v_summaries uuid[];
     begin
       %s
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         select array_agg(distinct user_id), array_agg(distinct summary_id) into v_owners, v_summaries
         from public.%I where id = any (p_report_ids);
         v_owners := array(select id from auth.users where id = any (v_owners) order by id for key share skip locked);
         v_summaries := array(
           select id from public.polaris_summaries where id = any (v_summaries) order by id for key share skip locked);
         return query
         select report.id, report.user_id, report.winner_event_id from public.%I report
         where report.id = any (p_report_ids) and report.user_id = any (v_owners)
           and (report.summary_id is null or report.summary_id = any (v_summaries))
           and not exists (
             select from private.reports_to_import import
             where import.report_type = p_report_type and import.report_id = report.id)
         order by report.id for no key update of report skip locked;
       end if;', report_type, table_name, table_name), ' ' order by report_type) from public.report_types));
  comment on function private.lock_free_reports(text, uuid[]) is
    'Locks, as locked_report() does, those of these reports that nobody else holds and that are imported, and returns them with their owners and winners. It waits for nothing.';
  revoke all on function private.lock_free_reports(text, uuid[]) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_new_winners(p_report_type text, p_event_ids text[])
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         -- Copied in its stored form: a text from a variable would be compressed again.
         update public.%I report
         set research_status = ''completed'', updated_at = now(),
           research_report = content.research_report, research_metadata = %s,
           stage = event.stage, winner_event_id = event.id,
           webhook_status = delivery.status, webhook_attempts = delivery.attempts,
           webhook_last_attempt = delivery.last_attempt, webhook_response = delivery.response, webhook_job_id = delivery.job_id
         from public.report_events event
         join private.report_contents content on content.event_id = event.id
         join public.webhook_deliveries delivery on delivery.event_id = event.id and delivery.position is null
         where event.id = any (p_event_ids) and report.id = event.report_id;
       end if;', report_type, table_name, c_metadata), ' ' order by report_type) from public.report_types));
  comment on function private.show_new_winners(text, text[]) is
    'Shows new results in their reports, as show_in_report() does: each with its delivery to our own endpoint, and as the newest of its report. The caller holds the reports'' locks.';
  revoke all on function private.show_new_winners(text, text[]) from public, anon, authenticated, service_role;

  execute format(
    'create or replace function private.show_in_report(
       p_report_type text, p_report_id uuid, p_status public.research_status, p_winner public.report_events default null,
       p_delivery public.webhook_deliveries default null)
     returns void
     language plpgsql volatile set search_path = '''' as $body$
     begin
       %s
       raise exception ''unknown report type %%'', p_report_type using errcode = ''PL004'';
     end
     $body$',
    (select string_agg(format(
      'if p_report_type = %L then
         if p_winner.id is null then
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             %s
           where id = p_report_id and (p_delivery.id is not null or research_status <> p_status);
         else
           -- Copied in its stored form: a text from a variable would be compressed again.
           update public.%I report
           set research_status = coalesce(p_status, research_status),
             updated_at = case when p_status is null then updated_at else now() end,
             research_report = content.research_report, research_metadata = %s,
             stage = p_winner.stage, winner_event_id = p_winner.id,
             %s
           from private.report_contents content
           where id = p_report_id and content.event_id = p_winner.id;
           if not found then
             perform private.content_of(p_winner);
           end if;
         end if;
         return;
       end if;',
      report_type, table_name, c_delivery, table_name, c_metadata, c_delivery), ' ' order by report_type) from public.report_types));
  comment on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries) is
    'The one writer of what a report''s row shows: the status, a new winner with its content, the state of a delivery; null is left as it was. All at once where all changes: a second update of a row in its transaction checks each of its foreign keys again. The caller holds the report''s lock. Raises PL008 where the winner''s content is missing.';
  revoke all on function private.show_in_report(
    text, uuid, public.research_status, public.report_events, public.webhook_deliveries)
    from public, anon, authenticated, service_role;
end
$$;

comment on function private.write_report_functions() is
  'Writes the functions that name the report tables: report_table(), report_row(), lock_free_reports(), show_new_winners() and show_in_report(). A statement that is executed as a text is planned at each call; theirs are planned once in a session. add_report_type() calls it.';
revoke all on function private.write_report_functions() from public, anon, authenticated, service_role;
select private.write_report_functions();

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/limits/ask_limit.sql
-- The only entry to the limiter: a failing limiter must not stop the work that it limits. The path of an admitted request is
-- inlined here, since each function call would cost more than the statement in it.
create or replace function private.ask_limit(
  p_kind text, p_key text, p_take boolean, out refusal jsonb, out failure text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  -- Not a table's row type: if the table is missing, the function could not start, and so could not report its failure.
  v_limit record;
  v_now timestamptz := clock_timestamp();
begin
  if p_key is null then
    -- No key: not limited.
    return;
  elsif not p_take then
    perform from private.rate_limits rate
    join private.rate_buckets bucket on bucket.kind = rate.kind and bucket.key = p_key and bucket.part < rate.parts
    where rate.kind = p_kind and bucket.full_at > v_now + rate.ahead limit 1;
    if found then
      -- This part has no token; another one may have.
      refusal := private.rate_refusal(p_kind, p_key);
    end if;
    return;
  end if;
  select tokens_per_minute, parts, step, ahead, beyond into strict v_limit from private.rate_limits where kind = p_kind;
  if v_limit.parts = 1 and p_kind <> 'sender' and v_limit.tokens_per_minute is not null then
    -- The caller holds the lock of the report or user, which serialises requests of this key. A part without a row is full.
    insert into private.rate_buckets as bucket (kind, key, part, full_at)
    values (p_kind, p_key, 0, v_now + v_limit.step)
    on conflict (kind, key, part) do update
    set full_at = case when bucket.full_at between v_now and v_now + v_limit.beyond then bucket.full_at else v_now end + v_limit.step
    where bucket.full_at <= v_now + v_limit.ahead or bucket.full_at > v_now + v_limit.beyond;
  elsif v_limit.tokens_per_minute is not null then
    -- Concurrent callers take tokens from different parts.
    update private.rate_buckets
    set full_at = case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end + v_limit.step
    where kind = p_kind and key = p_key and part = (
      select part from private.rate_buckets
      where kind = p_kind and key = p_key and part < v_limit.parts
        and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
      order by random() limit 1 for update skip locked);
  end if;
  if v_limit.tokens_per_minute is not null and not found then
    refusal := private.await_token(p_kind, p_key);
  end if;
exception when others then
  failure := 'could not check the rate limit: ' || "left"(sqlerrm, 200);
end
$$;

comment on function private.ask_limit(text, text, boolean) is
  'Asks a bucket for a token. With p_take it takes one, until the transaction should roll back: the last lock of its transaction. refusal: there is none; what rate_refusal() says. failure: the limiter failed; the caller goes on without it, and says so.';
revoke all on function private.ask_limit(text, text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/limits/ask_sender_tokens.sql
-- For a batch, which takes a token per item, all at once at its end. Taking them item by item would lock every part of the
-- bucket, and the sender's other requests would wait.
create or replace function private.ask_sender_tokens(
  p_sender text, p_count int, p_take boolean, out granted int, out refusal jsonb, out failure text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  c_patience constant interval := '200 milliseconds';
  c_pause_seconds constant float8 := 0.005;
  v_limit record;
  v_until timestamptz := clock_timestamp() + c_patience;
  v_now timestamptz;
  v_taken int;
begin
  granted := p_count;
  if p_sender is null or p_count = 0 then
    -- Not limited, or no items.
    return;
  end if;
  select tokens_per_minute, burst, parts, step, ahead, beyond, window_seconds into strict v_limit
  from private.rate_limits where kind = 'sender';
  if v_limit.tokens_per_minute is null then
    return;
  end if;
  if p_take then
    insert into private.rate_buckets (kind, key, part, full_at)
    select 'sender', p_sender, part, clock_timestamp() from generate_series(0, v_limit.parts - 1) part
    where not exists (
      select from private.rate_buckets known where known.kind = 'sender' and known.key = p_sender and known.part = part.part)
    order by part
    on conflict (kind, key, part) do nothing;
    granted := 0;
    loop
      v_now := clock_timestamp();
      -- Takes as many tokens from each part as it has, until there are enough.
      with free as (
        select part, used_to, floor(extract(epoch from v_now + v_limit.ahead - used_to) / extract(epoch from v_limit.step))::int + 1
          as tokens
        from (
          select part, case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end as used_to
          from private.rate_buckets
          where kind = 'sender' and key = p_sender and part < v_limit.parts
            and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
          for update skip locked) held
      ), shared as (
        select part, used_to, least(tokens, p_count - granted - (sum(tokens) over (order by part) - tokens)::int) as tokens
        from free
      ), taken as (
        update private.rate_buckets bucket set full_at = shared.used_to + shared.tokens * v_limit.step
        from shared
        where bucket.kind = 'sender' and bucket.key = p_sender and bucket.part = shared.part and shared.tokens > 0
        returning shared.tokens
      )
      select coalesce(sum(tokens), 0) into v_taken from taken;
      granted := granted + v_taken;
      exit when granted >= p_count;
      refusal := private.rate_refusal('sender', p_sender);
      exit when refusal is not null;
      if clock_timestamp() > v_until then
        raise exception 'every part of the rate bucket is locked' using errcode = 'lock_not_available';
      end if;
      perform pg_sleep(c_pause_seconds);
    end loop;
    return;
  end if;
  v_now := clock_timestamp();
  -- A part without a row is full.
  select
    least(p_count, sum(greatest(0, floor(extract(epoch from v_now + v_limit.ahead - used_to) / extract(epoch from v_limit.step))::int + 1))),
    jsonb_build_object(
      'outcome', 'rate_limited', 'policy', 'sender', 'quota', v_limit.burst, 'window_seconds', v_limit.window_seconds,
      'retry_after_seconds', greatest(1, ceil(extract(epoch from min(greatest(used_to - v_limit.ahead, v_now) - v_now)))::int))
  into granted, refusal
  from (
    select case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end as used_to
    from generate_series(0, v_limit.parts - 1) part
    left join private.rate_buckets bucket on bucket.kind = 'sender' and bucket.key = p_sender and bucket.part = part.part) parts;
  if granted >= p_count then
    refusal := null;
  end if;
exception when others then
  granted := p_count;
  refusal := null;
  failure := 'could not check the rate limit: ' || "left"(sqlerrm, 200);
end
$$;

comment on function private.ask_sender_tokens(text, int, boolean) is
  'Asks the bucket of a sender for the tokens of a batch. Without p_take it takes and locks nothing; granted: for how many there are tokens, refusal: of the others. With p_take it takes them: the last lock of its transaction; refusal: others took them meanwhile, and the caller undoes its work. failure: the limiter failed; the caller goes on without it, and says so.';
revoke all on function private.ask_sender_tokens(text, int, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/limits/await_token.sql
-- If other transactions hold all parts that have a token, the caller retries for as long as taking a token and committing may
-- take. It waits for no single transaction, which could be a stuck one. After that time, ask_limit() lets the request
-- through.
create or replace function private.await_token(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  c_patience constant interval := '1 second';
  c_pause_seconds constant float8 := 0.005;
  v_limit private.rate_limits;
  v_until timestamptz := clock_timestamp() + c_patience;
  v_now timestamptz;
  v_refusal jsonb;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  -- Another round: another caller was faster, or a part has yet to be added.
  loop
    v_now := clock_timestamp();
    -- A part without a row is full. If another caller is inserting the same part, this waits for it.
    insert into private.rate_buckets (kind, key, part, full_at)
    select p_kind, p_key, part, v_now + v_limit.step from generate_series(0, v_limit.parts - 1) part
    where not exists (
      select from private.rate_buckets known where known.kind = p_kind and known.key = p_key and known.part = part.part)
    order by random() limit 1
    on conflict (kind, key, part) do nothing;
    if found then
      return null;
    end if;
    v_refusal := private.rate_refusal(p_kind, p_key);
    if v_refusal is not null then
      return v_refusal;
    end if;
    update private.rate_buckets
    set full_at = case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end + v_limit.step
    where kind = p_kind and key = p_key and part = (
      select part from private.rate_buckets
      where kind = p_kind and key = p_key and part < v_limit.parts
        and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
      order by random() limit 1 for update skip locked);
    if found then
      return null;
    elsif clock_timestamp() > v_until then
      raise exception 'every part of the rate bucket is locked' using errcode = 'lock_not_available';
    end if;
    perform pg_sleep(c_pause_seconds);
  end loop;
end
$$;

comment on function private.await_token(text, text) is
  'For ask_limit(), where no part with a token was there and free: adds a part, refuses, or tries for a second.';
revoke all on function private.await_token(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/limits/rate_refusal.sql
create or replace function private.rate_refusal(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_limit private.rate_limits;
  v_now timestamptz := clock_timestamp();
  v_empty int;
  v_free_at timestamptz;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  select count(*), min(full_at) - v_limit.ahead into v_empty, v_free_at from private.rate_buckets
  where kind = p_kind and key = p_key and part < v_limit.parts
    and full_at > v_now + v_limit.ahead and full_at <= v_now + v_limit.beyond;
  if v_limit.tokens_per_minute is null or v_empty < v_limit.parts then
    return null;
  end if;
  return jsonb_build_object(
    'outcome', 'rate_limited', 'policy', p_kind, 'quota', v_limit.burst, 'window_seconds', v_limit.window_seconds,
    'retry_after_seconds', ceil(extract(epoch from v_free_at - v_now))::int);
end
$$;

comment on function private.rate_refusal(text, text) is
  'Null while a part of the bucket has a token; else {outcome, policy, quota, window_seconds, retry_after_seconds}. It locks and takes nothing.';
revoke all on function private.rate_refusal(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/limits/take_sender_token.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_sender_token(p_sender text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_asked record := private.ask_limit('sender', p_sender, true);
begin
  return jsonb_build_object('refusal', v_asked.refusal, 'failure', v_asked.failure);
end
$$;

comment on function public.take_sender_token(text) is
  'Takes a token of a sender for a verified request that changes nothing, before it is audited. Returns {refusal, failure} of ask_limit(). A repeated call takes another token: it is not recognised, since that would cost each call a row.';
revoke all on function public.take_sender_token(text) from public, anon, authenticated, service_role;
grant execute on function public.take_sender_token(text) to service_role;

-- supabase/sql/reports/add_report_type.sql
create or replace function private.add_report_type(p_report_type text, p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name)
  on conflict (report_type) do nothing;
  perform private.write_report_functions();
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = format('public.%I', p_table_name)::regclass and attname = 'winner_event_id')
  then
    -- Not valid: checking the existing rows would read all of them, under a lock that blocks even readers.
    execute format(
      'alter table public.%I
         add column stage text,
         add column winner_event_id text references public.report_events (id) deferrable initially deferred,
         add constraint report_stage_is_known check (stage in (''prelim'', ''final'')) not valid', p_table_name);
  end if;
  perform private.finish_table(p_table_name, p_now => true);
  execute format(
    'create or replace trigger lock_owner before update or delete on public.%I for each statement
       when (current_user in (''anon'', ''authenticated'')) execute function private.lock_owner()', p_table_name);
  execute format(
    'create or replace trigger guard_insert before insert on public.%I for each row
       when (current_user <> ''postgres'') execute function private.guard_insert()', p_table_name);
  execute format(
    'create or replace trigger record_owner_insert after insert on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.record_insert(%L, ''owner'')',
    p_table_name, p_report_type);
  -- The SQL editor and our own functions both run as the table's owner; only the data tell them apart.
  execute format(
    'create or replace trigger record_platform_insert after insert on public.%I for each row
       when (current_user not in (''anon'', ''authenticated'')
         and (current_user <> ''postgres'' or new.research_report is not null and new.winner_event_id is null))
       execute function private.record_insert(%L, ''platform'')', p_table_name, p_report_type);
  execute format(
    'create or replace trigger record_owner_write before update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.record_write(%L, ''owner'')',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger record_platform_write before update on public.%I for each row
       when (current_user not in (''anon'', ''authenticated'')
         and (current_user <> ''postgres'' or new.winner_event_id is not distinct from old.winner_event_id
           and (new.research_report is distinct from old.research_report
             or new.research_metadata is distinct from old.research_metadata)))
       execute function private.record_write(%L, ''platform'')', p_table_name, p_report_type);
  execute format(
    'create or replace trigger check_winner after update on public.%I for each row
       when (new.winner_event_id is distinct from old.winner_event_id) execute function private.check_winner(%L)',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger lose_content after update on public.%I for each row
       when (old.winner_event_id is not null and new.winner_event_id is distinct from old.winner_event_id)
       execute function private.lose_content()', p_table_name);
  -- Must run after the platform''s own trigger: triggers run in the order of their names.
  execute format(
    'create or replace trigger zz_keep_updated_at before update on public.%I for each row
       when (current_user = ''postgres'' and new.research_report is not distinct from old.research_report
         and new.winner_event_id is distinct from old.winner_event_id)
       execute function private.keep_updated_at()', p_table_name);
  execute format(
    'create or replace trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format('drop policy if exists "operators read" on public.%I', p_table_name);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end
$$;

comment on function private.add_report_type(text, text) is
  'Makes a table of the platform''s shape take part: registry, our columns, indexes, triggers and the policy for operators.';
revoke all on function private.add_report_type(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/await_same_call.sql
create or replace function private.await_same_call(p_id text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- Null: the caller does not repeat its calls.
  perform pg_advisory_xact_lock(hashtextextended('call ' || p_id, 0));
end
$$;

comment on function private.await_same_call(text) is
  'Lets a call and its repetition, which have the same id, come one after the other: a connection that died is retried at once, and the first call may still be at work. The first lock of its transaction.';
revoke all on function private.await_same_call(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/check_owner_values.sql
create or replace function private.check_owner_values(
  p_user_data jsonb default null, p_research_report text default null, p_research_metadata jsonb default null)
returns void
language plpgsql immutable set search_path = '' as $$
declare
  -- The most that a language model gets of it (300,000 characters).
  c_user_data_kb constant int := 300;
  -- The limit of a result, so that what an owner saves could also be delivered.
  c_content_kb constant int := 900;
  c_levels constant int := 100;
  v_value record;
  v_bytes bigint;
begin
  for v_value in
    select * from (values
      ('user_data', p_user_data, c_user_data_kb), ('research_metadata', p_research_metadata, c_content_kb))
      given (name, value, kb)
    where value is not null
  loop
    if jsonb_typeof(v_value.value) <> 'object' then
      raise exception '% must be a JSON object', v_value.name using errcode = 'PL007';
    end if;
    -- In storage, a value takes at most four times the bytes of its text (for a list of digits), plus its frame. This check
    -- costs nothing, whatever the size.
    if pg_column_size(v_value.value) > 5 * v_value.kb * 1024 then
      raise exception '% is larger than the limit of % KB', v_value.name, v_value.kb using errcode = 'PL007';
    end if;
    if private.has_long_number(v_value.value) then
      raise exception '% has a number of more than 64 digits', v_value.name using errcode = 'PL007';
    end if;
    if jsonb_path_exists(v_value.value, format(
      'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', c_levels)::jsonpath)
    then
      raise exception '% has more than % levels', v_value.name, c_levels using errcode = 'PL007';
    end if;
    v_bytes := octet_length(v_value.value::text);
    if v_bytes > v_value.kb * 1024 then
      raise exception '% is % KB; the limit is % KB', v_value.name, ceil(v_bytes / 1024.0), v_value.kb
        using errcode = 'PL007';
    end if;
  end loop;
  v_bytes := coalesce(octet_length(to_json(p_research_report)::text), 0)
    + coalesce(octet_length(p_research_metadata::text), 0);
  if v_bytes > c_content_kb * 1024 then
    raise exception 'research_report with its metadata is % KB as JSON; the limit is % KB', ceil(v_bytes / 1024.0), c_content_kb
      using errcode = 'PL007';
  end if;
end
$$;

comment on function private.check_owner_values(jsonb, text, jsonb) is
  'Refuses (PL007) what an owner may not store in a report: no object, too large, too deep, or with numbers that print as more than 64 digits. Null is not checked.';
revoke all on function private.check_owner_values(jsonb, text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/reports/check_winner.sql
-- Definer rights: people and servers who write reports may not read events and contents.
create or replace function private.check_winner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Volatile: a stable function would not see the event that the same statement has recorded.
  if not exists (
    select from public.report_events event
    join private.report_contents content on content.event_id = event.id
    where event.id = new.winner_event_id and event.report_type = tg_argv[0] and event.report_id = new.id
      and content.research_report is not distinct from new.research_report)
  then
    raise exception 'winner_event_id must name an event of this report with this text' using errcode = 'PL002';
  end if;
  return null;
end
$$;

comment on function private.check_winner() is
  'Refuses a winner that is not an event of this report with the text that the row shows.';
revoke all on function private.check_winner() from public, anon, authenticated, service_role;

-- supabase/sql/reports/close_first_version.sql
create or replace function private.close_first_version(p_force boolean default false)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_last timestamptz := (
    select max(applied_at) from public.report_events where channel = 'platform' and applied_at > now() - interval '1 day');
begin
  -- Null does not count as consent.
  if v_last is not null and p_force is not true then
    return format('Nothing was closed: the platform wrote a result at %s. Wait a day after its last one, or say '
      || 'private.close_first_version(true).', v_last);
  end if;
  update private.first_version set closed_at = coalesce(closed_at, now()) where only_row;
  revoke execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from service_role;
  revoke execute on function public.get_failed_webhooks(int, int) from service_role;
  return 'Results are written through the webhooks alone. select private.open_first_version() undoes it.';
end
$$;

comment on function private.close_first_version(boolean) is
  'Refuses from now on results that others than our functions write, and closes the two functions of the first version. Returns what it did.';
revoke all on function private.close_first_version(boolean) from public, anon, authenticated, service_role;

-- supabase/sql/reports/close_report.sql
-- Definer rights: an owner's statement fires it, and owners may not write deliveries.
create or replace function private.close_report()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_delivery_id bigint;
  v_revision bigint;
begin
  -- A sweep erases the content. Erasing it here could wait for a sender's lock, and deleting an account deletes many reports
  -- at once.
  insert into private.erasures (user_id, report_type, report_id) values (old.user_id, tg_argv[0], old.id)
  on conflict do nothing;
  delete from private.reports_to_import where report_type = tg_argv[0] and report_id = old.id;
  -- The report is locked already, although deliveries come before reports in the lock order. So a delivery held by another
  -- process is skipped: when that process applies the event, it finds no report and closes the delivery.
  for v_delivery_id in
    select id from public.webhook_deliveries
    where report_id = old.id and report_type = tg_argv[0] and status not in ('success', 'superseded', 'cancelled')
    order by id
    for update skip locked
  loop
    perform private.move_delivery(v_delivery_id, 'closed', p_reason => 'report_deleted');
  end loop;
  -- Subscribers must forget the report too. The sweep that erases the content makes these deliveries (tell_deletion()), since
  -- deleting an account deletes many reports in one statement. If there never was a subscriber, there is nobody to tell.
  select max(id) into v_revision from private.endpoint_revisions;
  if v_revision is not null then
    insert into public.report_events (
      id, type, report_type, report_id, stage, requested_at, digest, channel, effect, position, applied_at, erased_at,
      applied_xid, settings_revision, trace_id)
    values (
      private.new_id('del_'), 'report.deleted', tg_argv[0], old.id, coalesce(old.stage, 'prelim'), clock_timestamp(),
      encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'),
      case when current_setting('role', true) = 'authenticated' then 'owner' else 'platform' end,
      'applied', private.next_position(tg_argv[0], old.id), clock_timestamp(),
      -- A deletion has no content to erase later.
      clock_timestamp(), pg_current_xact_id(), v_revision, private.new_trace_id());
  end if;
  with cancelled as (
    update private.job_runs
    set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, completed_at = now(),
      error = 'The report was deleted.', updated_at = now()
    where report_id = old.id and report_type = tg_argv[0] and status in ('queued', 'running')
    returning job_id, status, percent, eta_seconds, error, started_at, completed_at
  )
  -- Like show_job(), but for all jobs at once: a report may have thousands.
  update public.report_jobs shown
  set status = job.status, percent = job.percent, eta_seconds = job.eta_seconds, error = job.error,
    started_at = job.started_at, completed_at = job.completed_at, updated_at = now()
  from cancelled job
  where job.job_id = shown.job_id and shown.job_id in (
    select job_id from public.report_jobs where job_id in (select job_id from cancelled) for update skip locked);
  return null;
end
$$;

comment on function private.close_report() is
  'Deleting a report closes its deliveries, cancels its jobs, and has its content erased by the next sweep.';
revoke all on function private.close_report() from public, anon, authenticated, service_role;

-- supabase/sql/reports/count_foreign_write.sql
create or replace function private.count_foreign_write()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  c_most constant int := 1000;
  v_count int := coalesce(nullif(current_setting('polaris.foreign', true), '')::int, 0) + 1;
begin
  perform set_config('polaris.foreign', v_count::text, true);
  if v_count > c_most and coalesce(current_setting('polaris.bulk', true), '') <> 'on' then
    raise exception 'more than % reports were written in one transaction', c_most using errcode = 'PL005',
      hint = 'Run set local polaris.bulk = ''on'' first: the texts are recorded, but not sent to subscribers.';
  end if;
end
$$;

comment on function private.count_foreign_write() is
  'Counts the reports that others write in one transaction, and refuses more than 1,000 unannounced ones.';
revoke all on function private.count_foreign_write() from public, anon, authenticated, service_role;

-- supabase/sql/reports/count_owner_write.sql
create or replace function private.count_owner_write()
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_owner uuid := auth.uid();
  v_asked record;
begin
  -- No caller waits for the bucket: lock_owner() and guard_insert() serialise an owner's statements.
  v_asked := private.ask_limit('write', v_owner::text, true);
  if v_asked.failure is not null then
    raise warning '%', v_asked.failure;
  elsif v_asked.refusal is not null then
    raise exception 'too many changes of reports: at most % within % seconds', v_asked.refusal ->> 'quota',
      v_asked.refusal ->> 'window_seconds'
      using errcode = 'PT429',
        hint = format('Wait %s seconds, then write again.', v_asked.refusal ->> 'retry_after_seconds');
  end if;
end
$$;

comment on function private.count_owner_write() is
  'Takes a token of the signed-in owner for a report that this statement inserts or changes, and refuses the statement (PT429, which the REST API answers with 429) where there is none.';
revoke all on function private.count_owner_write() from public, anon, authenticated, service_role;

-- supabase/sql/reports/create_report_type.sql
create or replace function private.create_report_type(p_report_type text)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := p_report_type || '_reports';
begin
  execute format(
    'create table public.%I (
       id uuid primary key default gen_random_uuid(),
       summary_id uuid references public.polaris_summaries (id) on delete cascade,
       user_id uuid not null references auth.users (id) on delete cascade,
       user_data jsonb not null default ''{}'',
       research_report text,
       research_status public.research_status not null default ''pending'',
       research_metadata jsonb not null default ''{}'',
       created_at timestamptz not null default now(),
       updated_at timestamptz not null default now(),
       webhook_status text default ''pending''
         check (webhook_status in (''pending'', ''sent'', ''success'', ''failed'', ''retrying'')),
       webhook_attempts int default 0,
       webhook_last_attempt timestamptz,
       webhook_response jsonb default ''{}'',
       webhook_job_id text
     )', v_table);
  execute format('comment on table public.%I is %L', v_table, 'Reports of the type ' || p_report_type || '.');
  execute format('create index %I on public.%I (summary_id)', v_table || '_summary_id', v_table);
  -- The platform's tables have this index. public.list_all_reports() finds failed reports by it.
  execute format('create index %I on public.%I (research_status)', v_table || '_research_status', v_table);
  execute format('alter table public.%I enable row level security', v_table);
  execute format('revoke all on table public.%I from anon, authenticated, service_role', v_table);
  execute format('grant select, insert, update, delete on table public.%I to authenticated', v_table);
  execute format('grant select on table public.%I to service_role', v_table);
  execute format('create policy "owners select" on public.%I for select to authenticated
    using ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners insert" on public.%I for insert to authenticated
    with check ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners update" on public.%I for update to authenticated
    using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)', v_table);
  execute format('create policy "owners delete" on public.%I for delete to authenticated
    using ((select auth.uid()) = user_id)', v_table);
  perform private.add_report_type(p_report_type, v_table);
end
$$;

comment on function private.create_report_type(text) is
  'Creates a new report type with a table of its own, <type>_reports, which only its owners and the server reach.';
revoke all on function private.create_report_type(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/drop_references.sql
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

-- supabase/sql/reports/finish_table.sql
-- The only list of indexes and constraints that need a scan of a large table, of the platform's or of ours. A migration would
-- block writers meanwhile, so it builds them on small tables only; npm run upgrade builds the others without blocking.
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
      -- Bytewise, so that a prefix search works in every collation.
      'create index job_runs_id_start on private.job_runs (job_id text_pattern_ops)',
      'create index job_runs_taken_over on private.job_runs (created_at desc, job_id desc) where take_overs > 0']
    when 'report_events' then array[
      'alter table public.report_events validate constraint event_type_is_known',
      'alter table public.report_events validate constraint event_type_fits_its_stage',
      'alter table public.report_events validate constraint edit_is_of_channel_owner',
      'alter table public.report_events validate constraint deletion_has_no_content',
      'create index report_events_id_start on public.report_events (id text_pattern_ops)',
      'create index report_events_applied on public.report_events (applied_xid, id) where applied_xid is not null',
      'create index report_events_applied_at on public.report_events (applied_at, id) where effect is not null']
    when 'webhook_deliveries' then array[
      'create index webhook_deliveries_dead_by_endpoint on public.webhook_deliveries (endpoint_id, dead_reason)
         where dead_at is not null',
      'alter table public.webhook_deliveries validate constraint delivery_format_is_known',
      'alter table public.webhook_deliveries validate constraint dead_reason_is_known',
      'alter table public.webhook_deliveries validate constraint only_subscribers_deliveries_are_withdrawn',
      'alter table public.webhook_deliveries validate constraint only_subscribers_deliveries_are_replayed',
      'alter table public.webhook_deliveries validate constraint waiting_delivery_is_open_and_has_an_order',
      'alter table public.webhook_deliveries validate constraint only_a_success_is_counted_on_arrival',
      -- Order of subscribers' deliveries: first deliveries, then retries, then replays.
      'create index webhook_deliveries_outward on public.webhook_deliveries (
         endpoint_id, (case when plan > 0 then 2 when rounds > 0 then 1 else 0 end), next_attempt, id)
         where position is not null and status not in (''success'', ''superseded'', ''cancelled'') and dead_at is null
           and waits_for is null',
      'create index webhook_deliveries_order on public.webhook_deliveries (endpoint_id, report_id, report_type, position)
         where position is not null and plan = 0 and status not in (''success'', ''superseded'', ''cancelled'') and dead_at is null',
      'create index webhook_deliveries_waits on public.webhook_deliveries (waits_for) where waits_for is not null',
      'create index webhook_deliveries_plan on public.webhook_deliveries (plan, status, id) where plan > 0',
      'create index webhook_deliveries_read on public.webhook_deliveries (endpoint_id, created_xid, id) where created_xid is not null']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name),
      -- Only built-in functions: writers of reports would need the right to execute one of ours. Values that are not objects
      -- have no words, and long names are cut, so no row fails. fastupdate is off, since a search would have to read the
      -- pending list.
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

-- supabase/sql/reports/guard_accounts.sql
create or replace function private.guard_accounts()
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Only if the trigger is missing: replacing or dropping a trigger on a table of Auth may be refused, or lock all of Auth.
  if not exists (
    select from pg_catalog.pg_trigger where tgrelid = 'auth.users'::regclass and tgname = 'polaris_lock_account')
  then
    create trigger polaris_lock_account before delete on auth.users
      for each row execute function private.lock_account();
  end if;
  if not exists (
    select from pg_catalog.pg_trigger where tgrelid = 'auth.users'::regclass and tgname = 'polaris_note_account_deletion')
  then
    create trigger polaris_note_account_deletion after delete or update of deleted_at on auth.users
      for each row execute function private.note_account_deletion();
  end if;
  return true;
exception when insufficient_privilege then
  raise notice 'This role may not create triggers on auth.users. Deleting an account may deadlock with writers of its reports, and its content is erased only when an operator erases the account.';
  return false;
end
$$;

comment on function private.guard_accounts() is
  'Creates our two triggers on auth.users where they are absent: one locks an account''s rows before its deletion, one records the deletion for the sweep. False: the caller lacks the privilege.';
revoke all on function private.guard_accounts() from public, anon, authenticated, service_role;

-- supabase/sql/reports/guard_insert.sql
-- Definer rights: people and servers who insert reports may not call our helpers.
create or replace function private.guard_insert()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_is_owner boolean := current_setting('role', true) in ('anon', 'authenticated');
  v_has_text boolean := new.research_report is not null
    and (v_is_owner or new.research_status <> 'failed' or not private.is_blank(new.research_report));
begin
  -- Lock order: the foreign keys would lock the summary first.
  perform from auth.users where id = new.user_id for key share;
  if v_is_owner then
    -- The same lock as lock_owner() takes for updates. Taken before the first row is inserted, since an upsert of the same
    -- owner may wait for that row.
    perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  end if;
  perform from public.polaris_summaries where id = new.summary_id for key share;
  if v_is_owner then
    perform private.check_owner_values(new.user_data, new.research_report);
    new.created_at := now();
    new.updated_at := now();
  else
    -- Servers may insert reports of the past, but none from the future or without a time.
    new.created_at := private.import_time(coalesce(new.created_at, now()), now());
    new.updated_at := private.import_time(coalesce(new.updated_at, now()), now());
  end if;
  -- The ids are generated here, so that the statement returns them. record_insert() records the event; if the insert becomes
  -- an update of an existing row, no event is recorded under this id.
  new.stage := case when v_has_text then
    case when not v_is_owner and new.research_metadata ->> 'processing_stage' = 'final' then 'final'
      when v_is_owner then coalesce(new.stage, 'prelim') else 'prelim' end end;
  new.winner_event_id := case when v_has_text then private.new_id(case when v_is_owner then 'own_' else 'plt_' end) end;
  new.webhook_status := 'pending';
  new.webhook_attempts := 0;
  new.webhook_last_attempt := null;
  new.webhook_response := '{}';
  new.webhook_job_id := null;
  if v_is_owner then
    new.research_metadata := '{}';
  end if;
  new.research_status := case when v_has_text then 'completed' when v_is_owner then 'pending' else new.research_status end;
  return new;
end
$$;

comment on function private.guard_insert() is
  'Sets the columns of a new report that only we may set to their defaults: an owner''s times are now, a server''s are at most now. The text that it brings is recorded after the insert.';
revoke all on function private.guard_insert() from public, anon, authenticated, service_role;

-- supabase/sql/reports/has_account.sql
create or replace function private.has_account(p_user_id uuid)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- Auth can delete an account softly: it sets a time in the row and keeps everything that refers to the row.
  return exists (select from auth.users where id = p_user_id and deleted_at is null);
end
$$;

comment on function private.has_account(uuid) is
  'Whether the account of a user exists and is not deleted, softly or at all.';
revoke all on function private.has_account(uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/has_long_number.sql
create or replace function private.has_long_number(p_value jsonb)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- An ordinary number needs only two comparisons, which are most of this function's cost.
  return jsonb_path_exists(p_value,
    'strict $.** ? (@.type() == "number" && (@ >= 1e64 || @ < 1e-64 && @ != 0 && (@ > -1e-64 || @ <= -1e64)))');
end
$$;

comment on function private.has_long_number(jsonb) is
  'Whether a number in it prints as much more than it weighs: 1e131071 has eight characters, and 131,072 when it is printed. Asked before anything prints a value that others have written.';
revoke all on function private.has_long_number(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/reports/import_events.sql
create or replace function private.import_events(p_report_type text, p_row private.report_row)
returns private.report_row
language plpgsql volatile set search_path = '' as $$
declare
  -- The owner could write any number; from now on each attempt adds one.
  c_attempts constant int := 1000;
  -- Limit of jobs per report, since users could insert any number. Each takes half a millisecond or more, while writers wait
  -- for the batch: with 20,000 jobs, one report took 31 s.
  c_jobs constant int := 20;
  v_now timestamptz(3) := clock_timestamp();
  -- Computed once for the digest and for the endpoint's rule: with many numbers it takes as long as everything else.
  v_is_printable boolean := private.has_long_number(p_row.research_metadata) is not true;
  v_has_text boolean := not private.is_blank(p_row.research_report);
  v_key text := p_report_type || ':' || p_row.id;
  v_own private.job_runs;
  v_prefix text := 'import_' || p_report_type || '_' || replace(p_row.id::text, '-', '');
  v_winner private.incoming_result;
  v_winner_id text;
  v_job record;
  v_result private.incoming_result;
  v_event public.report_events;
  v_dead_reason text;
begin
  delete from private.reports_to_import where report_type = p_report_type and report_id = p_row.id;
  if not found then
    return p_row;
  end if;
  if p_row.webhook_attempts not between 0 and c_attempts then
    p_row.webhook_attempts := case when p_row.webhook_attempts < 0 then 0 else c_attempts end;
  end if;
  p_row.webhook_last_attempt := private.import_time(p_row.webhook_last_attempt, v_now);
  -- Links left by the first version: the row's own job, a job whose metadata names the report, and, if the report has no
  -- text, a key of the form greeting:<report id>. Users could write jobs and rows. So only jobs of the owner or without a
  -- user count, not those that name another report, nor those without a user that name no report.
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status, percent,
    eta_seconds, error, lease_expires_at, created_at, updated_at, started_at, completed_at)
  select job.job_id, p_report_type, p_row.id,
    case when 'final' in (job.metadata ->> 'stage', job.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    p_row.user_id, job.summary_id, 'platform', job.prompt, job.model,
    -- PostgreSQL accepts NaN as a number, but the job could not be run.
    case when job.temperature between 0 and 2 then job.temperature end, case when job.max_tokens > 0 then job.max_tokens end,
    case when lost then 'failed' when runs and job.status = 'succeeded' then 'running' else job.status end,
    coalesce(job.percent, 0), case when runs and job.eta_seconds >= 0 then job.eta_seconds end,
    case when lost then coalesce(job.error, 'The job was lost before the upgrade, and it has expired.') else job.error end,
    -- Its runner may still be alive: functions of the first version run for up to two minutes.
    case when runs then v_now + interval '5 minutes' end,
    private.import_time(coalesce(job.created_at, job.updated_at, v_now), v_now),
    private.import_time(coalesce(job.updated_at, v_now), v_now), private.import_time(job.started_at, v_now),
    case when not runs then private.import_time(coalesce(job.completed_at, job.updated_at, v_now), v_now) end
  from public.report_jobs job
  cross join lateral (
    select
      -- A job that has just succeeded, and that the row does not name, may be about to write its result into the row. If the
      -- result were imported as a superseded event, that write would be taken for its repetition.
      job.status in ('queued', 'running') and coalesce(job.expires_at > v_now, true)
        or job.status = 'succeeded' and coalesce(job.completed_at > v_now - interval '5 minutes', false)
          and not private.is_blank(job.result)
          and job.job_id is distinct from coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id') as runs,
      job.status in ('queued', 'running') and not coalesce(job.expires_at > v_now, true) as lost) fate
  cross join lateral private.named_report(job.metadata, job.idempotency_key) named
  where (
      job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id')
      or job.metadata ->> 'report_id' = p_row.id::text
        and p_report_type = case job.metadata ->> 'report_type'
          when 'organization' then 'org' when 'requirements' then 'requirement' else job.metadata ->> 'report_type' end
      or not v_has_text and job.idempotency_key = v_key)
    and (job.user_id is null or job.user_id = p_row.user_id)
    -- No endpoint accepts such an id, which would stop the sweep. An id of an imported event would prevent that event from
    -- being recorded.
    and private.is_job_id(job.job_id) and not starts_with(job.job_id, 'import_')
    and case
      when named.report_id is not null then (named.report_type, named.report_id) = (p_report_type, p_row.id)
      -- Anyone who knows the id of a job without a user could write it into their own report. Only an equal text proves that
      -- the result belongs to this report.
      else job.user_id is not null or job.result = p_row.research_report end
  order by coalesce(job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'), false) desc,
    job.user_id is null desc, private.import_time(job.created_at, v_now) desc nulls last, job.job_id desc
  limit c_jobs
  on conflict (job_id) do nothing;
  -- Only lost jobs: a job whose result is still to be written keeps its shown state, for its clients and for the sweep.
  perform private.show_job(run.job_id)
  from private.job_runs run join public.report_jobs shown on shown.job_id = run.job_id
  where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'failed' and shown.status <> 'failed';
  select * into v_own from private.job_runs
  where report_type = p_report_type and report_id = p_row.id and status = 'succeeded' and v_has_text
    and job_id = coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id');

  -- The winner: the row's own text, else the newest result that only a job has, else the failure that the webhook columns
  -- report.
  v_winner.report_type := p_report_type;
  v_winner.report_id := p_row.id;
  v_winner.stage := 'prelim';
  if v_has_text then
    v_winner_id := v_prefix;
    v_winner.stage := case when p_row.research_metadata ->> 'processing_stage' = 'final' or v_own.stage = 'final' or (
      select audit.webhook_type from public.webhook_audit audit
      -- Also finds reports by their jobs: the platform has an index on the jobs, but none for reports.
      where audit.job_id = any (array[p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'] || array(
          select job_id from private.job_runs where report_type = p_report_type and report_id = p_row.id))
        and audit.report_id = p_row.id and audit.response_status = 200 and audit.webhook_type is not null
      order by audit.created_at desc limit 1) = 'final-report' then 'final' else 'prelim' end;
    v_winner.job_id := v_own.job_id;
    v_winner.research_report := p_row.research_report;
    v_winner.research_metadata := p_row.research_metadata;
    v_winner.requested_at := private.import_time(coalesce(v_own.created_at, (
      -- What the row shows is older than the result of an unfinished job, which may itself have changed updated_at.
      select least(
        coalesce(max(created_at) filter (where status = 'succeeded'), p_row.updated_at),
        min(created_at) filter (where status in ('queued', 'running')) - interval '1 millisecond')
      from private.job_runs where report_type = p_report_type and report_id = p_row.id), v_now), v_now);
  end if;
  for v_job in
    select run.job_id, run.stage, run.created_at, shown.result
    from private.job_runs run
    join public.report_jobs shown on shown.job_id = run.job_id
    where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'succeeded' and run.event_id is null
      and not private.is_blank(shown.result) and run.job_id is distinct from v_own.job_id
    order by run.created_at desc, run.job_id desc
  loop
    v_result := v_winner;
    v_result.job_id := v_job.job_id;
    v_result.stage := v_job.stage;
    v_result.research_report := v_job.result;
    v_result.research_metadata := '{}';
    v_result.requested_at := v_job.created_at;
    if v_winner_id is null then
      v_winner := v_result;
      -- The row keeps its metadata, which must equal the winner's.
      v_winner.research_metadata := p_row.research_metadata;
      v_winner_id := 'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex');
      continue;
    end if;
    -- A superseded result must not outrank the shown one.
    if v_winner.stage = 'prelim' then
      v_result.stage := 'prelim';
    end if;
    v_result.requested_at := least(v_result.requested_at, v_winner.requested_at - interval '1 millisecond');
    v_result.type := format('report.%s.completed', v_result.stage);
    perform private.insert_import(
      'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex'), v_result, 'superseded');
  end loop;
  if v_winner_id is null and p_row.webhook_status in ('failed', 'sent', 'retrying') then
    v_winner_id := v_prefix;
    v_winner.requested_at := private.import_time(p_row.updated_at, v_now);
    v_winner.error := 'The result was lost before the upgrade.';
  end if;
  if v_winner_id is null then
    return p_row;
  end if;
  v_winner.type := format('report.%s.%s', v_winner.stage, case when v_winner.error is null then 'completed' else 'failed' end);
  v_event := private.insert_import(
    v_winner_id, v_winner, 'applied', v_is_printable or v_winner.research_metadata is null);
  -- If no webhook was ever sent for the row, there is no delivery to show.
  if coalesce(p_row.webhook_status, 'pending') <> 'pending' or p_row.webhook_job_id is not null then
    v_dead_reason := case
      when v_event.status = 'failed' then 'import'
      -- The row shows the result, but no webhook can confirm it, since the endpoint rejects such content.
      when p_row.webhook_status is distinct from 'success' and not (v_is_printable and private.fits_endpoint(v_event))
        then 'unsendable'
    end;
    p_row.webhook_status := case
      -- No process holds it any more.
      when v_dead_reason is not null or p_row.webhook_status = 'retrying' then 'failed'
      else coalesce(p_row.webhook_status, 'pending') end;
    p_row.webhook_attempts := coalesce(p_row.webhook_attempts, 0);
    p_row.webhook_response := coalesce(p_row.webhook_response, '{}');
    perform set_config('polaris.import', 'on', true);
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response, dead_at,
      dead_reason)
    values (
      v_event.id, private.internal_endpoint(v_event.stage), p_report_type, p_row.id, p_row.webhook_job_id,
      p_row.webhook_status, p_row.webhook_attempts, p_row.webhook_last_attempt,
      case when v_dead_reason is null and p_row.webhook_status <> 'success' then v_now end, p_row.webhook_response,
      case when v_dead_reason is not null then v_now end, v_dead_reason);
    perform set_config('polaris.import', '', true);
  end if;
  if v_event.status = 'completed' then
    p_row.winner_event_id := v_event.id;
    p_row.stage := v_event.stage;
    p_row.research_report := v_winner.research_report;
  end if;
  return p_row;
end
$$;

comment on function private.import_events(text, private.report_row) is
  'Makes events, jobs and the delivery of a report from before the events, under its lock. Touches no row of reports: returns the row as it must become.';
revoke all on function private.import_events(text, private.report_row) from public, anon, authenticated, service_role;

-- supabase/sql/reports/import_reports.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.import_reports(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type public.report_types;
  v_report_id uuid;
  v_imported int := 0;
  -- Writers of the batch's reports wait for its end, and texts may be large: a report of 10 MB takes half a second. Without
  -- this limit, a batch could reach the time-out of REST, and each sweep would repeat it without effect.
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
  v_is_cancelled boolean := false;
begin
  for v_type in select * from public.report_types loop
    exit when v_imported >= p_limit or v_is_cancelled or clock_timestamp() > v_deadline;
    for v_report_id in
      execute format(
        'select report.id from private.reports_to_import marker
         join public.%I report on report.id = marker.report_id
         where marker.report_type = $1 order by marker.failed_at nulls first, marker.report_id limit $2
         for no key update of report skip locked',
        v_type.table_name)
      using v_type.report_type, p_limit - v_imported
    loop
      begin
        perform private.import_report(v_type.report_type, v_report_id);
        v_imported := v_imported + 1;
      exception when query_canceled or others then
        -- One failing report does not stop the others, and is tried last. One that used up the time of the whole call must be
        -- marked too, or it would be the first again.
        v_is_cancelled := sqlstate = '57014';
        update private.reports_to_import set failed_at = now(), error = sqlerrm
        where report_type = v_type.report_type and report_id = v_report_id;
      end;
      exit when v_is_cancelled or clock_timestamp() > v_deadline;
    end loop;
    if not found then
      -- Markers of deleted reports.
      execute format(
        'delete from private.reports_to_import marker
         where report_type = $1 and not exists (select from public.%I report where report.id = marker.report_id)',
        v_type.table_name)
      using v_type.report_type;
    end if;
  end loop;
  return jsonb_build_object('imported', v_imported, 'left', (select count(*) from private.reports_to_import));
end
$$;

comment on function public.import_reports(int) is
  'Imports up to p_limit reports from before the events, for about a second, skipping those that others hold. Returns {imported, left}.';
revoke all on function public.import_reports(int) from public, anon, authenticated, service_role;
grant execute on function public.import_reports(int) to service_role;

-- supabase/sql/reports/insert_import.sql
create or replace function private.insert_import(
  p_event_id text, p_result private.incoming_result, p_effect text, p_is_printable boolean default true)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  p_result.job_id := coalesce(p_result.job_id, p_event_id);
  v_event := private.insert_event(p_event_id, p_result, p_result.requested_at, 'import', p_effect, p_is_printable);
  if v_event.id is null then
    -- A sender has used this id, or the id of this job, for another report.
    p_result.job_id := private.new_id('import_');
    v_event := private.insert_event(p_result.job_id, p_result, p_result.requested_at, 'import', p_effect, p_is_printable);
  end if;
  update private.job_runs set event_id = v_event.id where job_id = v_event.job_id and status = 'succeeded';
  return v_event;
end
$$;

comment on function private.insert_import(text, private.incoming_result, text, boolean) is
  'Records an event of the import, and that its job, if there is one, ended with it. An event without a known job, or whose id or job another event has, gets its own id as job id, since the endpoints require one.';
revoke all on function private.insert_import(text, private.incoming_result, text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_account.sql
-- Definer rights: Auth deletes accounts in a role of its own, which has no rights on reports and jobs.
create or replace function private.lock_account()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type public.report_types;
begin
  -- The user's foreign keys delete in the order of their creation: jobs before reports, which is not our lock order.
  -- Deliveries come before the user, and are not waited for: close_report() skips those that a sender holds.
  perform from public.polaris_summaries where user_id = old.id order by id for update;
  for v_type in select * from public.report_types order by report_type loop
    execute format('select from public.%I where user_id = $1 order by id for update', v_type.table_name) using old.id;
  end loop;
  perform from public.report_jobs where user_id = old.id order by job_id for update;
  return old;
end
$$;

comment on function private.lock_account() is
  'Before an account is deleted, locks what is deleted with it in the one order of locks: user, summaries, reports, jobs. Otherwise the deletion and a writer of a report can wait for each other.';
revoke all on function private.lock_account() from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_owner.sql
-- Definer rights: owners may not read the table of users.
create or replace function private.lock_owner()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Per statement: a row trigger would run too late, with the row already locked.
  perform from auth.users where id = (select auth.uid()) for key share;
  -- Statements lock their rows in any order: two concurrent ones of an owner could deadlock.
  perform pg_advisory_xact_lock(hashtextextended('owner ' || (select auth.uid()), 0));
  return null;
end
$$;

comment on function private.lock_owner() is
  'Before a statement of an owner changes rows, locks the owner''s account, as the order of locks demands, and waits for other statements of this owner.';
revoke all on function private.lock_owner() from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_report.sql
create or replace function private.lock_report(p_report_type text, p_report_id uuid, p_summary_id uuid default null)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_report record := private.locked_report(p_report_type, p_report_id, p_summary_id);
begin
  return v_report.owner;
end
$$;

comment on function private.lock_report(text, uuid, uuid) is
  'Locks a report as locked_report() does, and returns its owner. Null: there is no such report.';
revoke all on function private.lock_report(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/lock_table.sql
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

-- supabase/sql/reports/locked_report.sql
create or replace function private.locked_report(
  p_report_type text, p_report_id uuid, p_summary_id uuid default null, out owner uuid, out winner_event_id text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  -- Deleting an account or a summary deletes its reports, so these rows are locked first. The foreign keys would lock them
  -- only after the report, and both transactions would deadlock.
  v_report record := private.report_row(p_report_type, p_report_id, false);
begin
  perform from auth.users where id = v_report.owner for key share;
  if v_report.summary_id is not null or p_summary_id is not null then
    perform from public.polaris_summaries where id in (v_report.summary_id, p_summary_id) order by id for key share;
  end if;
  v_report := private.report_row(p_report_type, p_report_id, true);
  if v_report.owner is not null
    and exists (select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    perform private.import_report(p_report_type, p_report_id);
    v_report := private.report_row(p_report_type, p_report_id, true);
  end if;
  owner := v_report.owner;
  winner_event_id := v_report.winner_event_id;
end
$$;

comment on function private.locked_report(text, uuid, uuid) is
  'Locks a report''s row until the transaction ends, imports it where nobody has, and returns its owner and its winner. Both null: the report does not exist. p_summary_id: of another summary that a row of this transaction will refer to.';
revoke all on function private.locked_report(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/names_operator.sql
create or replace function private.names_operator(p_caller text)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (select from public.operators where user_id::text = p_caller);
end
$$;

comment on function private.names_operator(text) is
  'Whether a caller of the job endpoint is an operator. `pipeline` is none.';
revoke all on function private.names_operator(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/record_insert.sql
-- Definer rights: people and servers who write reports may not write events.
create or replace function private.record_insert()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_failed boolean := tg_argv[1] = 'platform' and new.research_status = 'failed' and private.is_blank(new.research_report);
  v_event public.report_events;
begin
  -- Events of an earlier report may carry this id, and would attach to this one.
  if exists (select from public.report_events where report_id = new.id and report_type = tg_argv[0]) then
    raise exception 'this report id was used before' using errcode = 'unique_violation';
  end if;
  if tg_argv[1] = 'owner' then
    -- Only here: before the insert it is not known whether it becomes an update, which takes its token in record_write().
    perform private.count_owner_write();
  end if;
  if new.research_report is null then
    -- Only here: an insert that becomes an update may report a failure.
    execute format(
      $q$update public.%I set research_status = 'pending' where id = $1 and research_status <> 'pending'$q$, tg_table_name)
    using new.id;
    return null;
  end if;
  perform private.refuse_first_version(tg_argv[1]);
  perform private.count_foreign_write();
  v_event := private.record_foreign(
    tg_argv[0], new.id, tg_argv[1], new.research_report, new.research_metadata, v_failed, new.stage, null,
    new.research_metadata ->> 'job_id', new.winner_event_id);
  if new.winner_event_id is null then
    execute format(
      'update public.%I set winner_event_id = $1, stage = $2, research_status = $3 where id = $4', tg_table_name)
    using case when v_event.status = 'completed' then v_event.id end,
      case when v_event.status = 'completed' then v_event.stage end, private.report_status(tg_argv[0], new.id), new.id;
  end if;
  return null;
end
$$;

comment on function private.record_insert() is
  'A report that others insert with a text: the text becomes its first event. After the insert, since an upsert would see values that were minted before it.';
revoke all on function private.record_insert() from public, anon, authenticated, service_role;

-- supabase/sql/reports/record_write.sql
-- Definer rights: people and servers who write reports may not write events.
create or replace function private.record_write()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_type text := tg_argv[0];
  v_channel text := tg_argv[1];
  v_is_edit boolean := new.research_report is distinct from old.research_report
    or new.research_metadata is distinct from old.research_metadata;
  v_has_text boolean;
  v_failed boolean;
  v_job_id text;
  v_event public.report_events;
  v_row private.report_row;
begin
  -- If this transaction updates the row again, its foreign keys lock the user while the report is locked. So take that lock
  -- now, if it needs no waiting. Owners' statements already hold it (lock_owner()).
  perform from auth.users where v_channel = 'platform' and id = old.user_id for key share skip locked;
  if v_channel = 'owner' then
    perform private.count_owner_write();
  end if;
  -- Imports from OLD: an update of the row would come too late, and a trigger before this one would count as the write.
  if exists (select from private.reports_to_import where report_type = v_type and report_id = old.id) then
    -- Column by column: converted to JSON, metadata that is the JSON null would become SQL null, which the table refuses.
    v_row := private.import_events(v_type, row(
      old.id, old.user_id, old.research_report, old.research_metadata, old.webhook_status, old.webhook_attempts,
      old.webhook_last_attempt, old.webhook_response, old.webhook_job_id, old.updated_at, old.winner_event_id,
      old.stage)::private.report_row);
    old.research_report := v_row.research_report;
    old.webhook_status := v_row.webhook_status;
    old.webhook_attempts := v_row.webhook_attempts;
    old.webhook_last_attempt := v_row.webhook_last_attempt;
    old.webhook_response := v_row.webhook_response;
    old.winner_event_id := v_row.winner_event_id;
    old.stage := v_row.stage;
  end if;
  -- Events and deliveries refer to the report by its id.
  new.id := old.id;
  if v_channel = 'owner' then
    new.user_id := old.user_id;
    new.created_at := old.created_at;
    new.updated_at := now();
    -- Unchanged values are not checked: existing rows keep theirs.
    perform private.check_owner_values(
      case when new.user_data is distinct from old.user_data then new.user_data end,
      case when v_is_edit then new.research_report end, case when v_is_edit then new.research_metadata end);
  elsif new.created_at is distinct from old.created_at then
    new.created_at := private.import_time(coalesce(new.created_at, old.created_at), now());
  end if;
  if new.user_id is distinct from old.user_id then
    -- The report has a new owner: the previous one must not see its notifications any more.
    update public.report_notifications set user_id = new.user_id
    where event_id in (select id from public.report_events where report_id = old.id and report_type = v_type);
    -- Nor read or cancel its jobs. A job that a user asked for stays that user's, and serves the report no more.
    update private.job_runs set user_id = new.user_id
    where report_id = old.id and report_type = v_type and caller in ('pipeline', 'platform');
    update public.report_jobs set user_id = new.user_id
    where job_id in (
      select shown.job_id from public.report_jobs shown join private.job_runs job using (job_id)
      where job.report_id = old.id and job.report_type = v_type and job.caller = 'pipeline' for update of shown skip locked);
  end if;
  -- A job counts only if this write names it: the values of the old row are the winner's job. The platform's fallback names
  -- the job in the metadata and empties the column.
  v_job_id := coalesce(
    case when new.webhook_job_id is distinct from old.webhook_job_id then new.webhook_job_id end,
    case when new.research_metadata ->> 'job_id' is distinct from old.research_metadata ->> 'job_id'
      then new.research_metadata ->> 'job_id' end);
  new.stage := old.stage;
  new.winner_event_id := old.winner_event_id;
  new.webhook_status := old.webhook_status;
  new.webhook_attempts := old.webhook_attempts;
  new.webhook_last_attempt := old.webhook_last_attempt;
  new.webhook_response := old.webhook_response;
  new.webhook_job_id := old.webhook_job_id;
  v_has_text := new.research_report is distinct from old.research_report
    or v_channel = 'owner' and old.winner_event_id is not null
      and new.research_metadata is distinct from old.research_metadata;
  if v_has_text then
    perform private.refuse_first_version(v_channel);
    perform private.count_foreign_write();
    v_failed := v_channel = 'platform' and new.research_status = 'failed' and private.is_blank(new.research_report);
    v_event := private.record_foreign(
      v_type, old.id, v_channel, new.research_report, new.research_metadata, v_failed, old.stage, old.winner_event_id, v_job_id);
  end if;
  if v_event.effect = 'applied' and v_event.status = 'completed' then
    new.winner_event_id := v_event.id;
    new.stage := v_event.stage;
    if v_row.winner_event_id is not null then
      -- The winner was imported by this statement, so lose_content() does not see it in the row.
      update private.report_contents set lost_at = v_event.applied_at where event_id = v_row.winner_event_id;
    end if;
  elsif v_has_text then
    new.research_report := old.research_report;
    new.research_metadata := old.research_metadata;
  elsif old.winner_event_id is not null or v_channel = 'owner' then
    -- Metadata follows the winner.
    new.research_metadata := old.research_metadata;
  end if;
  new.research_status := private.report_status(v_type, old.id);
  return new;
end
$$;

comment on function private.record_write() is
  'Handles foreign writes to a report: a text becomes an event, and the row shows the text if it wins. Columns that only our functions may change keep their values.';
revoke all on function private.record_write() from public, anon, authenticated, service_role;

-- supabase/sql/reports/refuse_first_version.sql
create or replace function private.refuse_first_version(p_channel text)
returns void
language plpgsql stable set search_path = '' as $$
begin
  -- The request's role; the SQL editor has none.
  if p_channel = 'platform'
    and exists (select from private.first_version where closed_at is not null)
    and coalesce(current_setting('role', true), 'none') not in ('none', 'postgres')
  then
    raise exception 'results can be written only through the webhooks' using errcode = 'PL006',
      hint = 'select private.open_first_version() lets the platform''s first functions write again.';
  end if;
end
$$;

comment on function private.refuse_first_version(text) is
  'Refuses results that the platform''s servers write, once close_first_version() was called.';
revoke all on function private.refuse_first_version(text) from public, anon, authenticated, service_role;

-- supabase/sql/reports/report_is_gone.sql
create or replace function private.report_is_gone(p_report_type text, p_report_id uuid)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  return v_exists is null;
end
$$;

comment on function private.report_is_gone(text, uuid) is
  'Whether no such report is there: then nothing that was said of it may be kept, since nothing would erase it.';
revoke all on function private.report_is_gone(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/report_status.sql
create or replace function private.report_status(p_report_type text, p_report_id uuid)
returns public.research_status
language plpgsql stable set search_path = '' as $$
declare
  v_job record;
  v_event record;
begin
  select
    case
      when job.status = 'queued' then 'pending'
      when job.status = 'running' then 'running'
      -- The job has finished, but its result is not in the report's row yet.
      when event.id is not null and event.effect is null then 'running'
      when job.status = 'succeeded' then 'completed'
      else 'failed'
    end as status,
    job.created_at::timestamptz(3) as requested_at,
    coalesce(event.id, job.job_id) collate "C" as id
  into v_job
  from private.job_runs job
  left join public.report_events event on event.id = job.event_id
  where job.report_id = p_report_id and job.report_type = p_report_type and job.status <> 'cancelled'
  order by 2 desc, 3 desc
  limit 1;
  -- The newest event of a request without a job of ours.
  select event.status, event.requested_at, event.id collate "C" as id
  into v_event
  from public.report_events event
  where event.report_id = p_report_id and event.report_type = p_report_type
    and event.effect is not null and event.type <> 'report.owner.edited'
    -- With `not exists`, a plan made while job_runs was small would read the whole table at each call.
    and (select job.job_id from private.job_runs job where job.job_id = event.job_id) is null
  order by event.requested_at desc, event.id collate "C" desc
  limit 1;
  if v_job.status is not null
    and (v_event.id is null or (v_job.requested_at, v_job.id) > (v_event.requested_at, v_event.id))
  then
    return v_job.status;
  elsif v_event.id is not null then
    return v_event.status;
  end if;
  return coalesce(
    (select event.status from public.report_events event
      where event.report_id = p_report_id and event.report_type = p_report_type and event.effect is not null
      order by event.requested_at desc, event.id collate "C" desc
      limit 1),
    'pending');
end
$$;

comment on function private.report_status(text, uuid) is
  'research_status as it must be: that of the newest request that was not cancelled, or of the newest event, or pending.';
revoke all on function private.report_status(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/require_operator.sql
create or replace function private.require_operator()
returns void
language plpgsql stable set search_path = '' as $$
begin
  if not private.is_operator() then
    -- Without this error, row level security would show others empty lists, which look like a system without traffic.
    raise exception 'operators only' using errcode = 'insufficient_privilege';
  end if;
end
$$;

comment on function private.require_operator() is
  'Refuses everybody who is no operator, with 42501.';
revoke all on function private.require_operator() from public, anon, authenticated, service_role;
grant execute on function private.require_operator() to authenticated;

-- supabase/sql/reports/show_report_status.sql
create or replace function private.show_report_status(p_report_type text, p_report_id uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.show_in_report(p_report_type, p_report_id, private.report_status(p_report_type, p_report_id));
end
$$;

comment on function private.show_report_status(text, uuid) is
  'Brings research_status of a report''s row up to date. The caller holds the report''s lock.';
revoke all on function private.show_report_status(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/try_show_report_status.sql
-- For statements that hold rows or tables which come later in the lock order, and for work on many rows.
create or replace function private.try_show_report_status(p_report_type text, p_report_id uuid)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  if exists (
    select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    -- The lock would import it.
    return false;
  end if;
  perform private.lock_report(p_report_type, p_report_id);
  perform private.show_report_status(p_report_type, p_report_id);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.try_show_report_status(text, uuid) is
  'Brings research_status of a report up to date, if that needs no waiting. False: another transaction holds the report or its table, or the report is not imported yet, which will bring the status up to date.';
revoke all on function private.try_show_report_status(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/user_is_operator.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.user_is_operator(p_user_id uuid)
returns boolean
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select exists (select from public.operators where user_id = p_user_id)
$$;

comment on function public.user_is_operator(uuid) is
  'Whether this person is an operator now. Endpoints ask it for callers whom they have authenticated.';
revoke all on function public.user_is_operator(uuid) from public, anon, authenticated, service_role;
grant execute on function public.user_is_operator(uuid) to service_role;

-- supabase/sql/events/apply_at_once.sql
-- Decides by the same functions as the step-by-step path, but writes each row once: the event with its effect, and the report
-- with its result and its delivery.
create or replace function private.apply_at_once(
  p_event_id text, p_result private.incoming_result, p_known public.report_events, p_owner uuid, p_winner_id text,
  p_channel text, out event public.report_events, out outcome text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
  v_job private.job_runs;
  v_delivery public.webhook_deliveries;
  v_facts record;
begin
  -- Returns without writing anything unless the case is the usual one.
  if p_known.id is not null then
    -- Another transaction may have applied the event while this call waited for the locks.
    select * into v_event from public.report_events where id = p_known.id;
    if v_event.effect is not null or v_event.erased_at is not null or v_event.status <> 'completed' then
      return;
    end if;
  else
    select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
    v_event.id := p_event_id;
    v_event.type := p_result.type;
    v_event.status := split_part(p_result.type, '.', 3);
    v_event.report_type := p_result.report_type;
    v_event.report_id := p_result.report_id;
    v_event.stage := p_result.stage;
    v_event.job_id := p_result.job_id;
    v_event.requested_at := coalesce(v_job.created_at, least(p_result.requested_at, clock_timestamp()));
    if v_event.status is distinct from 'completed'
      or v_job.job_id is null and (p_result.requested_at is null or p_result.requested_at > now() + interval '5 minutes')
      or v_job.job_id is not null and (
        v_job.status not in ('queued', 'running')
        or (v_job.report_type, v_job.report_id, v_job.stage)
          is distinct from (p_result.report_type, p_result.report_id, p_result.stage)
        or not private.job_serves(v_job, p_owner))
    then
      return;
    end if;
  end if;
  select
    coalesce((select private.event_outranks(v_event, winner) from public.report_events winner where winner.id = p_winner_id), true)
      as wins,
    -- If true, the event's status is the report's (report_status()).
    not exists (
      select from private.job_runs other
      where other.report_id = v_event.report_id and other.report_type = v_event.report_type
        and other.job_id is distinct from v_event.job_id and other.created_at > v_event.requested_at - interval '1 millisecond')
    and not exists (
      select from public.report_events other
      where other.report_id = v_event.report_id and other.report_type = v_event.report_type
        and other.requested_at >= v_event.requested_at and other.id <> v_event.id and other.effect is not null)
      as is_newest,
    (select coalesce(max(position), 0) + 1 from public.report_events
      where report_type = v_event.report_type and report_id = v_event.report_id) as position,
    (select max(id) from private.endpoint_revisions) as settings_revision
  into v_facts;
  if not v_facts.wins then
    return;
  end if;

  v_event.effect := 'applied';
  v_event.channel := p_channel;
  v_event.position := v_facts.position;
  v_event.settings_revision := v_facts.settings_revision;
  -- The id before the time: plans rely on no effect having both an earlier time and a later transaction id.
  v_event.applied_xid := pg_current_xact_id();
  v_event.applied_at := clock_timestamp();
  if p_known.id is not null then
    update public.report_events
    set effect = v_event.effect, channel = v_event.channel, position = v_event.position,
      settings_revision = v_event.settings_revision, applied_xid = v_event.applied_xid, applied_at = v_event.applied_at
    where id = v_event.id;
  else
    v_event.digest := private.content_digest(p_result);
    v_event.trace_id := coalesce(
      case when v_job.job_id is null then p_result.trace_id else v_job.trace_id end, private.new_trace_id());
    v_event.error := p_result.error;
    with recorded as (
      insert into public.report_events (
        id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
        applied_xid, settings_revision, trace_id)
      values (
        v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
        v_event.digest, v_event.error, v_event.channel, v_event.effect, v_event.position, v_event.applied_at,
        v_event.applied_xid, v_event.settings_revision, v_event.trace_id)
      on conflict do nothing
      returning *
    ), kept as (
      insert into private.report_contents (event_id, research_report, research_metadata, final_data)
      select id, p_result.research_report, p_result.research_metadata, p_result.final_data from recorded
    )
    select * into v_event from recorded;
    if v_event.id is null then
      -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
      outcome := 'busy';
      return;
    end if;
    if v_job.job_id is not null then
      perform private.finish_job(v_event);
    end if;
  end if;
  if v_event.settings_revision is not null then
    perform private.fan_out(v_event, p_owner);
  end if;
  if p_channel = 'webhook' then
    perform set_config('polaris.import', 'on', true);
    v_delivery := private.confirm_delivery(v_event, v_event.effect);
    perform set_config('polaris.import', '', true);
    if p_known.id is not null and private.is_shown_delivery(v_delivery) is not true then
      v_delivery := null;
    end if;
  end if;
  perform private.show_in_report(
    v_event.report_type, v_event.report_id,
    case when v_facts.is_newest then 'completed' else private.report_status(v_event.report_type, v_event.report_id) end,
    v_event, v_delivery);
  perform private.notify_owner(v_event, p_owner);
  event := v_event;
  outcome := v_event.effect;
end
$$;

comment on function private.apply_at_once(text, private.incoming_result, public.report_events, uuid, text, text) is
  'Records and applies a completed result that wins, of an ordinary job or of none: what happens mostly. p_known: its event, if it has one. Outcome null: nothing was written, and register_event() or take_effect() decide. The caller holds the lock of the report, whose owner and winner are p_owner and p_winner_id.';
revoke all on function private.apply_at_once(text, private.incoming_result, public.report_events, uuid, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/apply_report_event.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_event(
  p_event_id text, p_channel text default 'webhook', p_body text default null, p_endpoint_id text default null,
  p_body_sha256 text default null, p_body_bytes int default null, p_elapsed_ms numeric default 0,
  p_sender text default null, p_cap_per_minute int default null,
  p_trace_id text default null, p_span_id text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_started timestamptz := clock_timestamp();
  v_result private.incoming_result;
  v_event public.report_events;
  v_report record;
  v_owner uuid;
  v_registered record;
  v_applied record;
  v_outcome text;
  v_is_forgotten boolean;
  v_answer jsonb;
  v_is_limited boolean := false;
  v_bucket text;
  v_asked record;
  v_refusal jsonb;
  v_unasked text;
begin
  if p_channel = 'webhook' and p_sender is not null then
    -- A sender of ours holds a lease on the delivery. It is not limited, however much other senders send: its failures would
    -- open the circuit.
    v_is_limited := not exists (
      select from public.webhook_deliveries
      where event_id = p_event_id and endpoint_id = p_endpoint_id and lease_expires_at > clock_timestamp());
  end if;
  if v_is_limited then
    v_asked := private.ask_limit('sender', p_sender, false);
    v_refusal := v_asked.refusal;
    v_unasked := v_asked.failure;
  end if;
  if p_body is not null and v_refusal is null then
    v_result := private.read_body(p_body, p_endpoint_id);
    v_result.trace_id := p_trace_id;
    v_bucket := v_result.report_type || ':' || v_result.report_id;
    if v_is_limited then
      v_asked := private.ask_limit('report', v_bucket, false);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
  end if;
  if v_refusal is not null then
    perform public.record_webhook_request(
      jsonb_build_object(
        'id', gen_random_uuid(), 'endpoint', p_endpoint_id, 'endpoint_id', p_endpoint_id, 'method', 'POST', 'status', 429,
        'outcome', 'rate_limited', 'event_id', p_event_id, 'report_type', v_result.report_type, 'report_id', v_result.report_id,
        'body_sha256', p_body_sha256, 'body_bytes', p_body_bytes,
        'detail', format('over the rate of its %s', v_refusal ->> 'policy'),
        'elapsed_ms', p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000,
        'trace_id', p_trace_id, 'span_id', p_span_id),
      false, p_cap_per_minute);
    return v_refusal;
  end if;
  if p_body is not null then
    -- One call at a time per id: copies of an unknown event wait here, and then find it.
    perform pg_advisory_xact_lock(hashtextextended(p_event_id, 0));
  end if;
  v_event := private.find_event(p_event_id, v_result.job_id);
  if v_event.id is null and p_body is null then
    raise exception 'event % does not exist', p_event_id using errcode = 'PL002';
  elsif v_event.erased_at is not null then
    -- The content is erased, so nothing is left to compare with.
    v_outcome := 'duplicate';
  elsif v_event.id is not null and p_body is not null and v_event.digest <> private.content_digest(v_result) then
    v_outcome := case when v_event.id = p_event_id then 'event_conflict' else 'job_conflict' end;
  else
    if v_event.id is not null then
      perform from public.webhook_deliveries
      where event_id = v_event.id and endpoint_id = private.internal_endpoint(v_event.stage) for update;
    end if;
    v_report := private.locked_report(
      coalesce(v_event.report_type, v_result.report_type), coalesce(v_event.report_id, v_result.report_id));
    v_owner := v_report.owner;
    if v_owner is not null then
      v_applied := private.apply_at_once(p_event_id, v_result, v_event, v_owner, v_report.winner_event_id, p_channel);
      v_outcome := v_applied.outcome;
    end if;
    if v_owner is null then
      v_outcome := 'report_not_found';
      perform private.close_deliveries(v_event.id);
    elsif v_outcome is not null then
      v_event := v_applied.event;
    else
      if v_event.id is null then
        v_registered := private.register_event(p_event_id, v_result, v_owner, p_channel, p_trace_id);
        v_event := v_registered.event;
        v_outcome := coalesce(v_registered.problem, v_event.effect);
        if v_registered.problem is null then
          perform private.show_effect(v_event, v_owner);
        end if;
      else
        -- Another transaction may have applied the event while this call waited for the locks.
        v_event := private.find_event(v_event.id, null);
        if v_event.effect is null then
          v_outcome := private.take_effect(v_event, p_channel, v_owner);
          -- Read again: below, its settings tell whether subscribers should get it.
          v_event := private.find_event(v_event.id, null);
        else
          v_outcome := 'duplicate';
        end if;
      end if;
      if p_channel = 'webhook' and v_outcome in ('applied', 'superseded', 'duplicate') then
        perform private.confirm_delivery(v_event, v_outcome);
      end if;
    end if;
  end if;
  if v_is_limited then
    -- The last locks of the transaction, held only during the audit row and the commit. A missing report gets no bucket:
    -- otherwise a sender could create any number.
    v_asked := private.ask_limit('report', case when v_owner is not null then v_bucket end, true);
    v_refusal := v_asked.refusal;
    v_unasked := coalesce(v_unasked, v_asked.failure);
    if v_refusal is null then
      v_asked := private.ask_limit('sender', p_sender, true);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
    if v_refusal is not null then
      -- Other calls have taken the last tokens. The endpoint answers this like the refusal above.
      raise exception 'over the rate of its %', v_refusal ->> 'policy'
        using errcode = 'PT429', detail = v_refusal::text;
    end if;
  end if;
  v_answer := jsonb_build_object(
    'outcome', v_outcome,
    'report_id', coalesce(v_result.report_id, v_event.report_id),
    'job_id', coalesce(v_result.job_id, v_event.job_id),
    'report_type', coalesce(v_result.report_type, v_event.report_type),
    'stage', coalesce(v_result.stage, v_event.stage),
    'status', split_part(coalesce(v_result.type, v_event.type), '.', 3),
    'timestamp', private.iso_time(clock_timestamp()));
  if p_channel = 'webhook' then
    -- Erased content, and content without a report, must not return through the audit.
    v_is_forgotten := v_event.erased_at is not null or v_outcome = 'report_not_found'
      -- The body of a conflict may name another report than the event's.
      or v_outcome in ('event_conflict', 'job_conflict') and private.report_is_gone(v_result.report_type, v_result.report_id);
    perform private.add_audit(
      p_direction => 'in', p_outcome => v_outcome, p_endpoint_id => p_endpoint_id,
      p_event_id => coalesce(v_event.id, p_event_id), p_job_id => v_result.job_id, p_report_type => v_result.report_type,
      p_report_id => v_result.report_id,
      p_payload => jsonb_strip_nulls(jsonb_build_object(
        'id', p_event_id, 'type', v_result.type, 'data', jsonb_build_object(
          'job_id', v_result.job_id, 'report_id', v_result.report_id, 'report_type', v_result.report_type,
          -- A sender may repeat an error of 900 KB for ever; the event stores it once.
          'research_status', split_part(v_result.type, '.', 3), 'error', case when not v_is_forgotten then "left"(v_result.error, 500) end,
          'requested_at', private.iso_time(v_result.requested_at)))),
      p_response_status => private.outcome_status(v_outcome), p_response_body => v_answer, p_error => v_unasked,
      p_body_sha256 => case when not v_is_forgotten then p_body_sha256 end, p_body_bytes => p_body_bytes,
      p_duration_ms => p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000,
      p_trace_id => coalesce(v_event.trace_id, p_trace_id), p_span_id => p_span_id);
  end if;
  -- The caller that applied the event sends it to its subscribers at once.
  return v_answer || case when v_outcome in ('applied', 'superseded') and v_event.settings_revision is not null and exists (
      select from public.webhook_deliveries where event_id = v_event.id and position is not null)
    then jsonb_build_object('outward', v_event.id) else '{}' end;
end
$$;

comment on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) is
  'The one write path of results. With a body, what a verified webhook says; without one, an event that is recorded already. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp, outward}; outward: the event, if it has just been applied and subscribers are to hear of it. p_sender: whose key signed the webhook; null is not limited. Over a rate: {outcome: rate_limited, …} of rate_refusal(), or PT429 with the same as its detail. p_cap_per_minute: that of record_webhook_request().';
revoke all on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) to service_role;

-- supabase/sql/events/apply_report_events.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_events(p_events jsonb, p_sender text default null, p_cap_per_minute int default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '2s' set lock_timeout = '50ms'
-- Each row is looked up by its id. A plan made while a table was small would read all of it at each call, and plans for the
-- ids of one call are no better than a generic one. JIT compilation would cost more than the whole call, and the cost that
-- PostgreSQL adds for disabled scans could trigger it.
set enable_seqscan = 'off' set plan_cache_mode = 'force_generic_plan' set jit = 'off' as $$
declare
  -- Later items are answered busy, so that the time-out, which over a direct connection is longer, does not undo all of them.
  c_begun_within constant interval := '1.5 seconds';
  v_started timestamptz := clock_timestamp();
  v_events jsonb[] := array(select value from jsonb_array_elements(p_events) with ordinality item(value, n) order by n);
  v_count int := cardinality(v_events);
  -- By place in the batch: the items to be applied; null for the others.
  v_ids text[] := array_fill(null::text, array[v_count]);
  v_jobs text[] := v_ids;
  v_known text[] := v_ids;
  v_results private.incoming_result[] := array_fill(null::private.incoming_result, array[v_count]);
  v_report_types text[] := v_ids;
  v_report_ids text[] := v_ids;
  -- What other transactions hold.
  v_held_ids text[] := '{}';
  v_held_events text[];
  v_held_reports text[] := '{}';
  v_held_jobs text[];
  -- For items whose reports were locked together.
  v_owners uuid[];
  v_winners text[];
  -- Answers of the items that were applied together.
  v_together jsonb[];
  v_asked record;
  v_refusal jsonb;
  v_limited int := 0;
  v_failure text;
  v_set_failure text;
  v_item record;
  v_body private.incoming_result;
  v_locked text[];
  v_record jsonb;
  v_bucket text;
  v_answer jsonb;
  v_detail text;
  v_note jsonb;
  v_answers jsonb[] := '{}';
  -- Requests audited without an effect: v_notes on every repetition, v_capped under the cap per minute.
  v_notes jsonb[] := '{}';
  v_capped jsonb[] := '{}';
begin
  v_asked := private.ask_sender_tokens(p_sender, v_count, false);
  v_refusal := v_asked.refusal;
  v_failure := v_asked.failure;
  v_limited := v_count - v_asked.granted;
  for v_n in 1 .. v_count - v_limited loop
    continue when v_events[v_n] ->> 'body' is null;
    begin
      v_body := private.read_body(v_events[v_n] ->> 'body', v_events[v_n] -> 'record' ->> 'endpoint_id');
      v_body.trace_id := v_events[v_n] -> 'record' ->> 'trace_id';
      v_results[v_n] := v_body;
      v_ids[v_n] := v_events[v_n] -> 'record' ->> 'event_id';
      v_jobs[v_n] := v_body.job_id;
      v_report_types[v_n] := v_body.report_type;
      v_report_ids[v_n] := v_body.report_id;
    exception when others then
      -- Applying this item will fail too, and is answered there.
      v_ids[v_n] := null;
    end;
  end loop;

  -- Locks are taken in the global order, sorted within each kind, and without waiting: so batches in any order finish.
  v_held_ids := array(
    select id from (select distinct id from unnest(v_ids) id where id is not null order by id offset 0) sorted
    where not pg_try_advisory_xact_lock(hashtextextended(id, 0)));
  -- The same look-up as in find_event().
  v_known := array(
    select case when item.id <> all (v_held_ids) then coalesce(
      (select event.id from public.report_events event where event.id = item.id),
      (select event.id from public.report_events event where event.job_id = item.job_id)) end
    from unnest(v_ids, v_jobs) with ordinality item (id, job_id, n) order by n);
  v_locked := array(
    select event_id from public.webhook_deliveries
    where event_id = any (v_known) and position is null order by id for update skip locked);
  v_held_events := array(
    select event_id from public.webhook_deliveries
    where event_id = any (v_known) and position is null and event_id <> all (v_locked));
  with wanted as (
    select type, id::uuid, n from unnest(v_report_types, v_report_ids, v_ids, v_known) with ordinality item(type, id, event_id, known_id, n)
    where event_id <> all (v_held_ids) and coalesce(known_id, '') <> all (v_held_events)
  ), locked as (
    select each.type, free.* from (select type, array_agg(distinct id) as ids from wanted group by type order by type) each,
      lateral private.lock_free_reports(each.type, each.ids) free
  )
  select array_agg(locked.owner order by item.n), array_agg(locked.winner_event_id order by item.n)
  into v_owners, v_winners
  from generate_series(1, v_count) item(n) left join wanted using (n)
  left join locked on locked.type = wanted.type and locked.report_id = wanted.id;
  -- The remaining reports are locked by others, not imported yet, or missing.
  for v_item in
    select distinct type, id
    from unnest(v_report_types, v_report_ids, v_ids, v_known, v_owners) item(type, id, event_id, known_id, owner)
    where event_id <> all (v_held_ids) and coalesce(known_id, '') <> all (v_held_events) and owner is null
    order by type, id
  loop
    begin
      if not private.try_lock_report(v_item.type, v_item.id::uuid) then
        v_held_reports := v_held_reports || (v_item.type || ':' || v_item.id);
      end if;
    exception when others then
      -- For example, the report cannot be imported: its items fail again below and are answered there.
      null;
    end;
  end loop;
  v_locked := array(
    select job_id from private.job_runs where job_id = any (v_jobs) order by job_id for no key update skip locked);
  v_held_jobs := array(select job_id from private.job_runs where job_id = any (v_jobs) and job_id <> all (v_locked));

  begin
    v_together := private.apply_together(
      array(select value -> 'record' from unnest(v_events) with ordinality item(value, n) order by n), v_results,
      array(
        select case when id <> all (v_held_ids) and coalesce(job_id, '') <> all (v_held_jobs) then id end
        from unnest(v_ids, v_jobs) with ordinality item (id, job_id, n) order by n),
      v_known, v_owners, v_winners, p_sender is not null, v_started);
  exception when others then
    -- One item fails: process them one by one to find it. Its message could quote the content.
    v_together := null;
    v_set_failure := sqlstate;
  end;

  for v_n in 1 .. v_count loop
    v_record := v_events[v_n] -> 'record';
    v_bucket := v_report_types[v_n] || ':' || v_report_ids[v_n];
    v_note := null;
    v_detail := null;
    if v_n > v_count - v_limited then
      v_answer := v_refusal;
    elsif v_events[v_n] ->> 'body' is null then
      v_answer := jsonb_build_object('outcome', 'refused');
      v_notes := v_notes || v_record;
    elsif v_together[v_n] is not null then
      v_answer := v_together[v_n];
    elsif v_ids[v_n] = any (v_held_ids) or v_known[v_n] = any (v_held_events) or v_bucket = any (v_held_reports)
      or v_jobs[v_n] = any (v_held_jobs)
    then
      v_answer := jsonb_build_object('outcome', 'busy');
      v_detail := 'not applied: another transaction holds its event, report or job';
    elsif clock_timestamp() > v_started + c_begun_within then
      v_answer := jsonb_build_object('outcome', 'busy');
      v_detail := 'not applied: its batch took too long';
    else
      begin
        v_asked := private.ask_limit('report', v_bucket, false);
        v_answer := v_asked.refusal;
        v_failure := coalesce(v_failure, v_asked.failure);
        if v_answer is null then
          v_answer := public.apply_report_event(
            p_event_id => v_record ->> 'event_id', p_body => v_events[v_n] ->> 'body',
            p_endpoint_id => v_record ->> 'endpoint_id', p_body_sha256 => v_record ->> 'body_sha256',
            p_body_bytes => (v_record ->> 'body_bytes')::int,
            p_elapsed_ms => (v_record ->> 'elapsed_ms')::numeric + extract(epoch from clock_timestamp() - v_started) * 1000,
            p_trace_id => v_record ->> 'trace_id', p_span_id => v_record ->> 'span_id');
          if p_sender is not null and v_answer ->> 'outcome' not in ('report_not_found', 'event_conflict', 'job_conflict')
            -- A missing report has no bucket. The report of an applied event exists; that of a duplicate may be gone.
            and (v_answer ->> 'outcome' <> 'duplicate'
              or not private.report_is_gone(v_report_types[v_n], v_report_ids[v_n]::uuid))
          then
            -- The report's lock is held, so no other call can take its last token.
            v_asked := private.ask_limit('report', v_bucket, true);
            v_failure := coalesce(v_failure, v_asked.failure);
            if v_asked.refusal is not null then
              raise exception 'over the rate of its report' using errcode = 'PT429', detail = v_asked.refusal::text;
            end if;
          end if;
        end if;
      exception
        when sqlstate 'PT429' then
          get stacked diagnostics v_detail = pg_exception_detail;
          v_answer := v_detail::jsonb;
          v_detail := null;
        when others then
          -- The message could contain the content.
          v_answer := jsonb_build_object('outcome', 'busy');
          v_detail := format('not applied: SQLSTATE %s', sqlstate);
      end;
    end if;
    if v_answer ->> 'outcome' = 'rate_limited' then
      v_capped := v_capped || (v_record || jsonb_build_object(
        'status', 429, 'outcome', 'rate_limited', 'detail', format('over the rate of its %s', v_answer ->> 'policy'),
        'report_type', v_report_types[v_n], 'report_id', v_report_ids[v_n]));
    elsif v_detail is not null then
      v_notes := v_notes || (v_record || jsonb_build_object('status', 503, 'outcome', 'busy', 'detail', v_detail));
    end if;
    v_answers := v_answers || v_answer;
  end loop;

  foreach v_note in array v_notes loop
    perform public.record_webhook_request(v_note || jsonb_build_object('id', gen_random_uuid()), true, p_cap_per_minute);
  end loop;
  begin
    -- As late as possible, since other calls count in the same rows.
    foreach v_note in array v_capped loop
      perform public.record_webhook_request(v_note || jsonb_build_object('id', gen_random_uuid()), false, p_cap_per_minute);
    end loop;
  exception when lock_not_available then
    v_failure := coalesce(v_failure, 'refusals were not counted: others count at this moment');
  end;
  v_asked := private.ask_sender_tokens(p_sender, v_count - v_limited, true);
  if v_asked.refusal is not null then
    -- Other calls have taken the last tokens. Everything is rolled back, and the endpoint answers the whole batch like the
    -- refusals above.
    raise exception 'over the rate of its sender' using errcode = 'PT429', detail = v_asked.refusal::text;
  end if;
  return jsonb_build_object('answers', to_jsonb(v_answers), 'failure', coalesce(v_failure, v_asked.failure), 'set_failure', v_set_failure);
end
$$;

comment on function public.apply_report_events(jsonb, text, int) is
  'Applies the events of a batch that one key signed: what apply_together() takes first, then the others in their order, each by apply_report_event(). One that fails, that another transaction holds, or that would begin after 1.5 seconds, is undone alone and answers busy. p_events: [{body, record}]; body: the text of the event, null for one that the endpoint refuses; record: what the audit says of it, as for record_webhook_request(). Returns {answers, failure, set_failure}: an answer of apply_report_event() each, or {outcome: refused}; failure: the limiter failed; set_failure: the SQLSTATE with which apply_together() failed. PT429 as there. p_sender: whose key signed the batch; null is not limited.';
revoke all on function public.apply_report_events(jsonb, text, int) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_events(jsonb, text, int) to service_role;

-- supabase/sql/events/apply_together.sql
-- Does what apply_at_once() does for one event, with one statement per kind of row: PostgreSQL prepares constraints, triggers
-- and plans once per statement. Events that this function leaves out are applied one by one.
create or replace function private.apply_together(
  p_records jsonb[], p_results private.incoming_result[], p_ids text[], p_known text[], p_owners uuid[], p_winners text[],
  p_is_limited boolean, p_started timestamptz)
returns jsonb[]
language plpgsql volatile set search_path = '' as $$
declare
  v_limit record;
  v_revision bigint := (select max(id) from private.endpoint_revisions);
  v_item record;
  v_event public.report_events;
  v_result private.incoming_result;
  v_events public.report_events[] := '{}';
  -- Per event: its owner, its result, its audit record, and its place in the batch.
  v_owners uuid[] := '{}';
  v_results private.incoming_result[] := '{}';
  v_records jsonb[] := '{}';
  v_places int[] := '{}';
  v_told text[] := '{}';
  v_taken int;
  v_answers jsonb[];
begin
  select tokens_per_minute, parts, step, ahead, beyond into strict v_limit from private.rate_limits where kind = 'report';
  if v_limit.parts <> 1 then
    return null;
  end if;
  for v_item in
    select item.*,
      (select winner from public.report_events winner where winner.id = item.winner_id) as winner,
      -- If true, the event's status is the report's (report_status()).
      not exists (
        select from private.job_runs other
        where other.report_id = item.report_id and other.report_type = item.report_type
          and other.created_at > item.requested_at - interval '1 millisecond')
      and not exists (
        select from public.report_events other
        where other.report_id = item.report_id and other.report_type = item.report_type
          and other.requested_at >= item.requested_at and other.effect is not null)
        as is_newest,
      (select coalesce(max(position), 0) + 1 from public.report_events
        where report_type = item.report_type and report_id = item.report_id) as position
    from (
      select result.ordinality::int as place, event_id, type, report_type, report_id, stage, job_id, trace_id, error, owner, winner_id,
        least(requested_at, clock_timestamp())::timestamptz(3) as requested_at
      from (
        select *, count(*) over (partition by report_type, report_id) as of_report,
          count(*) over (partition by event_id) as of_id, count(*) over (partition by job_id) as of_job
        from unnest(p_ids, p_known, p_owners, p_winners, p_results) with ordinality item (event_id, known_id, owner, winner_id)
        where event_id is not null) result
      where known_id is null and owner is not null and of_report = 1 and of_id = 1 and of_job = 1
        and type in ('report.prelim.completed', 'report.final.completed')
        and requested_at <= now() + interval '5 minutes'
        -- With `not exists`, a plan made while job_runs was small would read the whole table at each call.
        and (select job.job_id from private.job_runs job where job.job_id = result.job_id) is null
        and not exists (
          select from private.rate_buckets bucket
          where bucket.kind = 'report' and bucket.key = report_type || ':' || report_id and bucket.part = 0
            and bucket.full_at > clock_timestamp() + v_limit.ahead)) item
    order by item.place
  loop
    v_event := null;
    v_event.id := v_item.event_id;
    v_event.type := v_item.type;
    v_event.report_type := v_item.report_type;
    v_event.report_id := v_item.report_id;
    v_event.stage := v_item.stage;
    v_event.job_id := v_item.job_id;
    v_event.requested_at := v_item.requested_at;
    v_event.position := v_item.position;
    if v_item.is_newest and private.event_outranks(v_event, v_item.winner) then
      v_result := p_results[v_item.place];
      v_result.trace_id := coalesce(v_result.trace_id, private.new_trace_id());
      v_event.digest := private.content_digest(v_result);
      v_event.trace_id := v_result.trace_id;
      v_event.error := v_result.error;
      v_events := v_events || v_event;
      v_owners := v_owners || v_item.owner;
      v_results := v_results || v_result;
      v_records := v_records || p_records[v_item.place];
      v_places := v_places || v_item.place;
    end if;
  end loop;
  if v_places = '{}' then
    return null;
  end if;

  -- The id before the time: plans rely on no effect having both an earlier time and a later transaction id.
  perform pg_current_xact_id();
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
    applied_xid, settings_revision, trace_id)
  select id, type, report_type, report_id, stage, job_id, requested_at, digest, error, 'webhook', 'applied', position,
    clock_timestamp(), pg_current_xact_id(), v_revision, trace_id
  from unnest(v_events);
  insert into private.report_contents (event_id, research_report, research_metadata, final_data)
  select p_ids[place], research_report, research_metadata, final_data from unnest(v_places, v_results) applied (place);
  if v_revision is not null then
    for v_item in
      select event, applied.owner from unnest(v_places, v_owners) with ordinality applied (place, owner)
      join public.report_events event on event.id = p_ids[applied.place] order by applied.ordinality
    loop
      perform private.fan_out(v_item.event, v_item.owner);
    end loop;
    v_told := array(
      select id from unnest(v_events) event
      where exists (select from public.webhook_deliveries where event_id = event.id and webhook_deliveries.position is not null));
  end if;
  perform set_config('polaris.import', 'on', true);
  -- The same as confirm_delivery().
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  select id, private.internal_endpoint(stage), report_type, report_id, job_id, 'success', 1, now(), null,
    jsonb_build_object('status', 200, 'outcome', 'applied')
  from unnest(v_events);
  perform set_config('polaris.import', '', true);
  perform private.show_new_winners(report_type, array_agg(id)) from unnest(v_events) group by report_type order by report_type;
  -- The same as notify_owner().
  insert into public.report_notifications (user_id, report_type, report_id, event_id)
  select owner, report_type, report_id, id from unnest(v_owners, v_events) applied (owner) where stage = 'final';
  if p_is_limited and v_limit.tokens_per_minute is not null then
    -- The same as ask_limit().
    insert into private.rate_buckets as bucket (kind, key, part, full_at)
    select 'report', report_type || ':' || report_id, 0, clock_timestamp() + v_limit.step from unnest(v_events)
    on conflict (kind, key, part) do update
    set full_at = case
      when bucket.full_at between clock_timestamp() and clock_timestamp() + v_limit.beyond then bucket.full_at
      else clock_timestamp() end + v_limit.step
    where bucket.full_at <= clock_timestamp() + v_limit.ahead or bucket.full_at > clock_timestamp() + v_limit.beyond;
    get diagnostics v_taken = row_count;
    if v_taken < cardinality(v_events) then
      raise exception 'a report is over its rate' using errcode = 'PT429';
    end if;
  end if;
  with applied as (
    select *, p_ids[place] as id, jsonb_build_object(
      'outcome', 'applied', 'report_id', report_id, 'job_id', job_id, 'report_type', report_type, 'stage', stage,
      'status', 'completed', 'timestamp', private.iso_time(clock_timestamp())) as answer
    from unnest(v_places, v_records, v_results) applied (place, record)
  ), audited as (
    -- The same as apply_report_event() with add_audit().
    insert into public.webhook_audit (
      direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, request_payload, response_status,
      response_body, attempt_number, body_sha256, body_bytes, duration_ms, trace_id, span_id)
    select 'in', 'applied', record ->> 'endpoint_id', id, job_id, private.report_table(report_type), report_id,
      jsonb_strip_nulls(jsonb_build_object(
        'id', id, 'type', type, 'data', jsonb_build_object(
          'job_id', job_id, 'report_id', report_id, 'report_type', report_type, 'research_status', 'completed',
          'error', "left"(error, 500), 'requested_at', private.iso_time(requested_at)))),
      200, answer, 1, record ->> 'body_sha256', (record ->> 'body_bytes')::int,
      least(greatest(
        (record ->> 'elapsed_ms')::numeric + extract(epoch from clock_timestamp() - p_started) * 1000, 0), 999999999.999),
      trace_id, record ->> 'span_id'
    from applied
  )
  select array_agg(
    applied.answer || case when applied.id = any (v_told) then jsonb_build_object('outward', applied.id) else '{}' end
    order by given.place)
  into v_answers
  from generate_series(1, cardinality(p_ids)) given (place) left join applied using (place);
  return v_answers;
end
$$;

comment on function private.apply_together(jsonb[], private.incoming_result[], text[], text[], uuid[], text[], boolean, timestamptz) is
  'Applies the new completed results of a batch that win, each the only one of its report, its id and its job, and of no job of ours. What it raises, the caller undoes. p_records, p_results, p_ids, p_known: of each item what the audit says of it, its result, its id (null: left out) and the event that is known. p_owners, p_winners: of its report, which the caller has locked; without an owner it is left out. p_is_limited: reports pay a token. Returns the answer of each item, null where it was not applied.';
revoke all on function private.apply_together(jsonb[], private.incoming_result[], text[], text[], uuid[], text[], boolean, timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_1_to_0.sql
create or replace function private.body_1_to_0(p_members text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_flat text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if starts_with(p_members[i], 'data.') then
      v_flat := array_append(v_flat, substr(p_members[i], length('data.') + 1));
      v_flat := array_append(v_flat, p_members[i + 1]);
    end if;
  end loop;
  return v_flat;
end
$$;

comment on function private.body_1_to_0(text[]) is
  'A body of version 1 in version 0, the platform''s flat form: the members of data at the top level, without type and timestamp.';
revoke all on function private.body_1_to_0(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_2_to_1.sql
create or replace function private.body_2_to_1(p_members text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_kept text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if p_members[i] not in ('data.position', 'data.stage', 'data.channel') then
      -- One by one: PL/pgSQL appends in place, while `||` copies the whole array with its large texts each time.
      v_kept := array_append(v_kept, p_members[i]);
      v_kept := array_append(v_kept, p_members[i + 1]);
    end if;
  end loop;
  return v_kept;
end
$$;

comment on function private.body_2_to_1(text[]) is
  'A body of version 2 in version 1, which has no position, stage and channel. Members as body_members() returns them.';
revoke all on function private.body_2_to_1(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_members.sql
create or replace function private.body_members(p_event public.report_events, p_body text)
returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_is_deletion constant boolean := p_event.type = 'report.deleted';
  v_content private.report_contents;
begin
  if not v_is_deletion then
    -- Checked for a thin body too: an event whose content is missing is not sent.
    v_content := private.content_of(p_event);
  end if;
  return array[
      'type', to_json(p_event.type)::text,
      'timestamp', '"' || private.iso_time(p_event.created_at) || '"',
      'data.job_id', coalesce(to_json(p_event.job_id)::text, 'null'),
      'data.report_id', '"' || p_event.report_id::text || '"',
      'data.report_type', to_json(p_event.report_type)::text,
      'data.position', coalesce(p_event.position::text, 'null'),
      'data.stage', coalesce(to_json(p_event.stage)::text, 'null'),
      'data.channel', coalesce(to_json(p_event.channel)::text, 'null'),
      -- The flat body has no type: without this status, a deletion would look like a completed report.
      'data.research_status', case when v_is_deletion then '"deleted"' else '"' || p_event.status || '"' end,
      'data.requested_at', '"' || private.iso_time(p_event.requested_at) || '"']
    || case
      when v_is_deletion then null
      when p_body = 'thin' then array['data.content_url', '"/api/endpoints/events?event_id=' || p_event.id || '"']
      -- Separately, since each column may be null.
      else case when v_content.research_report is not null
          then array['data.research_report', to_json(v_content.research_report)::text] end
        || case when v_content.research_metadata is not null
          then array['data.research_metadata', v_content.research_metadata::text] end
        || case when v_content.final_data is not null
          then array['data.final_data', v_content.final_data::text] end
    end
    || case when p_event.error is not null then array['data.error', to_json(p_event.error)::text] end;
end
$$;

comment on function private.body_members(public.report_events, text) is
  'An event''s body in the one shape that all versions are made from: paths and raw JSON values in turn, in the newest version.';
revoke all on function private.body_members(public.report_events, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/body_of.sql
create or replace function private.body_of(p_event public.report_events, p_version int, p_body text)
returns text
language plpgsql stable set search_path = '' as $$
declare
  c_newest constant int := 2;
  -- A body of 1 MiB that an endpoint accepts prints as less, unless many of its numbers have short exponents.
  c_bytes constant int := 2097152;
  v_members text[];
  v_printed text;
begin
  if p_version not between 0 and c_newest or p_body not in ('full', 'thin') or num_nulls(p_version, p_body) > 0 then
    raise exception 'body % does not exist in format version %', p_body, p_version using errcode = 'PL004';
  end if;
  -- Only of these channels: all others are refused such numbers.
  if p_body = 'full' and p_event.channel in ('platform', 'import')
    and (select private.has_long_number(research_metadata) from private.report_contents where event_id = p_event.id)
  then
    return null;
  end if;
  v_members := private.body_members(p_event, p_body);
  if p_version < 2 then
    v_members := private.body_2_to_1(v_members);
  end if;
  if p_version < 1 then
    v_members := private.body_1_to_0(v_members);
  end if;
  v_printed := private.print_body(v_members);
  return case when octet_length(v_printed) <= c_bytes then v_printed end;
end
$$;

comment on function private.body_of(public.report_events, int, text) is
  'The body of an event''s webhook in a format version (src/contracts/format-versions.ts), full or thin: a function of the event alone. Version 1 in full is what envelope() returns. Null: it would have more than 2 MiB, so it cannot be sent.';
revoke all on function private.body_of(public.report_events, int, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/content_digest.sql
create or replace function private.content_digest(p_result private.incoming_result)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- Texts are hashed unchanged, so no canonical form of a large text is built. jsonb prints a canonical text itself: one
  -- order of members, one spelling of every value. Null counts as absent, as when a body is read.
  return encode(sha256(convert_to(jsonb_build_array(
    p_result.type, p_result.report_type, p_result.report_id, p_result.job_id,
    encode(sha256(convert_to(p_result.research_report, 'UTF8')), 'hex'),
    encode(sha256(convert_to(nullif(p_result.research_metadata, 'null')::text, 'UTF8')), 'hex'),
    encode(sha256(convert_to(nullif(p_result.final_data, 'null')::text, 'UTF8')), 'hex'),
    p_result.error)::text, 'UTF8')), 'hex');
end
$$;

comment on function private.content_digest(private.incoming_result) is
  'SHA-256, in hexadecimal, of a result: its type, what it is about and its content, without times.';
revoke all on function private.content_digest(private.incoming_result) from public, anon, authenticated, service_role;

-- supabase/sql/events/content_of.sql
create or replace function private.content_of(p_event public.report_events)
returns private.report_contents
language plpgsql stable set search_path = '' as $$
declare
  v_content private.report_contents;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if v_content.event_id is null then
    -- Without its content, an event would clear the report's text, or be rejected permanently by its receiver.
    raise exception 'the content of event % is missing', p_event.id using errcode = 'PL008';
  end if;
  return v_content;
end
$$;

comment on function private.content_of(public.report_events) is
  'The content of an event that is not erased. Raises PL008 where somebody has removed it: the event waits until it is back.';
revoke all on function private.content_of(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/decide_effect.sql
create or replace function private.decide_effect(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_winner_id text;
  v_winner public.report_events;
  v_effect text;
begin
  if p_event.status = 'completed' then
    execute format('select winner_event_id from public.%I where id = $1', private.report_table(p_event.report_type))
    into v_winner_id using p_event.report_id;
    select * into v_winner from public.report_events where id = v_winner_id;
    v_effect := case when private.event_outranks(p_event, v_winner) then 'applied' else 'superseded' end;
  else
    -- A failure does not take part in the order of results. It applies only if nothing newer has been requested.
    v_effect := case when exists (
        select from private.job_runs job
        where job.report_id = p_event.report_id and job.report_type = p_event.report_type
          and job.status <> 'cancelled' and job.job_id is distinct from p_event.job_id
          and job.created_at::timestamptz(3) > p_event.requested_at)
      or exists (
        select from public.report_events event
        where event.report_id = p_event.report_id and event.report_type = p_event.report_type
          and event.requested_at > p_event.requested_at and event.effect is not null)
      then 'superseded' else 'applied' end;
  end if;
  return v_effect;
end
$$;

comment on function private.decide_effect(public.report_events) is
  'The effect that applying an event would have now, recorded or not: applied or superseded. The caller holds the report''s lock.';
revoke all on function private.decide_effect(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/envelope.sql
create or replace function private.envelope(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_content private.report_contents := private.content_of(p_event);
begin
  -- Concatenated: jsonb would reorder the members and parse the text again. format_version 1.
  return '{"type":' || to_json(p_event.type)::text || ',"timestamp":"' || private.iso_time(p_event.created_at)
    || '","data":{"job_id":' || coalesce(to_json(p_event.job_id)::text, 'null')
    || ',"report_id":"' || p_event.report_id::text || '","report_type":' || to_json(p_event.report_type)::text
    || ',"research_status":"' || p_event.status || '","requested_at":"' || private.iso_time(p_event.requested_at) || '"'
    || coalesce(',"research_report":' || to_json(v_content.research_report)::text, '')
    || coalesce(',"research_metadata":' || v_content.research_metadata::text, '')
    || coalesce(',"final_data":' || v_content.final_data::text, '')
    || coalesce(',"error":' || to_json(p_event.error)::text, '') || '}}';
end
$$;

comment on function private.envelope(public.report_events) is
  'The body of an event''s webhook to our own endpoints, a function of the event alone: the same bytes on every attempt and every path. Format version 1 in full, as body_of() makes it for subscribers, but without its steps: they would make each delivery of ours slower.';
revoke all on function private.envelope(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/events/forget_event.sql
-- Never waits for locks: the caller may hold the report's lock, and deliveries come before reports in the lock order.
create or replace function private.forget_event(p_event_id text, p_is_folded boolean default false)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  c_audit_rows constant int := 2000;
  v_retention text := coalesce(current_setting('polaris.retention', true), '');
  v_event public.report_events;
  v_report record;
  v_delivery record;
begin
  perform from public.webhook_deliveries where event_id = p_event_id order by id for update nowait;
  -- While the event is locked, no replay can make another delivery of it (work_replay()), so these are all deliveries to end.
  select * into v_event from public.report_events where id = p_event_id for no key update nowait;
  if v_event.erased_at is not null then
    return true;
  end if;
  execute format('select winner_event_id from public.%I where id = $1', private.report_table(v_event.report_type))
  into v_report using v_event.report_id;
  if v_report.winner_event_id = p_event_id then
    return false;
  end if;
  for v_delivery in
    select delivery.id, endpoint.kind from public.webhook_deliveries delivery
    join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
    where delivery.event_id = p_event_id order by delivery.id
  loop
    if p_is_folded and v_delivery.kind = 'subscriber' then
      perform private.move_delivery(v_delivery.id, 'superseded');
    end if;
    perform private.move_delivery(v_delivery.id, 'erased');
  end loop;
  update private.job_runs set error = null where event_id = p_event_id and error is not null;
  if found then
    perform private.show_job(v_event.job_id);
    perform from public.report_jobs where job_id = v_event.job_id and error is not null for update nowait;
  end if;
  if private.forget_audit(p_event_id, null, c_audit_rows) = c_audit_rows then
    return false;
  end if;
  perform set_config('polaris.retention', 'on', true);
  update public.report_events
  set erased_at = clock_timestamp(), error = null,
    digest = encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')
  where id = p_event_id;
  delete from private.report_contents where event_id = p_event_id;
  perform set_config('polaris.retention', v_retention, true);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.forget_event(text, boolean) is
  'The one eraser of an event''s content: its text, metadata and final data, its error, its digest, and what answers and the audit echo of it. Id, order and audit stay. Open deliveries end: nothing is left to send. False: it is not done yet, since another transaction holds something of it, or it is the winner of its report. p_is_folded: a later edit says the same to subscribers.';
revoke all on function private.forget_event(text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/events/insert_event.sql
create or replace function private.insert_event(
  p_event_id text, p_result private.incoming_result, p_requested_at timestamptz, p_channel text,
  p_effect text default null, p_is_printable boolean default true,
  -- Not read from p_result: a call that began before a migration has a value of the type as it was.
  p_trace_id text default null)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  v_event.id := p_event_id;
  v_event.type := p_result.type;
  v_event.status := split_part(p_result.type, '.', 3);
  v_event.report_type := p_result.report_type;
  v_event.report_id := p_result.report_id;
  v_event.stage := p_result.stage;
  v_event.job_id := p_result.job_id;
  v_event.requested_at := p_requested_at;
  v_event.digest := case when p_is_printable then private.content_digest(p_result)
    else encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex') end;
  if p_channel is not null then
    -- Includes the effect at once: a second write of the row would update all its indexes again.
    v_event.effect := coalesce(p_effect, private.decide_effect(v_event));
    v_event.position := private.next_position(v_event.report_type, v_event.report_id);
    -- The id before the time: plans rely on no effect having both an earlier time and a later transaction id.
    v_event.applied_xid := pg_current_xact_id();
    v_event.applied_at := clock_timestamp();
    if p_channel <> 'import' then
      select max(id) into v_event.settings_revision from private.endpoint_revisions;
    end if;
  end if;
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
    applied_xid, settings_revision, trace_id)
  values (
    v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
    v_event.digest, p_result.error, p_channel, v_event.effect, v_event.position, v_event.applied_at,
    v_event.applied_xid, v_event.settings_revision,
    -- Imported events have no trace.
    case when p_channel is distinct from 'import' then coalesce(p_trace_id, private.new_trace_id()) end)
  on conflict do nothing
  returning * into v_event;
  if v_event.id is not null then
    insert into private.report_contents (event_id, research_report, research_metadata, final_data, lost_at)
    values (
      v_event.id, p_result.research_report, p_result.research_metadata, p_result.final_data,
      case when v_event.effect = 'superseded' or v_event.status = 'failed' then v_event.applied_at end);
    perform private.fan_out(v_event);
  end if;
  return v_event;
end
$$;

comment on function private.insert_event(text, private.incoming_result, timestamptz, text, text, boolean, text) is
  'Records an event with its content, and with its effect where p_channel says who applies it now: p_effect, or what decide_effect() says. p_is_printable: false for metadata in which has_long_number() has found one. Endpoints and owners are refused such metadata, but servers and earlier versions may write it; its text can be thousands of times as long as what they wrote, and no sender can repeat it, so its digest says nothing. Null: its id or its job has one already.';
revoke all on function private.insert_event(text, private.incoming_result, timestamptz, text, text, boolean, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/is_blank.sql
create or replace function private.is_blank(p_text text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- White space as trimmed by JavaScript, which the endpoints use.
  return coalesce(btrim(p_text, E' \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff') = '', true);
end
$$;

comment on function private.is_blank(text) is
  'Whether a text is null or nothing but white space: no result of a report.';
revoke all on function private.is_blank(text) from public, anon, authenticated, service_role;

-- supabase/sql/events/keep_content.sql
create or replace function private.keep_content()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if tg_op = 'DELETE'
    and exists (select from public.report_events where id = old.event_id and erased_at is not null)
  then
    return old;
  end if;
  raise exception 'report_contents is append-only: a row can be deleted only after its event has erased_at' using errcode = 'PL001';
end
$$;

comment on function private.keep_content() is
  'Refuses every change of a content, and its deletion before its event has erased_at.';
revoke all on function private.keep_content() from public, anon, authenticated, service_role;

-- supabase/sql/events/keep_event.sql
create or replace function private.keep_event()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  -- The old row with only the permitted changes.
  v_allowed public.report_events := old;
  -- Comparing NEW directly would expand its stored texts, and the returned row would be stored with new copies of them.
  v_new public.report_events := new;
begin
  if tg_op = 'UPDATE' then
    -- The generated column is computed after this trigger, from a column that is compared.
    v_allowed.status := new.status;
    if old.effect is null and new.effect is not null then
      v_allowed.effect := new.effect;
      v_allowed.channel := new.channel;
      v_allowed.applied_at := new.applied_at;
      v_allowed.position := new.position;
      v_allowed.settings_revision := new.settings_revision;
      v_allowed.applied_xid := new.applied_xid;
    elsif private.is_retention() and old.erased_at is null and new.erased_at is not null then
      v_allowed.erased_at := new.erased_at;
      v_allowed.digest := new.digest;
      v_allowed.error := null;
    end if;
    if v_allowed operator(pg_catalog.*=) v_new and v_allowed operator(pg_catalog.*<>) old then
      return new;
    end if;
  end if;
  raise exception 'report_events is append-only: only the effect can be set, once' using errcode = 'PL001';
end
$$;

comment on function private.keep_event() is
  'Refuses every change of an event but the one that records its effect and the one that says its content was erased.';
revoke all on function private.keep_event() from public, anon, authenticated, service_role;

-- supabase/sql/events/lose_content.sql
-- Definer rights: people and servers who write reports may not write contents.
create or replace function private.lose_content()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  c_edits_fold_within constant interval := '10 minutes';
  v_is_folded boolean;
begin
  v_is_folded := new.user_id = old.user_id and exists (
    select from public.report_events earlier, public.report_events later
    where earlier.id = old.winner_event_id and later.id = new.winner_event_id
      and earlier.type = 'report.owner.edited' and later.type = 'report.owner.edited'
      and later.applied_at < earlier.applied_at + c_edits_fold_within);
  if v_is_folded and private.forget_event(old.winner_event_id, p_is_folded => true) then
    return null;
  end if;
  update private.report_contents
  -- If it could not be forgotten now, since a sender holds a delivery of it, the next sweep forgets it.
  set lost_at = case when v_is_folded then '-infinity' else clock_timestamp() end
  where event_id = old.winner_event_id;
  return null;
end
$$;

comment on function private.lose_content() is
  'A report has another winner: the content of the one before is lost from now on, or forgotten at once where its owner edits an edit within 10 minutes.';
revoke all on function private.lose_content() from public, anon, authenticated, service_role;

-- supabase/sql/events/new_trace_id.sql
create or replace function private.new_trace_id()
returns text
language plpgsql volatile set search_path = '' as $$
begin
  return replace(gen_random_uuid()::text, '-', '');
end
$$;

comment on function private.new_trace_id() is
  'The id of a trace that begins here: 32 hexadecimal digits (W3C Trace Context, trace-id).';
revoke all on function private.new_trace_id() from public, anon, authenticated, service_role;

-- supabase/sql/events/notify_owner.sql
create or replace function private.notify_owner(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_event.stage = 'final' and p_event.channel in ('webhook', 'direct') then
    insert into public.report_notifications (user_id, report_type, report_id, event_id)
    values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
  end if;
end
$$;

comment on function private.notify_owner(public.report_events, uuid) is
  'Tells the owner of a report of a final that the report shows from now on.';
revoke all on function private.notify_owner(public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/outcome_status.sql
create or replace function private.outcome_status(p_outcome text)
returns int
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when p_outcome in ('applied', 'duplicate', 'superseded') then 200
    when p_outcome = 'requested_in_future' then 400
    when p_outcome in ('report_not_found', 'job_not_found') then 404
    when p_outcome in ('event_conflict', 'job_conflict', 'job_mismatch', 'job_cancelled') then 409
    when p_outcome = 'rate_limited' then 429
    when p_outcome = 'busy' then 503
  end;
end
$$;

comment on function private.outcome_status(text) is
  'The HTTP status that a webhook endpoint answers an outcome with. A test compares it with the table of problem codes.';
revoke all on function private.outcome_status(text) from public, anon, authenticated, service_role;

-- supabase/sql/events/print_body.sql
create or replace function private.print_body(p_members text[])
returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_top text[] := '{}';
  v_data text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if starts_with(p_members[i], 'data.') then
      v_data := array_append(v_data, '"' || substr(p_members[i], length('data.') + 1) || '":' || p_members[i + 1]);
    else
      v_top := array_append(v_top, '"' || p_members[i] || '":' || p_members[i + 1]);
    end if;
  end loop;
  if v_data <> '{}' then
    v_top := array_append(v_top, '"data":{' || array_to_string(v_data, ',') || '}');
  end if;
  return '{' || array_to_string(v_top, ',') || '}';
end
$$;

comment on function private.print_body(text[]) is
  'The JSON text of a body''s members. Concatenated: jsonb would reorder the members and parse every value again.';
revoke all on function private.print_body(text[]) from public, anon, authenticated, service_role;

-- supabase/sql/events/read_body.sql
create or replace function private.read_body(p_body text, p_endpoint_id text)
returns private.incoming_result
language plpgsql stable set search_path = '' as $$
declare
  v_body jsonb := p_body;
  -- The platform's first version sends the members of `data` at the top level, without a type.
  v_is_flat boolean := not v_body ? 'data';
  v_data jsonb := case when v_is_flat then v_body else v_body -> 'data' end;
  v_result private.incoming_result;
begin
  v_result.stage := (select stage from public.webhook_endpoints where id = p_endpoint_id);
  v_result.type := case when v_is_flat
    then format('report.%s.%s', v_result.stage, v_data ->> 'research_status') else v_body ->> 'type' end;
  v_result.report_type := v_data ->> 'report_type';
  v_result.report_id := v_data ->> 'report_id';
  v_result.job_id := v_data ->> 'job_id';
  v_result.requested_at := case when not v_is_flat then coalesce(v_data ->> 'requested_at', v_body ->> 'timestamp') end;
  v_result.research_report := v_data ->> 'research_report';
  v_result.research_metadata := nullif(v_data -> 'research_metadata', 'null');
  v_result.final_data := nullif(v_data -> 'final_data', 'null');
  v_result.error := v_data ->> 'error';
  return v_result;
end
$$;

comment on function private.read_body(text, text) is
  'The result in a verified body of a webhook. requested_at is null in the platform''s flat form, which has no time.';
revoke all on function private.read_body(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/record_foreign.sql
create or replace function private.record_foreign(
  p_report_type text, p_report_id uuid, p_channel text, p_text text, p_metadata jsonb, p_failed boolean,
  p_stage text, p_winner_id text, p_job_id text, p_event_id text default null)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_winner public.report_events;
  v_known public.report_events;
  v_result private.incoming_result;
  v_event public.report_events;
  -- Not now(): a writer that waited for the report's lock must count as the later one.
  v_requested_at timestamptz(3) := clock_timestamp();
begin
  select * into v_winner from public.report_events where id = p_winner_id;
  v_result.stage := case
    when p_channel = 'platform' and p_metadata ->> 'processing_stage' in ('prelim', 'final')
      then p_metadata ->> 'processing_stage'
    else coalesce(p_stage, 'prelim') end;
  if p_channel = 'platform' and p_job_id is not null then
    select * into v_job from private.job_runs
    where job_id = p_job_id and report_type = p_report_type and report_id = p_report_id
    for no key update;
  end if;
  if v_job.job_id is null then
    v_requested_at := greatest(v_requested_at, v_winner.requested_at + interval '1 millisecond');
  else
    v_requested_at := least(v_requested_at, v_job.created_at);
    select * into v_known from public.report_events where job_id = v_job.job_id;
    if v_known.id is not null and (p_failed or exists (
      select from private.report_contents where event_id = v_known.id and research_report is not distinct from p_text))
    then
      -- The job's result was written again: the platform's webhook timed out, then its fallback wrote the same.
      return null;
    end if;
    if p_failed and v_job.status = 'cancelled' then
      -- It changes nothing: the report does not follow a cancelled job.
      return null;
    end if;
  end if;
  v_result.type := case p_channel when 'owner' then 'report.owner.edited'
    else format('report.%s.%s', v_result.stage, case when p_failed then 'failed' else 'completed' end) end;
  v_result.report_type := p_report_type;
  v_result.report_id := p_report_id;
  -- A job has only one completion: another text of a finished job becomes an event without the job, at the job's place in the
  -- order. So does one of a cancelled job.
  v_result.job_id := case when v_known.id is null and v_job.status <> 'cancelled' then v_job.job_id end;
  if p_failed then
    v_result.error := coalesce(p_metadata ->> 'error', 'The report could not be generated.');
  else
    v_result.research_report := p_text;
    v_result.research_metadata := p_metadata;
  end if;
  v_event.id := coalesce(p_event_id, private.new_id(case p_channel when 'owner' then 'own_' else 'plt_' end));
  v_event.stage := v_result.stage;
  v_event.requested_at := v_requested_at;
  v_event := private.insert_event(
    v_event.id, v_result, v_requested_at, p_channel,
    case when p_failed then null when private.event_outranks(v_event, v_winner) then 'applied' else 'superseded' end,
    p_is_printable => p_channel <> 'platform' or private.has_long_number(v_result.research_metadata) is not true);
  if v_result.job_id is not null then
    update private.job_runs
    set status = case when p_failed then 'failed' else 'succeeded' end, event_id = v_event.id, error = v_event.error,
      percent = case when p_failed then percent else 100 end, eta_seconds = null, completed_at = clock_timestamp(),
      updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
    where job_id = v_result.job_id and status in ('queued', 'running');
    perform private.show_job(v_result.job_id);
  end if;
  if p_channel = 'platform' then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when p_failed then 'failed' else v_event.effect end, p_event_id => v_event.id,
      p_job_id => p_job_id, p_report_type => p_report_type, p_report_id => p_report_id, p_actor => 'platform',
      p_payload => jsonb_build_object('endpoint', 'platform', 'type', v_event.type));
  end if;
  return v_event;
end
$$;

comment on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) is
  'Records what others wrote into a report as an event, decided under the lock of the row that their statement holds. Null: it is the result of a finished job once more, or the failure of a cancelled one.';
revoke all on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/register_event.sql
create or replace function private.register_event(
  p_event_id text, p_result private.incoming_result, p_owner uuid, p_channel text, p_trace_id text default null,
  out event public.report_events, out problem text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_requested_at timestamptz;
begin
  select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
  if v_job.job_id is null then
    if p_result.requested_at is null then
      -- The platform's flat form has no timestamp for ordering the event.
      problem := 'job_not_found';
      return;
    elsif p_result.requested_at > now() + interval '5 minutes' then
      problem := 'requested_in_future';
      return;
    end if;
    v_requested_at := least(p_result.requested_at, clock_timestamp());
  else
    v_requested_at := v_job.created_at;
    if v_job.status = 'cancelled' then
      problem := 'job_cancelled';
    elsif (v_job.report_type, v_job.report_id, v_job.stage)
        is distinct from (p_result.report_type, p_result.report_id, p_result.stage)
      or not private.job_serves(v_job, p_owner)
    then
      problem := 'job_mismatch';
    elsif v_job.event_id is not null then
      problem := 'busy';
    end if;
    if problem is not null then
      return;
    end if;
  end if;
  event := private.insert_event(
    p_event_id, p_result, v_requested_at, p_channel,
    p_trace_id => case when v_job.job_id is null then p_trace_id else v_job.trace_id end);
  if event.id is null then
    -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
    problem := 'busy';
  elsif v_job.job_id is not null then
    perform private.finish_job(event);
  end if;
end
$$;

comment on function private.register_event(text, private.incoming_result, uuid, text, text) is
  'Records an event that was not known, with its effect where p_channel says who applies it now, and finishes its job. The caller holds the lock of the report, whose owner is p_owner.';
revoke all on function private.register_event(text, private.incoming_result, uuid, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/show_effect.sql
create or replace function private.show_effect(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_event.effect = 'applied' and p_event.status = 'completed' then
    perform private.show_in_report(
      p_event.report_type, p_event.report_id, private.report_status(p_event.report_type, p_event.report_id), p_event);
    perform private.notify_owner(p_event, p_owner);
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
end
$$;

comment on function private.show_effect(public.report_events, uuid) is
  'Brings the report''s row up to date with an effect that was just recorded, and notifies its owner of a final.';
revoke all on function private.show_effect(public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/shown_metadata.sql
create or replace function private.shown_metadata(p_content private.report_contents)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  -- Other writers may store metadata that is not an object; it is left unchanged.
  return case
    when p_content.final_data is null then coalesce(p_content.research_metadata, '{}')
    else coalesce(p_content.research_metadata, '{}') || p_content.final_data end;
end
$$;

comment on function private.shown_metadata(private.report_contents) is
  'The metadata that a report shows of its winner: its research_metadata with final_data over it.';
revoke all on function private.shown_metadata(private.report_contents) from public, anon, authenticated, service_role;

-- supabase/sql/events/take_effect.sql
create or replace function private.take_effect(p_event public.report_events, p_channel text, p_owner uuid)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  perform private.content_of(p_event);
  update public.report_events
  set effect = private.decide_effect(p_event), channel = p_channel, applied_at = clock_timestamp(),
    position = private.next_position(p_event.report_type, p_event.report_id),
    applied_xid = pg_current_xact_id(), settings_revision = (select max(id) from private.endpoint_revisions)
  where id = p_event.id
  returning * into p_event;
  if p_event.effect = 'superseded' or p_event.status = 'failed' then
    update private.report_contents set lost_at = p_event.applied_at where event_id = p_event.id;
  end if;
  perform private.show_effect(p_event, p_owner);
  perform private.fan_out(p_event);
  return p_event.effect;
end
$$;

comment on function private.take_effect(public.report_events, text, uuid) is
  'Applies an event that was recorded without an effect. The caller holds the lock of the report, whose owner is p_owner. Returns the effect.';
revoke all on function private.take_effect(public.report_events, text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/adopt_job.sql
-- Definer rights: the platform's functions insert with the service key, which has no rights on job_runs.
create or replace function private.adopt_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_named record := private.named_report(new.metadata, new.idempotency_key);
  v_owner uuid;
begin
  -- No endpoint accepts such an id, and a sweep could not request its take-over.
  if v_named.report_id is null or new.status not in ('queued', 'running') or not private.is_job_id(new.job_id) then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(v_named.report_type))
  into v_owner using v_named.report_id;
  if v_owner is null or new.user_id <> v_owner then
    return null;
  end if;
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status,
    lease_token, lease_expires_at, created_at, started_at, trace_id)
  values (
    new.job_id, v_named.report_type, v_named.report_id,
    case when 'final' in (new.metadata ->> 'stage', new.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    v_owner, new.summary_id, 'platform', new.prompt, new.model,
    -- Out-of-range values are dropped, as in the import: with them, the job could not be run or shown.
    case when new.temperature between 0 and 2 then new.temperature end, case when new.max_tokens > 0 then new.max_tokens end,
    new.status, 1, now() + interval '5 minutes', private.import_time(coalesce(new.created_at, now()), now()),
    private.import_time(new.started_at, now()), private.new_trace_id())
  on conflict (job_id) do nothing;
  -- This statement holds the row of report_jobs, so a report that another transaction holds is left: its next write shows this.
  if found then
    perform private.try_show_report_status(v_named.report_type, v_named.report_id);
  end if;
  return null;
end
$$;

comment on function private.adopt_job() is
  'A job that the platform''s functions insert and that names a report is watched: its runner has five minutes, then a sweep takes it.';
revoke all on function private.adopt_job() from public, anon, authenticated, service_role;

-- supabase/sql/jobs/bounded_intake.sql
create or replace function private.bounded_intake(p_user_data jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  -- The prompt's limit (src/server/generation/prompt.ts), which is also the owner's limit.
  c_characters constant int := 300000;
  -- Limit of the stored size. Within it, even a million small values are walked and printed in less than half a second.
  c_bytes constant int := 4194304;
  -- Decompresses the value once for all that follows; pg_column_size() would otherwise return the compressed size.
  v_user_data jsonb := p_user_data #> '{}';
  v_text text;
begin
  if pg_column_size(v_user_data) > c_bytes or private.has_long_number(v_user_data) then
    return null;
  end if;
  v_text := v_user_data::text;
  -- Not the whole text, which may be megabytes. One more character than the limit tells the prompt that the text was cut.
  v_text := "left"(v_text, c_characters + 1);
  return case when char_length(v_text) > c_characters then to_jsonb(v_text) else v_user_data end;
end
$$;

comment on function private.bounded_intake(jsonb) is
  'A report''s user_data as a runner gets it: whole, or of more than 300,000 characters the beginning of its text. Null where it takes more than 4 MiB as it is stored, or where a number in it could not be printed within reason. Rows from before the limit, and those of servers, may be of any size.';
revoke all on function private.bounded_intake(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/cancel_held_job.sql
create or replace function private.cancel_held_job(p_job_id text)
returns private.job_runs
-- Half of PostgreSQL's deadlock_timeout: the transaction that holds the report may be waiting for the row of report_jobs.
language plpgsql volatile set search_path = '' set lock_timeout = '500ms' as $$
begin
  return private.cancel_job(p_job_id);
end
$$;

comment on function private.cancel_held_job(text) is
  'Cancels as cancel_job() does, for a caller that holds the row of report_jobs, which comes after the report in the order of locks. Where the report stays locked by another transaction, the statement fails (55P03) before PostgreSQL would take the two for a deadlock.';
revoke all on function private.cancel_held_job(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/cancel_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_report_job(p_job_id text, p_caller text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_job_id, p_caller);
  v_by_operator boolean := false;
  v_status_before text;
begin
  if v_job.job_id is null and private.names_operator(p_caller) then
    select * into v_job from private.job_runs where job_id = p_job_id;
    v_by_operator := true;
  end if;
  if v_job.job_id is null then
    return null;
  end if;
  v_status_before := v_job.status;
  v_job := private.cancel_job(p_job_id);
  perform private.show_job(p_job_id);
  -- A repeated call finds it cancelled.
  if v_by_operator and v_status_before <> 'cancelled' then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case v_job.status when 'cancelled' then 'cancelled' else 'job_finished' end,
      p_job_id => p_job_id, p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_actor => p_caller,
      p_payload => jsonb_build_object('endpoint', 'jobs', 'method', 'DELETE', 'status_before', v_status_before));
  end if;
  return private.job_view(v_job);
end
$$;

comment on function public.cancel_report_job(text, text) is
  'Cancels a job that is not finished: of the caller, or of anybody where the caller is the pipeline or an operator, which is audited. Returns the job as it then stands. Null: there is none that the caller may cancel.';
revoke all on function public.cancel_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_report_job(text, text) to service_role;

-- supabase/sql/jobs/complete_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.complete_report_job(
  p_job_id text, p_status text, p_delivery_lease_seconds int, p_lease_token bigint default null,
  p_research_report text default null, p_research_metadata text default null, p_final_data text default null,
  p_error text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_result private.incoming_result;
  v_event public.report_events;
  v_registered record;
  v_delivery public.webhook_deliveries;
  v_outcome text := 'completed';
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    return '{"outcome": "job_not_found"}';
  end if;
  if v_job.report_type is not null then
    v_owner := private.lock_report(v_job.report_type, v_job.report_id);
    if v_owner is null or not private.job_serves(v_job, v_owner) then
      return '{"outcome": "report_not_found"}';
    end if;
  elsif not private.job_serves(v_job, v_job.user_id) then
    return '{"outcome": "job_cancelled"}';
  end if;
  select * into v_job from private.job_runs where job_id = p_job_id for no key update;
  v_result.type := format('report.%s.%s', v_job.stage, p_status);
  v_result.report_type := v_job.report_type;
  v_result.report_id := v_job.report_id;
  v_result.stage := v_job.stage;
  v_result.job_id := v_job.job_id;
  v_result.research_report := p_research_report;
  v_result.research_metadata := nullif(p_research_metadata::jsonb, 'null');
  v_result.final_data := nullif(p_final_data::jsonb, 'null');
  v_result.error := p_error;
  v_result := private.fit_result(v_result);
  if v_job.report_type is null then
    return private.keep_job_result(v_job, v_result, p_lease_token);
  end if;
  if v_job.event_id is not null then
    select * into v_event from public.report_events where id = v_job.event_id;
    if v_event.erased_at is null and v_event.digest <> private.content_digest(v_result) then
      return '{"outcome": "job_conflict"}';
    end if;
    v_outcome := 'repeated';
    -- Completing raised the token by one: this is the same runner, which did not get the first answer. No other process sends
    -- yet.
    select * into v_delivery from public.webhook_deliveries
    where event_id = v_event.id and status = 'pending' and attempts = 0 and lease_token = 1
      and not private.lease_is_free(lease_expires_at) and p_lease_token = v_job.lease_token - 1;
    if v_delivery.id is null then
      return '{"outcome": "repeated"}';
    end if;
  elsif v_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> v_job.lease_token then
    return '{"outcome": "lease_lost"}';
  else
    v_registered := private.register_event(private.new_id('evt_'), v_result, v_owner, null);
    if v_registered.problem is not null then
      return jsonb_build_object('outcome', v_registered.problem);
    end if;
    v_event := v_registered.event;
    perform set_config('polaris.import', 'on', true);
    v_delivery := private.add_delivery(v_event, p_delivery_lease_seconds);
    perform set_config('polaris.import', '', true);
    perform private.show_in_report(
      v_job.report_type, v_job.report_id, private.report_status(v_job.report_type, v_job.report_id), p_delivery => v_delivery);
    if exists (select from public.webhook_circuits
        where endpoint_id = v_delivery.endpoint_id and opened_at is not null)
      and not private.take_probe(
        v_delivery.endpoint_id, v_delivery.id, v_delivery.lease_token, p_delivery_lease_seconds)
    then
      perform private.skip_delivery(v_delivery);
      return '{"outcome": "completed"}';
    end if;
  end if;
  return jsonb_build_object('outcome', v_outcome, 'delivery', private.sendable(v_delivery));
end
$$;

comment on function public.complete_report_job(text, text, int, bigint, text, text, text, text) is
  'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent; the result of a job without a report stays in the job. Returns {outcome, delivery}; without a delivery there is nothing to send. Without a lease token, the present holder loses the lease.';
revoke all on function public.complete_report_job(text, text, int, bigint, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.complete_report_job(text, text, int, bigint, text, text, text, text) to service_role;

-- supabase/sql/jobs/due_report_jobs.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.due_report_jobs(p_limit int)
returns setof text
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  -- The longest due jobs may be ones that no sweep can take over, because another transaction holds their reports. Half of
  -- the places are reserved for the others.
  select job_id
  from (select job_id, row_number() over (order by due_at, job_id) as place from private.due_jobs) due
  order by place > p_limit / 2, case when place <= p_limit / 2 then place else random() end
  limit p_limit
$$;

comment on function public.due_report_jobs(int) is
  'Jobs to be taken over or ended: half of p_limit are the longest due, the other half any of the rest.';
revoke all on function public.due_report_jobs(int) from public, anon, authenticated, service_role;
grant execute on function public.due_report_jobs(int) to service_role;

-- supabase/sql/jobs/finish_job.sql
create or replace function private.finish_job(p_event public.report_events)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  update private.job_runs
  set status = case p_event.status when 'completed' then 'succeeded' else 'failed' end,
    event_id = p_event.id, error = p_event.error, percent = case p_event.status when 'completed' then 100 else percent end,
    eta_seconds = null, completed_at = clock_timestamp(), updated_at = clock_timestamp(),
    lease_token = lease_token + 1, lease_expires_at = null
  where job_id = p_event.job_id;
  perform private.show_job(p_event.job_id);
end
$$;

comment on function private.finish_job(public.report_events) is
  'Ends a job with the event that was just recorded for it. The caller holds the job''s lock.';
revoke all on function private.finish_job(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/fit_result.sql
create or replace function private.fit_result(p_result private.incoming_result)
returns private.incoming_result
language plpgsql stable set search_path = '' as $$
declare
  c_limit_kb constant int := 900;
  -- A JSON escape takes at most six bytes per byte.
  c_escaped constant int := 6;
  v_metadata int := coalesce(octet_length(p_result.research_metadata::text), 0)
    + coalesce(octet_length(p_result.final_data::text), 0);
  v_text int := coalesce(octet_length(p_result.research_report), 0) + coalesce(octet_length(p_result.error), 0);
  v_bytes int;
begin
  if v_text * c_escaped + v_metadata <= c_limit_kb * 1024 then
    return p_result;
  end if;
  v_bytes := v_metadata + coalesce(octet_length(to_json(p_result.research_report)::text), 0)
    + coalesce(octet_length(to_json(p_result.error)::text), 0);
  if v_bytes > c_limit_kb * 1024 then
    p_result.type := format('report.%s.failed', p_result.stage);
    p_result.research_report := null;
    p_result.research_metadata := null;
    p_result.final_data := null;
    p_result.error := format('The result is %s KB; the limit is %s KB.', ceil(v_bytes / 1024.0), c_limit_kb);
  end if;
  return p_result;
end
$$;

comment on function private.fit_result(private.incoming_result) is
  'A result of more than 900 KB as JSON becomes a failure that says so: with its envelope it would not fit into the 1 MiB that an endpoint reads, and its delivery would fail for days.';
revoke all on function private.fit_result(private.incoming_result) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/forget_job.sql
create or replace function private.forget_job(p_job_id text)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id for no key update nowait;
  if v_job.erased_at is not null then
    return true;
  end if;
  update private.job_runs
  set erased_at = now(), caller_key = null, request_digest = null, prompt = null, model = null, metadata = '{}', error = null,
    result = null, result_metadata = null,
    -- The runner then finds that it has lost the job.
    status = case when status in ('queued', 'running') then 'cancelled' else status end,
    completed_at = coalesce(completed_at, now()), eta_seconds = null, lease_token = lease_token + 1, lease_expires_at = null,
    updated_at = now()
  where job_id = p_job_id;
  perform from public.report_jobs where job_id = p_job_id for update nowait;
  if v_job.caller = 'platform' then
    -- The platform deletes the row; only the columns that we write are emptied.
    perform private.show_job(p_job_id);
  else
    delete from public.report_jobs where job_id = p_job_id;
  end if;
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.forget_job(text) is
  'Erases what a job was asked with and what it brought, cancels it where it is unfinished, and removes our row of report_jobs. The job itself stays until its retention ends. False: another transaction holds it.';
revoke all on function private.forget_job(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/get_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.get_report_job(p_job_id text, p_caller text)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.job_view(job) from private.job_for_caller(p_job_id, p_caller) job where job.job_id is not null
$$;

comment on function public.get_report_job(text, text) is
  'A job as GET answers it. Null: there is none that the caller may see.';
revoke all on function public.get_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.get_report_job(text, text) to service_role;

-- supabase/sql/jobs/guard_job.sql
-- Definer rights: an owner's statement fires it, and owners may not write job_runs.
create or replace function private.guard_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_job private.job_runs;
  v_may_cancel boolean;
  v_is_cancelled boolean;
  v_is_server boolean := coalesce(current_setting('role', true), '') not in ('anon', 'authenticated');
  v_report record;
  v_is_deleted boolean := false;
begin
  if tg_op = 'INSERT' or new.job_id is distinct from old.job_id then
    if exists (select from private.job_runs where job_id = new.job_id) then
      -- Otherwise another user's row would show this job's progress.
      raise exception 'this job id is in use' using errcode = 'unique_violation';
    end if;
  end if;
  if tg_op = 'INSERT' then
    -- Lock order: the foreign keys would lock the summary first.
    perform from auth.users where id = new.user_id for key share;
    return new;
  end if;
  select * into v_job from private.job_runs where job_id = old.job_id;
  if v_job.job_id is null then
    return case tg_op when 'DELETE' then old else new end;
  end if;
  if v_is_server and v_job.report_type is not null and v_job.status in ('queued', 'running') then
    -- This statement already holds the row of report_jobs, while users and summaries are locked before it. So they are locked
    -- only if that needs no waiting; a deletion then waits for this transaction. Owners' statements take these locks in
    -- lock_owner().
    execute format('select user_id, summary_id from public.%I where id = $1', private.report_table(v_job.report_type))
    into v_report using v_job.report_id;
    perform from auth.users where id = v_report.user_id for key share skip locked;
    v_is_deleted := not found and v_report.user_id is not null;
    if v_report.summary_id is not null then
      perform from public.polaris_summaries where id = v_report.summary_id for key share skip locked;
      v_is_deleted := v_is_deleted or not found;
    end if;
  end if;
  if v_job.caller = 'platform' and tg_op = 'UPDATE' and v_is_server and new.status <> 'cancelled' then
    -- The platform's functions continue with the jobs that they inserted. The sweep takes over the result that they report
    -- once the runner is silent: here, the job would be locked before its report.
    update private.job_runs
    set status = 'running', started_at = coalesce(started_at, now()), percent = greatest(percent, coalesce(new.percent, 0)),
      lease_expires_at = now() + interval '5 minutes', updated_at = now()
    where job_id = old.job_id and new.status = 'running' and status in ('queued', 'running');
    if found and v_job.status = 'queued' then
      perform private.try_show_report_status(v_job.report_type, v_job.report_id);
    end if;
    new.job_id := old.job_id;
    return new;
  end if;
  v_may_cancel := current_setting('role', true) <> 'authenticated' or v_job.user_id = (select auth.uid());
  v_is_cancelled := v_may_cancel and (tg_op = 'DELETE' or new.status = 'cancelled');
  -- A finished job no longer changes, so nothing is locked for it: a statement about many rows would take the locks of many
  -- reports.
  if v_job.status in ('queued', 'running') then
    if v_is_cancelled and v_is_deleted then
      -- The report is being deleted, which cancels its jobs. Cancelling here would wait for that deletion, which waits for
      -- this row: leave the row unchanged.
      return null;
    elsif v_is_cancelled and v_is_server then
      v_job := private.cancel_held_job(old.job_id);
    elsif v_is_cancelled then
      v_job := private.cancel_job(old.job_id);
    else
      -- Waits for a transaction that is changing the job and has skipped the row of report_jobs, which this statement holds:
      -- see show_job().
      select * into v_job from private.job_runs where job_id = old.job_id for share;
    end if;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  new := old;
  new.status := v_job.status;
  new.percent := v_job.percent;
  new.eta_seconds := v_job.eta_seconds;
  new.error := v_job.error;
  new.started_at := v_job.started_at;
  new.completed_at := v_job.completed_at;
  new.updated_at := v_job.updated_at;
  return new;
end
$$;

comment on function private.guard_job() is
  'Discards foreign writes to a row of report_jobs that shows a job of ours, except a cancellation by its owner.';
revoke all on function private.guard_job() from public, anon, authenticated, service_role;

-- supabase/sql/jobs/is_never_due.sql
create or replace function private.is_never_due(p_job private.job_runs)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  -- A lease lasts minutes, a deadline at most seven days.
  return p_job.status in ('queued', 'running') and case when p_job.generate
    then p_job.lease_expires_at > now() + interval '1 day' else p_job.deadline > now() + interval '8 days' end;
end
$$;

comment on function private.is_never_due(private.job_runs) is
  'Whether an unfinished job waits for a time at which no sweep of the next days takes it over or ends it.';
revoke all on function private.is_never_due(private.job_runs) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/keep_job_result.sql
create or replace function private.keep_job_result(
  p_job private.job_runs, p_result private.incoming_result, p_lease_token bigint)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_status text := case when p_result.type like '%.failed' then 'failed' else 'succeeded' end;
  v_metadata jsonb := coalesce(p_result.research_metadata, '{}') || coalesce(p_result.final_data, '{}');
begin
  if p_job.erased_at is not null then
    -- The result is erased, so nothing is left to compare with.
    return '{"outcome": "repeated"}';
  elsif p_job.status in ('succeeded', 'failed') then
    -- Compared as text: for jsonb, 1.0 equals 1.00, although their digits differ.
    return case when (p_job.status, p_job.result, p_job.error, p_job.result_metadata::text)
        is not distinct from (v_status, p_result.research_report, p_result.error, v_metadata::text)
      then '{"outcome": "repeated"}' else '{"outcome": "job_conflict"}' end;
  elsif p_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> p_job.lease_token then
    return '{"outcome": "lease_lost"}';
  end if;
  update private.job_runs
  set status = v_status, result = p_result.research_report, result_metadata = v_metadata, error = p_result.error,
    percent = case v_status when 'succeeded' then 100 else percent end, eta_seconds = null,
    completed_at = clock_timestamp(), updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
  where job_id = p_job.job_id;
  perform private.show_job(p_job.job_id);
  return '{"outcome": "completed"}';
end
$$;

comment on function private.keep_job_result(private.job_runs, private.incoming_result, bigint) is
  'Finishes a job without a report: its result stays in the job, without event and delivery. The caller holds the lock of the job.';
revoke all on function private.keep_job_result(private.job_runs, private.incoming_result, bigint) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/repeat_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.repeat_report_job(
  p_job_id text, p_repeated_job_id text, p_caller text, p_lease_seconds int, p_quota int, p_reportless boolean default true,
  p_models text[] default null, p_user_budget int default null, p_project_budget int default null,
  p_trace_id text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_repeated_job_id, p_caller);
  v_by_operator boolean := false;
  v_running private.job_runs;
  v_answer jsonb;
begin
  if v_job.job_id is null and private.names_operator(p_caller) then
    select * into v_job from private.job_runs where job_id = p_repeated_job_id;
    v_by_operator := true;
  end if;
  if v_job.job_id is null then
    return '{"outcome": "job_not_found"}';
  elsif v_job.erased_at is not null or v_job.prompt is null then
    return '{"outcome": "job_not_repeatable", "reason": "erased"}';
  elsif not v_job.generate then
    -- The external generator would not know of the new job.
    return '{"outcome": "job_not_repeatable", "reason": "elsewhere"}';
  elsif v_job.status in ('queued', 'running') and v_job.job_id <> p_job_id then
    return '{"outcome": "job_not_repeatable", "reason": "unfinished"}';
  elsif v_job.report_id is null and not p_reportless then
    return '{"outcome": "report_required"}';
  end if;
  select * into v_running from private.job_runs
  where report_id = v_job.report_id and report_type = v_job.report_type and stage = v_job.stage
    and status in ('queued', 'running') and job_id <> p_job_id
  order by created_at desc, job_id desc limit 1;
  -- Since the repeated job, the report may have been given to another user, whose job this is.
  if v_running.job_id is not null and (v_by_operator or (private.job_for_caller(v_running.job_id, p_caller)).job_id is not null) then
    return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_running));
  end if;
  v_answer := public.request_report_job(
    p_job_id => p_job_id,
    -- An operator may repeat jobs of every report, without using the owner's quota. A result without a report belongs to its
    -- original caller.
    p_caller => case when not v_by_operator then p_caller when v_job.report_id is null then v_job.caller else 'pipeline' end,
    p_prompt => v_job.prompt, p_generate => true, p_lease_seconds => p_lease_seconds, p_quota => p_quota,
    p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_stage => v_job.stage,
    p_once_per_report => v_job.report_id is not null, p_model => v_job.model, p_temperature => v_job.temperature,
    p_max_tokens => v_job.max_tokens, p_summary_id => v_job.summary_id, p_metadata => v_job.metadata::text,
    p_models => p_models, p_user_budget => p_user_budget, p_project_budget => p_project_budget, p_trace_id => p_trace_id);
  if v_by_operator then
    perform private.add_audit(
      -- The same for a repeated call.
      p_id => md5('repeated as ' || p_job_id)::uuid, p_direction => 'in', p_outcome => case v_answer ->> 'outcome' when 'created' then 'job_repeated' else v_answer ->> 'outcome' end,
      p_job_id => v_job.job_id, p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_actor => p_caller,
      p_payload => jsonb_build_object('endpoint', 'jobs', 'method', 'POST', 'new_job_id', v_answer -> 'job' -> 'job_id'));
  end if;
  return v_answer;
end
$$;

comment on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int, text) is
  'Requests a new job, p_job_id, with the request of one that has finished: by its owner, the pipeline, or an operator, which is audited. While its report has an unfinished job of that stage, that job is answered. p_reportless: whether jobs without a report may be requested. The other parameters and the answer are those of request_report_job(); and job_not_found, job_not_repeatable with a reason (erased, elsewhere, unfinished), report_required.';
revoke all on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int, text) from public, anon, authenticated, service_role;
grant execute on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int, text) to service_role;

-- supabase/sql/jobs/report_job_progress.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.report_job_progress(
  p_job_id text, p_lease_token bigint, p_percent int, p_lease_seconds int, p_eta_seconds int default null)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.status = 'queued' and v_job.report_type is not null
    and private.lock_report(v_job.report_type, v_job.report_id) is null
  then
    return false;
  end if;
  update private.job_runs
  set status = 'running', percent = greatest(percent, p_percent), eta_seconds = p_eta_seconds,
    started_at = coalesce(started_at, now()), updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id and lease_token = p_lease_token and status in ('queued', 'running');
  if not found then
    return false;
  end if;
  perform private.show_job(p_job_id);
  if v_job.status = 'queued' and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return true;
end
$$;

comment on function public.report_job_progress(text, bigint, int, int, int) is
  'Records how far a running job is, and renews its lease. False: the job is no longer this runner''s, which must stop.';
revoke all on function public.report_job_progress(text, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function public.report_job_progress(text, bigint, int, int, int) to service_role;

-- supabase/sql/jobs/request_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_report_job(
  p_job_id text, p_caller text, p_prompt text, p_generate boolean, p_lease_seconds int, p_quota int,
  p_report_type text default null, p_report_id uuid default null, p_stage text default null,
  p_once_per_report boolean default false, p_idempotency_key text default null, p_model text default null,
  p_temperature numeric default null, p_max_tokens int default null, p_summary_id uuid default null,
  p_metadata text default null, p_models text[] default null, p_user_budget int default null,
  p_project_budget int default null, p_trace_id text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_metadata jsonb := coalesce(nullif(p_metadata::jsonb, 'null'), '{}');
  -- Digest of the request as received, so that it is recognised even if the deployment later offers other models. It is the
  -- text of one array, as released versions hashed it. Building the array with the metadata would copy it, which takes as
  -- long as parsing it.
  v_digest text := encode(sha256(convert_to(rtrim(jsonb_build_array(
    p_report_type, p_report_id, p_stage, p_prompt, p_generate, p_model, p_temperature, p_max_tokens, p_summary_id)::text, ']')
    || ', ' || v_metadata::text || ']', 'UTF8')), 'hex');
  v_owner uuid;
  v_stage text;
  v_refusal jsonb;
  v_asked record;
  v_job private.job_runs;
  v_is_new boolean := true;
begin
  perform private.await_same_call(p_job_id);
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    v_is_new := v_job.job_id is null;
  end if;
  if v_job.job_id is null and p_report_type is not null then
    v_owner := private.lock_report(p_report_type, p_report_id, p_summary_id);
    -- An earlier call of the same request, or the report's deletion, may have held the lock until now.
    select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    v_is_new := v_job.job_id is null;
  end if;
  if v_job.job_id is null then
    if p_report_type is not null then
      if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
        return '{"outcome": "report_not_found"}';
      end if;
      if p_once_per_report then
        -- Under the report's lock: of simultaneous requests one creates the job, and the others find it here.
        select * into v_job from private.job_runs
        where report_id = p_report_id and report_type = p_report_type and stage = p_stage and caller = p_caller
          and status in ('queued', 'running')
        order by created_at desc, job_id desc limit 1;
        if v_job.job_id is not null then
          return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_job));
        end if;
      end if;
      execute format('select stage from public.%I where id = $1', private.report_table(p_report_type))
      into v_stage using p_report_id;
      if p_stage = 'prelim' and v_stage = 'final' then
        return '{"outcome": "final_exists"}';
      end if;
    elsif p_caller <> 'pipeline' then
      select id into v_owner from auth.users where id = p_caller::uuid for key share;
    end if;
    if p_caller <> 'pipeline' then
      -- A token is valid for up to an hour after its account was deleted.
      if not private.has_account(p_caller::uuid) then
        return '{"outcome": "unauthorized"}';
      end if;
      -- One request at a time per user: otherwise simultaneous requests would all count the same jobs. There is no such lock
      -- across users, since one stuck request would stop all others; so simultaneous requests may exceed the project's budget
      -- by their number.
      perform pg_advisory_xact_lock(hashtextextended('quota ' || p_caller, 0));
    end if;
    if not exists (select from private.job_runs where caller = p_caller and caller_key = p_idempotency_key) then
      if p_caller <> 'pipeline'
        and private.taken_quota(p_caller) >= p_quota
      then
        return '{"outcome": "quota_exceeded"}';
      end if;
      v_refusal := private.spent_budget(p_caller, p_user_budget, p_project_budget);
      if v_refusal is not null then
        return v_refusal;
      end if;
      if p_caller <> 'pipeline' or p_report_id is not null then
        -- The lock of the user or the report serialises requests, so none waits for the bucket. The pipeline acts for many
        -- people: it is limited only per report, so that it cannot fill one report with jobs, each of which becomes an event.
        v_asked := private.ask_limit(
          case when p_caller = 'pipeline' then 'report' else 'job' end,
          case when p_caller = 'pipeline' then p_report_type || ':' || p_report_id else p_caller end, true);
        if v_asked.refusal is not null then
          return v_asked.refusal;
        elsif v_asked.failure is not null then
          raise warning '%', v_asked.failure;
        end if;
      end if;
    end if;
    insert into private.job_runs (
      job_id, report_type, report_id, stage, user_id, summary_id, caller, caller_key, request_digest, prompt, model,
      temperature, max_tokens, metadata, generate, lease_token, lease_expires_at, trace_id)
    values (
      p_job_id, p_report_type, p_report_id, p_stage, v_owner,
      (select id from public.polaris_summaries where id = p_summary_id and user_id = v_owner),
      p_caller, p_idempotency_key, v_digest, p_prompt,
      case when p_generate then private.choose_model(p_model, p_models) else p_model end,
      p_temperature, p_max_tokens, v_metadata, p_generate, 1,
      case when p_generate then now() + make_interval(secs => p_lease_seconds) end,
      coalesce(p_trace_id, private.new_trace_id()))
    on conflict do nothing
    returning * into v_job;
    if v_job.job_id is not null then
      -- Without the caller's prompt, metadata and key, which the owner must not read, and without an expiry, by which the
      -- platform's clean-up would delete it while it runs.
      insert into public.report_jobs (
        job_id, user_id, summary_id, status, model, temperature, max_tokens, percent, metadata, created_at, updated_at,
        expires_at)
      values (
        v_job.job_id, v_owner, v_job.summary_id, v_job.status, v_job.model, p_temperature, p_max_tokens, 0,
        case when p_report_type is null then '{}'
          else jsonb_build_object('report_type', p_report_type, 'report_id', p_report_id, 'stage', p_stage) end,
        v_job.created_at, v_job.updated_at, null);
      perform private.show_report_status(p_report_type, p_report_id) where p_report_type is not null;
    else
      v_is_new := false;
      select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    end if;
  end if;
  if v_job.request_digest <> v_digest then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', case when v_is_new then 'created' else 'existing' end, 'job', private.job_view(v_job))
    || case when v_is_new and v_job.generate and v_job.lease_token = 1 and v_job.status = 'queued'
      then jsonb_build_object('run', private.run_context(v_job)) else '{}' end;
end
$$;

comment on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int, text) is
  'Creates a job under its creator''s lease, or answers the one that this caller''s key has made. A repeated call is recognised by p_job_id, which the calling function mints. p_once_per_report: while the report has an unfinished job of this caller for this stage, that job is answered. Without a report, type and stage it is a job of its own. p_models: those that the deployment offers, the default first. p_trace_id: of the request, where it came with one. Returns {outcome, job, run}.';
revoke all on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int, text) from public, anon, authenticated, service_role;
grant execute on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int, text) to service_role;

-- supabase/sql/jobs/run_context.sql
create or replace function private.run_context(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- The prompt's limit for each (src/server/generation/prompt.ts), and one character more, which tells that the text was cut.
  c_previous_report constant int := 60001;
  c_summary constant int := 30001;
  v_report jsonb;
begin
  if p_job.report_type is not null then
    execute format(
      'select jsonb_build_object(''user_data'', private.bounded_intake(report.user_data),
         ''previous_report'', "left"(report.research_report, $3), ''summary'', "left"(summary.summary_content, $4))
       from public.%I report
       left join public.polaris_summaries summary
         on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
       where report.id = $1', private.report_table(p_job.report_type))
    into v_report using p_job.report_id, p_job.summary_id, c_previous_report, c_summary;
  end if;
  return coalesce(v_report, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs, 'trace_id', p_job.trace_id);
end
$$;

comment on function private.run_context(private.job_runs) is
  'The input of a runner for a job it holds. Long texts are cut to the limit of a prompt.';
revoke all on function private.run_context(private.job_runs) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/show_job.sql
create or replace function private.show_job(p_job_id text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- A row held by another transaction is skipped, since waiting would reverse the lock order: guard_job(), which runs in that
  -- transaction's statement, reads the job's state again.
  update public.report_jobs shown
  set status = job.status, percent = job.percent, eta_seconds = job.eta_seconds, error = job.error,
    started_at = job.started_at, completed_at = job.completed_at, updated_at = job.updated_at
  from private.job_runs job
  where job.job_id = p_job_id and shown.job_id in (
    select job_id from public.report_jobs where job_id = p_job_id for update skip locked);
end
$$;

comment on function private.show_job(text) is
  'Shows a job''s state in report_jobs, which the platform''s clients read. It decides nothing there.';
revoke all on function private.show_job(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/spent_budget.sql
create or replace function private.spent_budget(p_caller text, p_user_budget int, p_project_budget int)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_day constant interval := '1 day';
  v_budget text;
  v_free_at timestamptz;
begin
  -- With a budget of n jobs: it is spent if the n-th newest job was requested within the last day, and free again a day after
  -- that request.
  if p_user_budget is not null and p_caller <> 'pipeline' then
    v_budget := 'user';
    select created_at + v_day into v_free_at from private.job_runs
    where caller = p_caller and created_at > now() - v_day
    order by created_at desc offset p_user_budget - 1 limit 1;
  end if;
  if p_project_budget is not null and v_free_at is null then
    v_budget := 'project';
    -- Jobs of the platform's functions and of the import do not count: users can insert any number of rows into report_jobs,
    -- and could spend everybody's budget.
    select created_at + v_day into v_free_at from private.job_runs
    where created_at > now() - v_day and caller <> 'platform'
    order by created_at desc offset p_project_budget - 1 limit 1;
  end if;
  return case when v_free_at is not null then jsonb_build_object(
    'outcome', 'budget_exceeded', 'budget', v_budget,
    'retry_after_seconds', greatest(1, ceil(extract(epoch from v_free_at - now()))::int)) end;
end
$$;

comment on function private.spent_budget(text, int, int) is
  'Null while the caller may request a job; else {outcome, budget, retry_after_seconds}. All jobs of the last 24 hours count, also failed and cancelled ones. The pipeline has no budget of its own; the project''s counts the jobs of all callers but the platform''s functions.';
revoke all on function private.spent_budget(text, int, int) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/take_over_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_over_report_job(
  p_job_id text, p_lease_seconds int, p_max_take_overs int, p_claim_id uuid default null,
  p_models text[] default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_shown public.report_jobs;
  v_error text;
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.claim_id = p_claim_id and not private.lease_is_free(v_job.lease_expires_at) then
    return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
  elsif not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_job.report_type is not null then
    if not private.try_lock_report(v_job.report_type, v_job.report_id) then
      return '{"outcome": "held"}';
    end if;
    v_owner := private.lock_report(v_job.report_type, v_job.report_id);
  end if;
  -- Checked again under both locks: while this call waited, the runner may have reported progress, or another process may
  -- have taken the job over.
  select * into v_job from private.job_runs where job_id = p_job_id for no key update skip locked;
  if not found or not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_job.report_type is not null and v_owner is null
    or not private.job_serves(v_job, coalesce(v_owner, v_job.user_id))
  then
    perform private.cancel_job(p_job_id);
    perform private.show_job(p_job_id);
    return '{"outcome": "given_up"}';
  end if;
  if v_job.caller = 'platform' then
    -- The platform's runner may have stored its result in report_jobs and died before it wrote the report.
    select * into v_shown from public.report_jobs where job_id = p_job_id;
    if v_shown.status in ('succeeded', 'failed') then
      return case public.complete_report_job(
          p_job_id, case when private.is_blank(v_shown.result) then 'failed' else 'completed' end, 0,
          p_lease_token => v_job.lease_token,
          p_research_report => case when not private.is_blank(v_shown.result) then btrim(v_shown.result) end,
          p_error => case when private.is_blank(v_shown.result)
            then coalesce(v_shown.error, 'The report could not be generated.') end) ->> 'outcome'
        when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
    end if;
  end if;
  v_error := case
    when not v_job.generate then 'No result was submitted before the job expired.'
    when v_job.take_overs >= p_max_take_overs then
      format('The %s could not be finished: its generation was interrupted %s times.',
        case when v_job.report_type is null then 'result' else 'report' end, v_job.take_overs + 1)
  end;
  if v_error is not null then
    -- No process sends this delivery yet: it is due at once.
    return case public.complete_report_job(
        p_job_id, 'failed', 0, p_lease_token => v_job.lease_token, p_error => v_error) ->> 'outcome'
      when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
  end if;
  update private.job_runs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, claim_id = p_claim_id, updated_at = now(),
    model = private.choose_model(model, p_models), lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id
  returning * into v_job;
  return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
end
$$;

comment on function public.take_over_report_job(text, int, int, uuid, text[]) is
  'Takes over a job whose lease has run out, or ends it: with a failure after p_max_take_overs or past its deadline, cancelled when it serves no report any more. Waits for no lock: held when another transaction has its report. A repeated call is recognised by p_claim_id. p_models: those that the deployment offers, as for request_report_job.';
revoke all on function public.take_over_report_job(text, int, int, uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function public.take_over_report_job(text, int, int, uuid, text[]) to service_role;

-- supabase/sql/deliver/add_revision.sql
create or replace function private.add_revision(p_settings private.endpoint_revisions, p_change text, p_actor text)
returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  -- Held until the commit, so that ids are in the order of commits.
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  p_settings.id := nextval('private.endpoint_revisions_id_seq');
  p_settings.change := p_change;
  p_settings.actor := p_actor;
  p_settings.created_at := clock_timestamp();
  p_settings.superseded_by := null;
  update private.endpoint_revisions set superseded_by = p_settings.id
  where endpoint_id = p_settings.endpoint_id and superseded_by is null;
  insert into private.endpoint_revisions overriding system value select p_settings.*;
  return p_settings.id;
end
$$;

comment on function private.add_revision(private.endpoint_revisions, text, text) is
  'Puts settings of a subscriber in force. Effects that are under way keep the settings that their events name.';
revoke all on function private.add_revision(private.endpoint_revisions, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/apply_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_plan(p_plan_id int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_plan public.plans;
begin
  select * into v_plan from public.plans where id = p_plan_id for update;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  elsif v_plan.status = 'proposed' then
    update public.plans
    set status = 'running', applied_at = clock_timestamp(), next_slice_at = now()
    where id = p_plan_id
    returning * into v_plan;
    perform private.add_audit(
      p_direction => 'in', p_outcome => 'plan_applied', p_actor => p_actor,
      p_payload => jsonb_build_object('endpoint', 'plans', 'plan', v_plan.id, 'kind', v_plan.kind, 'reason', v_plan.reason));
  end if;
  return jsonb_build_object('outcome', 'applied', 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.apply_plan(int, text) is
  'Begins a proposed plan. A repeated call, or one for a plan that runs or has ended, returns the plan unchanged. Returns {outcome: applied|plan_not_found, plan}.';
revoke all on function public.apply_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.apply_plan(int, text) to service_role;

-- supabase/sql/deliver/backlog.sql
create or replace function private.backlog()
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'due', (
      select count(*) from (
        select from private.due_deliveries due
        where due.endpoint_id not in (select endpoint_id from public.webhook_circuits where opened_at is not null)
          and due.endpoint_id not in (select endpoint_id from private.subscribers where state <> 'active')
        limit 20001) counted),
    'confirmed', (
      select count(*) from public.webhook_audit
      where direction = 'out' and outcome = 'delivered' and endpoint_id in (select id from public.webhook_endpoints)
        and created_at > now() - interval '1 minute'))
$$;

comment on function private.backlog() is
  'How many deliveries are due and can be sent now, counted up to 20,001, and how many were confirmed in the last minute: {due, confirmed}.';
revoke all on function private.backlog() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/begin_endpoint_check.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.begin_endpoint_check(
  p_endpoint_id text, p_host text, p_actor text, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_per_hour constant int := 5;
  v_subscriber private.subscribers;
  v_check private.endpoint_checks;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  -- The owner of the host has not asked for these requests, so their number is limited, whoever the caller is. A repetition of
  -- this call waits for it here, too.
  perform pg_advisory_xact_lock(hashtextextended('polaris.check:' || p_host, 0));
  select * into v_check from private.endpoint_checks where endpoint_id = p_endpoint_id and claim_id = p_claim_id;
  if v_check.id is null
    and (select count(*) from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour') >= c_per_hour
  then
    return jsonb_build_object('outcome', 'too_many_checks', 'retry_after_seconds', (
      select ceil(extract(epoch from min(created_at) + interval '1 hour' - now()))
      from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour'));
  end if;
  if v_check.id is null then
    insert into private.endpoint_checks (endpoint_id, host, url, compression, actor, claim_id)
    select p_endpoint_id, p_host, settings.url, settings.compression, p_actor, p_claim_id from private.endpoint_revisions settings
    where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null returning * into v_check;
  end if;
  return jsonb_build_object(
    'outcome', 'begun', 'check_id', v_check.id, 'url', v_check.url,
    'compression', v_check.compression, 'sealed_secrets', (
      select coalesce(jsonb_agg(sealed order by id desc), '[]') from private.endpoint_secrets
      where endpoint_id = p_endpoint_id and (expires_at is null or expires_at > now())));
end
$$;

comment on function public.begin_endpoint_check(text, text, text, uuid) is
  'Allows one check of a subscriber: at most five an hour for its host. Returns {outcome: begun|too_many_checks|endpoint_not_found, check_id, url, compression, sealed_secrets, retry_after_seconds}. A repeated call is recognised by p_claim_id.';
revoke all on function public.begin_endpoint_check(text, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.begin_endpoint_check(text, text, text, uuid) to service_role;

-- supabase/sql/deliver/begin_live.sql
create or replace function private.begin_live(p_endpoint_id text, p_change text, p_actor text)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_settings private.endpoint_revisions;
begin
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  if not exists (
    select from private.subscribers
    where endpoint_id = p_endpoint_id and state <> 'removed' and verified_at is not null)
  then
    return null;
  end if;
  select * into strict v_settings from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if v_settings.takes_events then
    return null;
  end if;
  v_settings.takes_events := true;
  return private.add_revision(v_settings, p_change, p_actor);
end
$$;

comment on function private.begin_live(text, text, text) is
  'From now on effects make deliveries for a subscriber, whose start in the past has come to its end. Returns the revision; null: they do so already, or it is not verified or removed.';
revoke all on function private.begin_live(text, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/bring_forward.sql
create or replace function private.bring_forward(p_delivery public.webhook_deliveries, p_plan public.plans)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.move_delivery(p_delivery.id, 'brought_forward');
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'brought_forward', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_actor => p_plan.actor,
    p_payload => jsonb_build_object('endpoint', 'plans', 'plan', p_plan.id, 'next_attempt', p_delivery.next_attempt),
    p_error => p_delivery.response ->> 'error', p_attempt_number => p_delivery.attempts);
end
$$;

comment on function private.bring_forward(public.webhook_deliveries, public.plans) is
  'Makes a delivery due that waits for its slot, whose lock the caller holds, and audits it with who asked.';
revoke all on function private.bring_forward(public.webhook_deliveries, public.plans) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/cancel_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_plan(p_plan_id int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_plan public.plans;
begin
  -- Waits for the slice in progress.
  update public.plans set status = 'cancelled', cancelled_by = p_actor, finished_at = now()
  where id = p_plan_id and status in ('proposed', 'running');
  if found and exists (select from public.plans where id = p_plan_id and kind = 'start') then
    -- Otherwise the subscriber of a cancelled start would never get events.
    perform private.begin_live(filter ->> 'endpoint_id', 'start cancelled', p_actor) from public.plans where id = p_plan_id;
  end if;
  select * into v_plan from public.plans where id = p_plan_id;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  end if;
  return jsonb_build_object('outcome', v_plan.status, 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.cancel_plan(int, text) is
  'Ends a plan that is running: no further slice begins, and what was done stays done; deliveries of a replay that are not sent yet are cancelled by the next sweep; a subscriber whose start in the past it was hears of events from now on. Returns {outcome, plan}: the plan as it stands, which may have ended before, or plan_not_found.';
revoke all on function public.cancel_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_plan(int, text) to service_role;

-- supabase/sql/deliver/cause_of.sql
create or replace function private.cause_of(p_error text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return regexp_replace(
    "left"(p_error, 200), '(?<!^answered )(?<![\w.:/-])[\w.:/-]*\d(?:[\w.:/-]*\w)?', '…', 'g');
end
$$;

comment on function private.cause_of(text) is
  'An attempt''s error without what differs from one failure to the next: each word with a digit in it (an id, a number, a time, an address) is an ellipsis. The status in "answered 502" stays. Null for null.';
revoke all on function private.cause_of(text) from public, anon, authenticated, service_role;
grant execute on function private.cause_of(text) to authenticated;

-- supabase/sql/deliver/change_endpoint.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.change_endpoint(
  p_endpoint_id text, p_revision bigint, p_settings jsonb, p_change text, p_actor text, p_filter_path text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
  v_old private.endpoint_revisions;
  v_new private.endpoint_revisions := private.read_settings(p_endpoint_id, p_settings, p_filter_path);
begin
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  select * into strict v_old from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if private.settings_view(v_old) = private.settings_view(v_new) then
    -- Repeated call.
    return jsonb_build_object('outcome', 'unchanged', 'endpoint', private.subscriber_view(v_subscriber));
  elsif v_old.id <> p_revision then
    return jsonb_build_object('outcome', 'revision_conflict', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  v_new.takes_events := v_old.takes_events;
  perform private.add_revision(v_new, p_change, p_actor);
  if v_new.url <> v_old.url then
    -- No check has seen whether the new URL accepts compressed bodies.
    update private.subscribers set accepted_coding = null, coding_refused_at = null
    where endpoint_id = p_endpoint_id returning * into v_subscriber;
  end if;
  if v_subscriber.state = 'active' and not private.is_address_checked(p_endpoint_id) then
    -- The new URL has not asked for events yet. Effects continue to make deliveries.
    v_subscriber := private.set_subscriber_state(p_endpoint_id, 'paused', 'address_changed', p_actor);
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_changed', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'endpoints', 'change', p_change, 'from', private.settings_view(v_old), 'to', private.settings_view(v_new)));
  return jsonb_build_object('outcome', 'changed', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.change_endpoint(text, bigint, jsonb, text, text, text) is
  'Puts new settings of a subscriber in force, if p_revision is still the present one. Deliveries that exist keep their format version and body. A new URL that has passed no check pauses it until it does. Returns {outcome: changed|unchanged|revision_conflict|endpoint_not_found, endpoint}.';
revoke all on function public.change_endpoint(text, bigint, jsonb, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.change_endpoint(text, bigint, jsonb, text, text, text) to service_role;

-- supabase/sql/deliver/claim_due_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_deliveries(
  p_limit int, p_outward int, p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Deliveries of one endpoint that a call passes over at most: the call could reach its time-out, which would undo all of
  -- its work, again at each call.
  c_passed constant int := 200;
  c_window constant int := greatest(16, p_limit);
  v_candidate record;
  v_endpoint record;
  v_passed bigint[];
  v_set_aside int;
  v_seen int;
  v_is_waiting boolean := false;
  v_claim jsonb;
  v_claimed jsonb;
  v_before int;
  v_left_out jsonb := '[]';
begin
  perform private.await_same_call(p_claim_id::text);
  select jsonb_agg(private.sendable(held) order by id) into v_claimed
  from public.webhook_deliveries held where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_claimed is not null then
    return jsonb_build_object('deliveries', v_claimed, 'left_out', '[]'::jsonb, 'waiting', false);
  end if;
  v_claimed := '[]';
  -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
  for v_candidate in
    select circuit.endpoint_id as probe_of, probe.id, probe.position is not null as is_outward
    from public.webhook_circuits circuit
    cross join lateral (
      select delivery.id, delivery.attempts, delivery.position from public.webhook_deliveries delivery
      where delivery.endpoint_id = circuit.endpoint_id and delivery.status not in ('success', 'superseded', 'cancelled')
        and delivery.dead_at is null and private.lease_is_free(delivery.lease_expires_at) and delivery.waits_for is null
        and delivery.id <> all (p_left_out)
      order by delivery.attempts, delivery.id limit 16) probe
    where circuit.opened_at is not null and circuit.probe_after <= now()
      and private.lease_is_free(circuit.probe_lease_expires_at)
      and not exists (select from private.subscribers where endpoint_id = circuit.endpoint_id and state <> 'active')
    order by circuit.endpoint_id, probe.attempts, probe.id
  loop
    exit when jsonb_array_length(v_claimed) >= p_limit;
    continue when v_candidate.is_outward and p_outward <= 0;
    v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, v_candidate.probe_of);
    if v_claim ? 'left_out' then
      v_left_out := v_left_out || v_claim;
    elsif v_claim ? 'delivery_id' then
      v_claimed := v_claimed || v_claim;
      p_outward := p_outward - v_candidate.is_outward::int;
    end if;
  end loop;
  -- Claims as many deliveries as possible for our own endpoints, and one per subscriber and turn as long as there is room.
  loop
    v_before := jsonb_array_length(v_claimed);
    for v_endpoint in
      -- Our own endpoints first, then the endpoint with the fewest current senders, so that one that is slow or has a backlog
      -- takes no turns from others. Equal subscribers in random order: by age, the one that has waited least would come after
      -- every backlog.
      select endpoint.id, endpoint.kind
      from public.webhook_endpoints endpoint
      left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
      left join (
        select endpoint_id, count(*) as senders from public.webhook_deliveries where lease_expires_at >= now()
        group by endpoint_id) held on held.endpoint_id = endpoint.id
      left join lateral (
        select next_attempt from public.webhook_deliveries
        -- Only for our own endpoints, of which there are two.
        where endpoint.kind = 'internal' and endpoint_id = endpoint.id
          and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        order by next_attempt limit 1) first on true
      where (endpoint.kind = 'internal' or subscriber.state = 'active' and p_outward > 0)
        and endpoint.id not in (select endpoint_id from public.webhook_circuits where opened_at is not null)
      order by endpoint.kind = 'internal' desc, coalesce(held.senders, 0), first.next_attempt, random()
    loop
      exit when jsonb_array_length(v_claimed) >= p_limit;
      continue when v_endpoint.kind = 'subscriber' and p_outward <= 0;
      -- A short index look-up: most endpoints have nothing to send most of the time.
      continue when not exists (
        select from public.webhook_deliveries
        where endpoint_id = v_endpoint.id and next_attempt <= now()
          and status not in ('success', 'superseded', 'cancelled') and dead_at is null);
      if v_endpoint.kind = 'subscriber' and not private.may_send(v_endpoint.id) then
        v_is_waiting := true;
        continue;
      end if;
      v_passed := '{}';
      v_set_aside := 0;
      <<endpoint>>
      loop
        v_seen := 0;
        for v_candidate in
          select due.id from private.due_at(v_endpoint.id, v_endpoint.kind, p_left_out || v_passed, c_window) due
        loop
          v_seen := v_seen + 1;
          v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, null);
          if v_claim is null then
            -- Another claim, possibly of ten deliveries, is taking this delivery.
            v_passed := v_passed || v_candidate.id;
          elsif v_claim ? 'left_out' then
            v_left_out := v_left_out || v_claim;
            v_passed := v_passed || v_candidate.id;
          elsif v_claim ? 'set_aside' then
            v_set_aside := v_set_aside + 1;
          else
            v_claimed := v_claimed || v_claim;
            if v_endpoint.kind = 'subscriber' then
              p_outward := p_outward - 1;
              exit endpoint;
            end if;
            exit endpoint when jsonb_array_length(v_claimed) >= p_limit;
          end if;
        end loop;
        -- Deliveries that were passed over or set aside are not returned again. There may be others behind them.
        exit when v_seen < c_window;
        if v_set_aside + cardinality(v_passed) >= c_passed then
          v_is_waiting := true;
          exit;
        end if;
      end loop;
    end loop;
    exit when jsonb_array_length(v_claimed) in (v_before, p_limit);
    select p_left_out || coalesce(array_agg((one ->> 'delivery_id')::bigint), '{}') into p_left_out
    from jsonb_array_elements(v_left_out) one;
  end loop;
  return jsonb_build_object('deliveries', v_claimed, 'left_out', v_left_out, 'waiting', v_is_waiting);
end
$$;

comment on function public.claim_due_deliveries(int, int, int, uuid, bigint[]) is
  'Claims up to p_limit deliveries, p_outward of them to subscribers: half-open circuits'' probes, then what is due first, of our own endpoints, then by turns of the subscribers with the fewest senders that have room for one more. Waits for no lock. Returns {deliveries, left_out: [{delivery_id, event_id, left_out: held|error, error?}], waiting}; fewer deliveries than asked for: there are no others to send now; waiting: a subscriber has something to be sent that its limits delay, or more than one call can put in order. p_left_out: deliveries that an earlier call of this sweep left out. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_deliveries(int, int, int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_deliveries(int, int, int, uuid, bigint[]) to service_role;

-- supabase/sql/deliver/claim_due_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
-- For functions of version 0.2.0. They do not know subscribers, and would send a subscriber's event to our own endpoints.
create or replace function public.claim_due_delivery(
  p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_claim jsonb := public.claim_due_deliveries(1, 0, p_lease_seconds, p_claim_id, p_left_out);
begin
  return jsonb_build_object('delivery', v_claim -> 'deliveries' -> 0, 'left_out', v_claim -> 'left_out');
end
$$;

comment on function public.claim_due_delivery(int, uuid, bigint[]) is
  'For functions of version 0.2.0: claims one delivery to our own endpoints, as claim_due_deliveries() does. Returns {delivery, left_out}; delivery null: nothing is due.';
revoke all on function public.claim_due_delivery(int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid, bigint[]) to service_role;

-- supabase/sql/deliver/claim_event_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_event_deliveries(p_event_id text, p_lease_seconds int, p_claim_id uuid, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery record;
  v_claim jsonb;
  v_claims jsonb;
begin
  perform private.await_same_call(p_claim_id::text);
  select coalesce(jsonb_agg(private.sendable(held) order by held.id), '[]') into v_claims
  from public.webhook_deliveries held where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_claims <> '[]' then
    return v_claims;
  end if;
  for v_delivery in
    select id, endpoint_id from public.webhook_deliveries
    where event_id = p_event_id and position is not null and plan = 0 and attempts = 0 and waits_for is null
      and status not in ('success', 'superseded', 'cancelled') and dead_at is null and next_attempt <= now()
      and private.lease_is_free(lease_expires_at)
    order by endpoint_id
  loop
    exit when jsonb_array_length(v_claims) = p_limit;
    continue when not private.may_send(v_delivery.endpoint_id);
    v_claim := private.try_claim(v_delivery.id, p_lease_seconds, p_claim_id);
    if v_claim ? 'delivery_id' and not v_claim ? 'left_out' then
      v_claims := v_claims || v_claim;
    end if;
  end loop;
  return v_claims;
end
$$;

comment on function public.claim_event_deliveries(text, int, uuid, int) is
  'Claims up to p_limit first deliveries of an event to subscribers, for subscribers with room: the process that applied the event sends them at once, and the sweep sends the rest. Returns sendable() of each. Waits for no lock. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_event_deliveries(text, int, uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.claim_event_deliveries(text, int, uuid, int) to service_role;

-- supabase/sql/deliver/claim_report_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_report_delivery(
  p_report_type text, p_report_id uuid, p_lease_seconds int, p_endpoint_id text default null,
  p_event_id text default null, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists is null then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_delivery from public.webhook_deliveries delivery
  where report_type = p_report_type and report_id = p_report_id
    and (p_endpoint_id is null or endpoint_id = p_endpoint_id)
    and (p_event_id is null or event_id = p_event_id)
    and exists (select from public.webhook_endpoints where id = delivery.endpoint_id and kind = 'internal')
  order by id desc
  limit 1
  for update;
  return case
    when v_delivery.id is null then '{"outcome": "delivery_not_found"}'
    when v_delivery.claim_id = p_claim_id and not private.lease_is_free(v_delivery.lease_expires_at) then
      jsonb_build_object('outcome', 'claimed', 'delivery', private.sendable(v_delivery))
    when v_delivery.status = 'success' then '{"outcome": "already_succeeded"}'
    when private.is_closed(v_delivery.dead_reason) then '{"outcome": "delivery_closed"}'
    when not private.lease_is_free(v_delivery.lease_expires_at) then '{"outcome": "delivery_busy"}'
    else jsonb_build_object(
      'outcome', 'claimed', 'delivery', private.claim_delivery(v_delivery.id, p_lease_seconds, p_claim_id))
  end;
end
$$;

comment on function public.claim_report_delivery(text, uuid, int, text, text, uuid) is
  'Claims the delivery of an event of this report to our own endpoint, or its latest one, due or not. Returns {outcome, delivery}. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_report_delivery(text, uuid, int, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_report_delivery(text, uuid, int, text, text, uuid) to service_role;

-- supabase/sql/deliver/confirm_delivery.sql
create or replace function private.confirm_delivery(p_event public.report_events, p_outcome text)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_response jsonb := jsonb_build_object('status', 200, 'outcome', p_outcome);
  v_delivery public.webhook_deliveries;
begin
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  values (
    p_event.id, private.internal_endpoint(p_event.stage), p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1,
    now(), null, v_response)
  on conflict (event_id, endpoint_id, plan) do nothing
  returning * into v_delivery;
  if v_delivery.id is null then
    select * into strict v_delivery from public.webhook_deliveries
    where event_id = p_event.id and endpoint_id = private.internal_endpoint(p_event.stage) and plan = 0;
    v_delivery := private.move_delivery(v_delivery.id, 'delivered', p_response => v_response, p_on_arrival => true);
  end if;
  return v_delivery;
end
$$;

comment on function private.confirm_delivery(public.report_events, text) is
  'A verified request proves the delivery of its event to our own endpoint. An event that others sent gets a delivery that has succeeded.';
revoke all on function private.confirm_delivery(public.report_events, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/create_endpoint.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.create_endpoint(
  p_request_id uuid, p_settings jsonb, p_endpoint_id text, p_sealed_secret text, p_read_token_sha256 text, p_actor text,
  p_filter_path text default null, p_start_at timestamptz default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_subscribers constant int := 200;
  v_subscriber private.subscribers;
  v_settings private.endpoint_revisions := private.read_settings(p_endpoint_id, p_settings, p_filter_path);
begin
  perform private.await_same_call(p_request_id::text);
  select * into v_subscriber from private.subscribers where request_id = p_request_id;
  if v_subscriber.endpoint_id is not null then
    if private.settings_view(v_settings) is distinct from (
      select private.settings_view(first) from private.endpoint_revisions first
      where endpoint_id = v_subscriber.endpoint_id order by id limit 1)
    then
      return '{"outcome": "idempotency_conflict"}';
    end if;
    -- The secret was shown only in the first answer; an operator who has not seen it must replace it.
    return jsonb_build_object('outcome', 'exists', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  if (select count(*) from private.subscribers where state <> 'removed') >= c_subscribers then
    return '{"outcome": "too_many_endpoints"}';
  end if;
  insert into public.webhook_endpoints (id, kind, expects) values (p_endpoint_id, 'subscriber', 'any_2xx');
  insert into public.webhook_circuits (endpoint_id) values (p_endpoint_id);
  insert into private.subscribers (endpoint_id, request_id, created_by, read_token_sha256)
  values (p_endpoint_id, p_request_id, p_actor, p_read_token_sha256)
  returning * into v_subscriber;
  insert into private.endpoint_secrets (endpoint_id, sealed) values (p_endpoint_id, p_sealed_secret);
  v_settings.takes_events := false;
  perform private.add_revision(v_settings, 'created', p_actor);
  if p_start_at is not null then
    insert into public.plans (request_id, kind, name, reason, filter, actor, next_slice_at)
    values (
      p_request_id, 'start', 'Start of ' || p_endpoint_id, 'The subscriber starts with past events.',
      jsonb_build_object('endpoint_id', p_endpoint_id, 'from', private.iso_time(p_start_at)), p_actor, now());
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_created', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'settings', private.settings_view(v_settings)));
  return jsonb_build_object('outcome', 'created', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) is
  'Makes a subscriber, unverified: it hears nothing until its check has passed. p_settings is checked by the function that calls. p_start_at: it begins with past events. Returns {outcome: created|exists|idempotency_conflict|too_many_endpoints, endpoint}. A repeated call is recognised by p_request_id.';
revoke all on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) to service_role;

-- supabase/sql/deliver/delivery_backlog.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.delivery_backlog()
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.backlog()
$$;

comment on function public.delivery_backlog() is
  'For a sweep, which asks for help where more is due than one can send: {due, confirmed} of private.backlog().';
revoke all on function public.delivery_backlog() from public, anon, authenticated, service_role;
grant execute on function public.delivery_backlog() to service_role;

-- supabase/sql/deliver/due_at.sql
-- Each kind of delivery is read in the order of its own index, so that a backlog of one kind is not scanned to find another.
create or replace function private.due_at(p_endpoint_id text, p_kind text, p_left_out bigint[], p_limit int)
returns table (id bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_found int := 0;
  v_rows int;
begin
  if p_kind = 'internal' then
    return query
    select due.id from private.due_deliveries due
    where due.endpoint_id = p_endpoint_id and due.id <> all (p_left_out)
    order by due.next_attempt, due.id limit p_limit;
    return;
  end if;
  -- First deliveries, then retries, then replays.
  for v_class in 0..2 loop
    return query
    select due.id from public.webhook_deliveries due
    where due.endpoint_id = p_endpoint_id and due.position is not null
      and due.status not in ('success', 'superseded', 'cancelled') and due.dead_at is null and due.waits_for is null
      and case when due.plan > 0 then 2 when due.rounds > 0 then 1 else 0 end = v_class
      and due.next_attempt <= now() and (due.lease_expires_at is null or due.lease_expires_at < now())
      and due.id <> all (p_left_out)
    order by due.next_attempt, due.id limit p_limit - v_found;
    get diagnostics v_rows = row_count;
    v_found := v_found + v_rows;
    exit when v_found >= p_limit;
  end loop;
end
$$;

comment on function private.due_at(text, text, bigint[], int) is
  'Up to p_limit deliveries that are due at this endpoint, in the order in which they go: of a subscriber first deliveries before retries before replays.';
revoke all on function private.due_at(text, text, bigint[], int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/endpoint_history.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.endpoint_history(p_endpoint_id text)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'revision', id, 'at', private.iso_time(created_at), 'actor', actor, 'change', change, 'takes_events', takes_events,
      'settings', private.settings_view(revision)) order by id desc), '[]')
    from (select * from private.endpoint_revisions where endpoint_id = p_endpoint_id order by id desc limit 100) revision);
end
$$;

comment on function public.endpoint_history(text) is
  'The last hundred revisions of a subscribers settings, newest first.';
revoke all on function public.endpoint_history(text) from public, anon, authenticated, service_role;
grant execute on function public.endpoint_history(text) to service_role;

-- supabase/sql/deliver/event_samples.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.event_samples(
  p_limit int, p_endpoint_id text default null, p_paths text[] default null, p_filter_path text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Number of events examined, newest first.
  c_examined constant int := 1000;
  v_path jsonpath := p_filter_path::jsonpath;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', (recent.event).id, 'type', (recent.event).type, 'report_type', (recent.event).report_type,
      'report_id', (recent.event).report_id, 'applied_at', private.iso_time((recent.event).applied_at),
      'effect', (recent.event).effect,
      'values', case when p_paths is not null then private.filter_values(seen.document, p_paths) end,
      'matches', case when p_filter_path is not null then private.filter_matches(seen.document, v_path) end,
      'bodies', case when p_endpoint_id is not null then (
        select jsonb_agg(private.body_of(recent.event, version, 'thin') order by version) from generate_series(0, 2) version) end)
      order by (recent.event).applied_at desc, (recent.event).id desc), '[]')
    from (
      select event from (
        select event from public.report_events event
        where event.effect is not null order by event.applied_at desc, event.id desc limit c_examined) newest
      where (newest.event).channel <> 'import'
        and ((newest.event).erased_at is null or (newest.event).type = 'report.deleted')
        -- Filters do not apply to deletions.
        and (p_filter_path is null or (newest.event).type <> 'report.deleted')
        and (p_endpoint_id is null or exists (
          select from public.webhook_deliveries where event_id = (newest.event).id and endpoint_id = p_endpoint_id))
      limit p_limit) recent
    left join private.report_contents content on content.event_id = (recent.event).id
    cross join lateral private.filter_document(recent.event, content.research_metadata) seen (document));
end
$$;

comment on function public.event_samples(int, text, text[], text) is
  'The newest of the last thousand events, for a trial. With p_paths and p_filter_path: what a filter sees at these paths, and whether it matches. With p_endpoint_id: only events that this subscriber was sent, each with its bodies by format version, the oldest first and without the content.';
revoke all on function public.event_samples(int, text, text[], text) from public, anon, authenticated, service_role;
grant execute on function public.event_samples(int, text, text[], text) to service_role;

-- supabase/sql/deliver/explain_fan_out.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.explain_fan_out(p_endpoint_id text, p_event_id text, p_paths text[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_event public.report_events;
  v_subscriber private.subscribers;
  v_settings private.endpoint_revisions;
  v_owner uuid;
  v_document jsonb;
begin
  select * into v_event from public.report_events where id = p_event_id;
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_event.id is null then
    return '{"outcome": "event_not_found"}';
  elsif v_subscriber.endpoint_id is null then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  select * into v_settings from private.settings_in_force(v_event.settings_revision) where endpoint_id = p_endpoint_id;
  execute format('select user_id from public.%I where id = $1', private.report_table(v_event.report_type))
  into v_owner using v_event.report_id;
  if v_event.erased_at is null or v_event.type = 'report.deleted' then
    v_document := private.filter_document(
      v_event, (select research_metadata from private.report_contents where event_id = v_event.id));
  end if;
  return jsonb_build_object(
    'outcome', 'explained',
    'event', jsonb_build_object(
      'id', v_event.id, 'type', v_event.type, 'report_type', v_event.report_type, 'report_id', v_event.report_id,
      'stage', v_event.stage, 'status', case when v_event.type = 'report.deleted' then 'deleted' else v_event.status end,
      'channel', v_event.channel, 'effect', v_event.effect,
      'position', v_event.position, 'applied_at', private.iso_time(v_event.applied_at), 'bulk', v_event.bulk,
      'erased_at', private.iso_time(v_event.erased_at)),
    'endpoint', jsonb_build_object(
      'state', v_subscriber.state, 'state_reason', v_subscriber.state_reason,
      'created_at', private.iso_time(v_subscriber.created_at), 'verified_at', private.iso_time(v_subscriber.verified_at),
      'circuit_open_since', (
        select private.iso_time(opened_at) from public.webhook_circuits where endpoint_id = p_endpoint_id)),
    'revision', v_settings.id, 'takes_events', v_settings.takes_events, 'change', v_settings.change,
    'settings', case when v_settings.id is not null then private.settings_view(v_settings) end,
    -- Null: the report is deleted, so its owner at that time is no longer known.
    'is_owner', case when v_settings.owner_id is not null then v_settings.owner_id = v_owner end,
    'matches', v_settings.id is not null and v_settings.takes_events and private.selects_event(v_settings, v_event, v_owner),
    -- Null in the next two as well if the content is erased.
    'filter_matches', case when v_settings.filter_path is not null and v_document is not null
      then private.filter_matches(v_document, v_settings.filter_path) end,
    'values', case when v_document is not null and p_paths is not null then private.filter_values(v_document, p_paths) end,
    'is_pending', v_event.type = 'report.deleted' and exists (
      select from private.erasures where report_id = v_event.report_id and report_type = v_event.report_type),
    'fault', (select error from private.filter_faults where endpoint_id = p_endpoint_id and event_id = p_event_id limit 1),
    'deliveries', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'delivery_id', id, 'plan', plan, 'status', status, 'attempts', attempts, 'dead_reason', dead_reason,
        'format_version', format_version, 'waits_for', (
          select event_id from public.webhook_deliveries earlier where earlier.id = delivery.waits_for),
        'last_attempt', private.iso_time(last_attempt), 'next_attempt', private.iso_time(next_attempt)) order by plan), '[]')
      from public.webhook_deliveries delivery where event_id = p_event_id and endpoint_id = p_endpoint_id));
end
$$;

comment on function public.explain_fan_out(text, text, text[]) is
  'The facts about an event and a subscriber: the event, the settings in force for it, whether its filter matches and what it sees at p_paths, and its deliveries. The caller puts them into words. Returns {outcome: explained|event_not_found|endpoint_not_found, …}.';
revoke all on function public.explain_fan_out(text, text, text[]) from public, anon, authenticated, service_role;
grant execute on function public.explain_fan_out(text, text, text[]) to service_role;

-- supabase/sql/deliver/fan_out.sql
-- Only inserts. The event itself has the revision of the settings in force, so the result is the same whenever this runs.
create or replace function private.fan_out(p_event public.report_events, p_owner uuid default null)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  -- Delay of an edit: an owner who goes on typing makes several, and only the last one should be sent.
  c_quiet constant interval := '2 minutes';
  v_asks record;
  v_owner uuid := p_owner;
  v_document jsonb;
begin
  if p_event.settings_revision is null or p_event.bulk then
    return;
  end if;
  select bool_or(owner_id is not null) as owner, bool_or(filter is not null) as document into v_asks
  from private.settings_in_force(p_event.settings_revision) where takes_events;
  if v_asks.owner and v_owner is null then
    execute format('select user_id from public.%I where id = $1', private.report_table(p_event.report_type))
    into v_owner using p_event.report_id;
  end if;
  if v_asks.document then
    begin
      v_document := private.filter_document(
        p_event, (select research_metadata from private.report_contents where event_id = p_event.id));
    exception when others then
      -- A failing filter must not undo the effect: it counts as no match.
      insert into private.filter_faults (endpoint_id, event_id, error)
      select endpoint_id, p_event.id, "left"(sqlerrm, 200)
      from private.settings_in_force(p_event.settings_revision) where takes_events and filter is not null;
    end;
  end if;
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, position, format_version, body, next_attempt, created_xid)
  select p_event.id, endpoint_id, p_event.report_type, p_event.report_id, p_event.job_id, p_event.position, format_version, body,
    case when p_event.type = 'report.owner.edited' then p_event.applied_at + c_quiet else now() end, pg_current_xact_id()
  from private.settings_in_force(p_event.settings_revision) settings
  where takes_events and private.selects_event(settings, p_event, v_owner)
    and (filter_path is null or p_event.type = 'report.deleted' or coalesce(private.filter_matches(v_document, filter_path), false))
  -- A sweep fans out a deletion, and may repeat that.
  on conflict (event_id, endpoint_id, plan) do nothing;
end
$$;

comment on function private.fan_out(public.report_events, uuid) is
  'Makes a delivery of an event for each subscriber whose settings match: in the transaction of its effect, or for a deletion in that of the sweep. p_owner: of the report, where the caller knows it, or the report was deleted.';
revoke all on function private.fan_out(public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_document.sql
create or replace function private.filter_document(p_event public.report_events, p_metadata jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  -- The metadata is not reduced to what a filter may see: the compiled path reads only its own members, and handles absent
  -- values itself.
  return jsonb_build_object(
    'type', p_event.type, 'report_type', p_event.report_type, 'stage', p_event.stage,
    'status', case when p_event.type = 'report.deleted' then 'deleted' else p_event.status end,
    'channel', p_event.channel, 'metadata', p_metadata);
end
$$;

comment on function private.filter_document(public.report_events, jsonb) is
  'The data of an event that filters of subscribers see: {type, report_type, stage, status, channel, metadata}.';
revoke all on function private.filter_document(public.report_events, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_matches.sql
create or replace function private.filter_matches(p_document jsonb, p_path jsonpath)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- Silent: otherwise a member of another type would abort the transaction of the effect. A path with a variable raises an
  -- error even so; compiled paths have none.
  return coalesce(jsonb_path_match(p_document, p_path, silent => true), false);
end
$$;

comment on function private.filter_matches(jsonb, jsonpath) is
  'Whether a compiled filter (src/server/deliver/filters/compile.ts) matches a filter_document(). An undecidable filter is no match, and no error.';
revoke all on function private.filter_matches(jsonb, jsonpath) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_values.sql
create or replace function private.filter_values(p_document jsonb, p_paths text[])
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_values jsonb := '[]';
  v_path text;
  v_name text;
  v_value jsonb;
begin
  foreach v_path in array p_paths loop
    v_value := p_document;
    foreach v_name in array string_to_array(v_path, '.') loop
      -- For an array, -> with a text returns null.
      v_value := v_value -> v_name;
    end loop;
    v_values := v_values || jsonb_build_array(case
      when v_value is null or jsonb_typeof(v_value) in ('object', 'array') then null
      -- Numbers as text: JavaScript would round a JSON number.
      when jsonb_typeof(v_value) = 'string' and length(v_value #>> '{}') > 256 then null
      else jsonb_build_array(jsonb_typeof(v_value), v_value #>> '{}') end);
  end loop;
  return v_values;
end
$$;

comment on function private.filter_values(jsonb, text[]) is
  'The values that a filter sees at these paths of a filter_document(), each [type, text], or null where the member is absent: for the explanation of a decision.';
revoke all on function private.filter_values(jsonb, text[]) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/fits_endpoint.sql
create or replace function private.fits_endpoint(p_event public.report_events)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_body_bytes constant int := 1048576;
  v_content private.report_contents;
  v_text text;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if not private.is_job_id(p_event.job_id)
    or p_event.status = 'completed' and private.is_blank(v_content.research_report)
    or jsonb_typeof(v_content.research_metadata) not in ('object', 'null')
  then
    return false;
  end if;
  -- 98 levels below the metadata are 100 levels of the body, the limit for reading it. This check comes first, since the
  -- following ones recurse to the same depth.
  if jsonb_path_exists(v_content.research_metadata, 'strict $.**{98} ? (@.type() == "object" || @.type() == "array")') then
    return false;
  end if;
  if octet_length(private.envelope(p_event)) > c_body_bytes then
    return false;
  end if;
  -- Searches the printed text: a query for every number would take time quadratic in their count. Most texts contain no such
  -- run of digits; in the others, runs inside of strings do not count.
  v_text := coalesce(v_content.research_metadata::text, '');
  return v_text !~ '[0-9.]{65}' or regexp_replace(v_text, '"(?:[^"\\]|\\.)*"', '', 'g') !~ '(?:[0-9]\.?){65}';
end
$$;

comment on function private.fits_endpoint(public.report_events) is
  'Whether our own endpoint would read the body of an imported event: the limits of docs/contract.md, said in SQL for contents that never passed them. The caller asks has_long_number() first: this prints the content.';
revoke all on function private.fits_endpoint(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/holds_back.sql
create or replace function private.holds_back(p_delivery_id bigint)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from public.webhook_deliveries
    where id = p_delivery_id
      and (status not in ('success', 'superseded', 'cancelled') and dead_at is null or not private.lease_is_free(lease_expires_at)));
end
$$;

comment on function private.holds_back(bigint) is
  'Whether later deliveries of the same report must wait: this one is open, or its POST is under way.';
revoke all on function private.holds_back(bigint) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/in_flight_allowed.sql
create or replace function private.in_flight_allowed(p_limit double precision, p_limited_at timestamptz)
returns int
language plpgsql stable set search_path = '' as $$
declare
  v_policy record := private.sending_policy();
begin
  return least(
    v_policy.subscriber_in_flight,
    floor(p_limit * power(2, least(extract(epoch from now() - p_limited_at) / v_policy.in_flight_doubles_each_seconds, 30))));
end
$$;

comment on function private.in_flight_allowed(double precision, timestamptz) is
  'How many deliveries may be sent to a subscriber at once. The number grows with time, so that the good path writes nothing.';
revoke all on function private.in_flight_allowed(double precision, timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_address_checked.sql
create or replace function private.is_address_checked(p_endpoint_id text)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from private.endpoint_revisions settings
    join private.endpoint_checks checked on checked.endpoint_id = settings.endpoint_id and checked.url = settings.url and checked.passed
    where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null);
end
$$;

comment on function private.is_address_checked(text) is
  'Whether the present URL of a subscriber has passed a check. Nothing is sent to one that has not.';
revoke all on function private.is_address_checked(text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_closed.sql
create or replace function private.is_closed(p_dead_reason text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_dead_reason in ('report_deleted', 'content_erased', 'import', 'unsendable');
end
$$;

comment on function private.is_closed(text) is
  'Whether a dead letter of this reason is closed: no retry and no redrive could ever end in a success. Null: it is no dead letter.';
revoke all on function private.is_closed(text) from public, anon, authenticated, service_role;
grant execute on function private.is_closed(text) to authenticated;

-- supabase/sql/deliver/is_endpoint_to_blame.sql
create or replace function private.is_endpoint_to_blame(p_endpoint_id text, p_attempts jsonb)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return p_attempts @> '[{"status": 410}]'
    or exists (select from public.webhook_circuits where endpoint_id = p_endpoint_id and opened_at is not null)
    or exists (
      select from private.subscribers
      where endpoint_id = p_endpoint_id
        -- The endpoint has accepted nothing for nearly as long as the whole schedule takes.
        and (state <> 'active' or failing_since < now() - interval '20 hours'));
end
$$;

comment on function private.is_endpoint_to_blame(text, jsonb) is
  'Whether a failed round is the fault of the endpoint, which is gone, paused or down, and not of its event. Such a round uses no slot: no delivery becomes a dead letter because its subscriber is unavailable.';
revoke all on function private.is_endpoint_to_blame(text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_overtaken.sql
create or replace function private.is_overtaken(p_delivery public.webhook_deliveries)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
      select from private.endpoint_revisions
      where endpoint_id = p_delivery.endpoint_id and superseded_by is null and mode = 'latest')
    and exists (
      select from public.webhook_deliveries later
      where later.endpoint_id = p_delivery.endpoint_id and later.report_id = p_delivery.report_id
        and later.report_type = p_delivery.report_type and later.plan = 0 and later.position > p_delivery.position
        and later.status not in ('success', 'superseded', 'cancelled') and later.dead_at is null);
end
$$;

comment on function private.is_overtaken(public.webhook_deliveries) is
  'Whether a newer one of its report waits, for a subscriber that wants the latest only.';
revoke all on function private.is_overtaken(public.webhook_deliveries) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_planned.sql
create or replace function private.is_planned(p_delivery public.webhook_deliveries, p_kind text, p_until timestamptz)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  if p_delivery.dead_at is not null then
    return p_delivery.dead_at <= p_until and not private.is_closed(p_delivery.dead_reason);
  end if;
  return p_kind = 'retry' and p_delivery.status not in ('success', 'superseded', 'cancelled')
    and p_delivery.created_at <= p_until
    -- A delivery sent since then has been retried; one that is due or being sent needs no plan.
    and (p_delivery.last_attempt is null or p_delivery.last_attempt <= p_until)
    and p_delivery.next_attempt > now() and private.lease_is_free(p_delivery.lease_expires_at);
end
$$;

comment on function private.is_planned(public.webhook_deliveries, text, timestamptz) is
  'Whether a plan that was requested at p_until is about this delivery. redrive: dead letters. retry: also what waits for its slot. Closed dead letters are in none.';
revoke all on function private.is_planned(public.webhook_deliveries, text, timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_shown_delivery.sql
create or replace function private.is_shown_delivery(p_delivery public.webhook_deliveries)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return not exists (
    select from public.webhook_deliveries later
    where later.position is null and later.report_id = p_delivery.report_id and later.report_type = p_delivery.report_type
      and later.id > p_delivery.id);
end
$$;

comment on function private.is_shown_delivery(public.webhook_deliveries) is
  'Whether a delivery to our own endpoints is the latest one of its report, whose state the report shows. The caller holds the report''s lock.';
revoke all on function private.is_shown_delivery(public.webhook_deliveries) from public, anon, authenticated, service_role;

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
  -- Alerts report when waiting deliveries will be given up.
  update private.watch_state set pause_max_days = p_pause_max_days where only_row and pause_max_days <> p_pause_max_days;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'unverified' and created_at < now() - v_policy.unverified_for
    order by endpoint_id limit p_limit
  loop
    -- Lock order: every new revision takes this lock before rows of subscribers. The check may have passed since the query.
    perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
    continue when not exists (
      select from private.subscribers where endpoint_id = v_endpoint.endpoint_id and state = 'unverified');
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'removed', 'never_verified', 'sweep');
    v_removed := v_removed + 1;
  end loop;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'active' and failing_since < now() - v_policy.paused_after
      and private.was_sent_lately(endpoint_id)
    order by endpoint_id limit p_limit for no key update skip locked
  loop
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'paused', 'failing', 'sweep');
    v_paused := v_paused + 1;
  end loop;
  -- Ends deliveries that a paused subscriber has kept waiting for too long. A person can still redrive them while their
  -- content exists.
  for v_id in
    select id from public.webhook_deliveries
    where id in (
      -- The oldest of each subscriber, in the order of an index: most of a backlog is younger.
      select delivery.id from private.subscribers subscriber
      cross join lateral (
        select id from public.webhook_deliveries
        where endpoint_id = subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          and next_attempt < now() - make_interval(days => p_pause_max_days)
          and created_at < now() - make_interval(days => p_pause_max_days)
        order by next_attempt limit p_limit) delivery
      where subscriber.state in ('paused', 'active')
      limit p_limit)
    order by id for update skip locked
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
    select id from public.webhook_deliveries
    where id in (
      select delivery.id from private.subscribers subscriber
      cross join lateral (
        select id from public.webhook_deliveries
        where endpoint_id = subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        order by next_attempt limit p_limit) delivery
      where subscriber.state = 'removed'
      limit p_limit)
    order by id for update skip locked
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  -- Wakes deliveries that were left parked because the one that ended the earlier delivery could not lock them.
  for v_id in
    select parked.id from public.webhook_deliveries parked
    join public.webhook_deliveries earlier on earlier.id = parked.waits_for
    -- The same condition as holds_back(), without a call for each of many deliveries that are rightly parked.
    where (earlier.dead_at is not null or earlier.status in ('success', 'superseded', 'cancelled'))
      and (earlier.lease_expires_at is null or earlier.lease_expires_at < now())
    order by parked.id limit p_limit for update of parked skip locked
  loop
    perform private.move_delivery(v_id, 'woken');
    v_woken := v_woken + 1;
  end loop;
  delete from private.endpoint_secrets where expires_at < now() - interval '1 day';
  return jsonb_build_object(
    'paused', v_paused, 'removed', v_removed, 'expired', v_expired, 'cancelled', v_cancelled, 'woken', v_woken,
    -- v_cancelled is the sum of two limits.
    'more', p_limit <= greatest(v_expired, v_cancelled, v_woken));
end
$$;

comment on function public.keep_subscribers(int, int) is
  'Time-based changes of subscribers: pauses those that accept nothing for days, removes those that never passed a check, ends deliveries that waited longer than p_pause_max_days, cancels those of removed subscribers, wakes forgotten ones. Returns how many of each, and more: call again.';
revoke all on function public.keep_subscribers(int, int) from public, anon, authenticated, service_role;
grant execute on function public.keep_subscribers(int, int) to service_role;

-- supabase/sql/deliver/lease_is_free.sql
create or replace function private.lease_is_free(p_lease_expires_at timestamptz)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return p_lease_expires_at is null or p_lease_expires_at < now();
end
$$;

comment on function private.lease_is_free(timestamptz) is
  'Whether a lease that ends at this time is free. Null: there is no lease.';
revoke all on function private.lease_is_free(timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/list_endpoints.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.list_endpoints(p_endpoint_id text default null, p_with_removed boolean default false)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  return (
    select coalesce(jsonb_agg(private.subscriber_view(newest) order by newest.created_at desc, newest.endpoint_id), '[]')
    from (
      select * from private.subscribers
      where (p_endpoint_id is null or endpoint_id = p_endpoint_id) and (state <> 'removed' or p_with_removed)
      order by created_at desc, endpoint_id limit 1000) newest);
end
$$;

comment on function public.list_endpoints(text, boolean) is
  'The newest 1,000 subscribers, newest first, or one: what subscriber_view() says of each.';
revoke all on function public.list_endpoints(text, boolean) from public, anon, authenticated, service_role;
grant execute on function public.list_endpoints(text, boolean) to service_role;

-- supabase/sql/deliver/may_send.sql
create or replace function private.may_send(p_endpoint_id text)
returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_room int := private.sending_room(p_endpoint_id);
begin
  if v_room = 0 then
    return false;
  elsif v_room > 2 and not exists (
    select from private.endpoint_revisions
    where endpoint_id = p_endpoint_id and superseded_by is null and rate_per_second is not null)
  then
    -- Without a lock: concurrent callers may exceed a wide limit a little, which is harmless.
    return true;
  end if;
  -- With little room, one caller at a time, so that each sees the others' claims. A caller that does not get this lock does
  -- not wait.
  return pg_try_advisory_xact_lock(hashtextextended('polaris.send:' || p_endpoint_id, 0))
    and private.sending_room(p_endpoint_id) > 0;
end
$$;

comment on function private.may_send(text) is
  'Whether the caller, who claims a delivery in this transaction, may send to this endpoint now.';
revoke all on function private.may_send(text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/move_delivery.sql
-- Each transition, the state it leads to, and from where. `success`, `superseded` and `cancelled` are never left.
-- 
-- | transition | leads to                                                       | from                                        |
-- | ---------- | -------------------------------------------------------------- | ------------------------------------------- |
-- | claimed    | retrying, under a new lease and fencing token                  | any open state, dead letters too            |
-- | released   | what it was before its claim                                   | retrying, its holder's lease has run out     |
-- | delivered  | success                                                        | any open state, whoever says so: it is proof |
-- | failed     | failed, due at the next slot; a dead letter after the last one | its holder's claim                          |
-- | postponed  | what it was before its claim, due at the same slot, or after a pause: the endpoint is to blame | its holder's claim, subscribers only |
-- | unknown    | sent, due at the next slot; a dead letter after the last one   | its holder's claim                          |
-- | refused    | failed, a dead letter                                          | its holder's claim                          |
-- | skipped    | failed, due at the first slot                                  | any open state but a dead letter            |
-- | closed     | failed, a dead letter of the given reason; cancelled for subscribers whose report was deleted | any open state |
-- | erased     | as closed for content_erased; cancelled for subscribers, dead letters aside; no answer | any state; one that has ended or is closed stays |
-- | redriven   | failed, due now, at the beginning of its schedule              | a dead letter                               |
-- | brought_forward | unchanged, due now; its slot is not used                  | an open state that waits for its slot       |
-- | parked     | unchanged, not looked at until p_waits_for has ended           | an open state, subscribers only             |
-- | woken      | unchanged, looked at again                                     | parked                                      |
-- | superseded | superseded                                                     | any open state, subscribers only            |
-- | cancelled  | cancelled                                                      | any open state, subscribers only            |
-- 
-- p_token: the fencing token of a sender that records a round of p_posts attempts.
create or replace function private.move_delivery(
  p_delivery_id bigint, p_transition text, p_token bigint default null, p_posts int default 0,
  p_response jsonb default null, p_retry_after_seconds numeric default null, p_lease_seconds int default null,
  p_claim_id uuid default null, p_reason text default null, p_on_arrival boolean default false,
  p_waits_for bigint default null)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_old public.webhook_deliveries;
  v_new public.webhook_deliveries;
  -- Only the last claimer may record a failure.
  v_is_holder boolean;
  v_has_ended boolean;
  v_ends boolean;
begin
  select * into strict v_old from public.webhook_deliveries where id = p_delivery_id for update;
  v_is_holder := p_token = v_old.lease_token;
  v_has_ended := v_old.status in ('success', 'superseded', 'cancelled');
  v_new := v_old;

  -- The attempts of a round count in any case. One of them may have been counted when it arrived.
  if p_token is not null then
    v_new.attempts := v_old.attempts + p_posts - (v_old.counted_on_arrival and p_posts > 0)::int;
    v_new.counted_on_arrival := false;
    v_new.last_attempt := case when p_posts > 0 then now() else v_old.last_attempt end;
    if not v_has_ended or p_transition = 'delivered' then
      v_new.response := coalesce(p_response, v_old.response);
    end if;
    if v_has_ended and v_is_holder then
      v_new.lease_token := v_old.lease_token + 1;
      v_new.lease_expires_at := null;
    end if;
  end if;

  case p_transition
    when 'claimed' then
      if not v_has_ended then
        v_new.status := 'retrying';
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := now() + make_interval(secs => p_lease_seconds);
        v_new.claim_id := p_claim_id;
        v_new.claimed_at := now();
        v_new.counted_on_arrival := false;
        v_new.status_before_claim := case v_old.status when 'retrying' then v_old.status_before_claim else v_old.status end;
        -- A claimed dead letter is due again if its sender dies before recording the round.
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.next_attempt := coalesce(v_old.next_attempt, now());
      end if;
    when 'released' then
      -- The token stays: a slow holder may still record its round.
      if v_old.status = 'retrying' and private.lease_is_free(v_old.lease_expires_at) then
        v_new.status := coalesce(v_old.status_before_claim, 'failed');
        v_new.lease_expires_at := null;
      end if;
    when 'delivered' then
      if not v_has_ended then
        v_new.status := 'success';
        v_new.next_attempt := null;
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.claim_id := null;
        if p_on_arrival then
          -- The lease stays with the sender, which has yet to record the round.
          v_new.attempts := v_old.attempts + 1;
          v_new.counted_on_arrival := true;
          v_new.last_attempt := now();
          v_new.response := p_response;
        else
          v_new.lease_expires_at := null;
        end if;
      end if;
    when 'failed', 'unknown', 'refused' then
      if v_is_holder and not v_has_ended and v_old.dead_at is null then
        if p_transition = 'refused' then
          v_new.next_attempt := null;
        elsif v_old.next_attempt > now() then
          -- Retried before its slot: the slot remains, unless Retry-After asks for a later time.
          v_new.next_attempt := greatest(v_old.next_attempt, now() + private.retry_after(p_retry_after_seconds));
        else
          v_new.rounds := v_old.rounds + 1;
          v_new.next_attempt := private.next_attempt(v_new.rounds, p_retry_after_seconds);
        end if;
        v_new.status := case when p_transition = 'unknown' and v_new.next_attempt is not null then 'sent' else 'failed' end;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
        if v_new.next_attempt is null then
          v_new.dead_at := now();
          v_new.dead_reason := case p_transition when 'refused' then 'refused' else 'attempts_exhausted' end;
        end if;
      end if;
    when 'postponed' then
      if v_is_holder and not v_has_ended and v_old.dead_at is null then
        v_new.status := coalesce(v_old.status_before_claim, 'failed');
        v_new.next_attempt := greatest(
          v_old.next_attempt, now() + private.retry_after(p_retry_after_seconds),
          now() + (select circuit_pause from private.sending_policy()));
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'parked' then
      if not v_has_ended and v_old.dead_at is null then
        v_new.waits_for := p_waits_for;
      end if;
    when 'woken' then
      v_new.waits_for := null;
    when 'skipped' then
      if not v_has_ended and v_old.dead_at is null then
        -- It was not sent, so its whole schedule is left.
        v_new.status := 'failed';
        v_new.next_attempt := private.next_attempt(1, null);
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
        v_new.response := p_response;
      end if;
    when 'closed' then
      if not v_has_ended and v_old.dead_reason is distinct from p_reason then
        if v_old.position is not null and p_reason = 'report_deleted' then
          -- The event of type report.deleted informs the subscriber.
          v_new.status := 'cancelled';
          v_new.dead_at := null;
          v_new.dead_reason := null;
        else
          v_new.status := 'failed';
          v_new.dead_at := coalesce(v_old.dead_at, now());
          v_new.dead_reason := p_reason;
        end if;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'erased' then
      -- The answer may repeat the content.
      v_new.response := '{}';
      if not v_has_ended and private.is_closed(v_old.dead_reason) is not true then
        if v_old.dead_at is null
          and v_old.position is not null
        then
          v_new.status := 'cancelled';
        else
          v_new.status := 'failed';
          v_new.dead_at := coalesce(v_old.dead_at, now());
          v_new.dead_reason := 'content_erased';
        end if;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'redriven' then
      if v_old.dead_at is not null then
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.rounds := 0;
        v_new.redrives := v_old.redrives + 1;
        v_new.next_attempt := now();
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'brought_forward' then
      if not v_has_ended and v_old.dead_at is null and v_old.next_attempt > now()
        and private.lease_is_free(v_old.lease_expires_at)
      then
        -- The next failure counts this round again, so that bringing a delivery forward uses up no slot.
        v_new.rounds := greatest(v_old.rounds - 1, 0);
        v_new.next_attempt := now();
      end if;
    when 'superseded', 'cancelled' then
      if v_old.position is null then
        raise exception 'a delivery to our own endpoint cannot be %', p_transition using errcode = 'PL004';
      elsif not v_has_ended then
        v_new.status := p_transition;
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    else
      raise exception 'unknown transition %', p_transition using errcode = 'PL004';
  end case;

  v_ends := v_new.dead_at is not null or v_new.status in ('success', 'superseded', 'cancelled');
  if v_ends then
    v_new.waits_for := null;
    if v_old.position is not null and p_token is null and not private.lease_is_free(v_old.lease_expires_at) then
      -- A POST is in progress: until its sender records the outcome, the report's next delivery must not overtake it.
      v_new.lease_token := v_old.lease_token;
      v_new.lease_expires_at := v_old.lease_expires_at;
      v_new.claim_id := v_old.claim_id;
    end if;
  end if;
  if v_new is distinct from v_old then
    update public.webhook_deliveries
    set status = v_new.status, attempts = v_new.attempts, counted_on_arrival = v_new.counted_on_arrival,
      rounds = v_new.rounds, last_attempt = v_new.last_attempt, next_attempt = v_new.next_attempt, dead_at = v_new.dead_at,
      dead_reason = v_new.dead_reason, response = v_new.response, lease_token = v_new.lease_token,
      lease_expires_at = v_new.lease_expires_at, claim_id = v_new.claim_id, status_before_claim = v_new.status_before_claim,
      waits_for = v_new.waits_for, claimed_at = v_new.claimed_at, redrives = v_new.redrives
    where id = p_delivery_id
    returning * into v_new;
  end if;
  if v_ends and v_old.position is not null and private.lease_is_free(v_new.lease_expires_at) then
    -- The report's next deliveries may now be sent. Rows that another transaction changes are skipped, since waiting here,
    -- with other locks held, could deadlock; the next sweep wakes them. The key share lock of try_claim() does not conflict
    -- with this.
    update public.webhook_deliveries set waits_for = null
    where id in (
      select id from public.webhook_deliveries where waits_for = p_delivery_id order by id for no key update skip locked);
  end if;
  return v_new;
end
$$;

comment on function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean, bigint) is
  'The one writer of a delivery''s state.';
revoke all on function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean, bigint) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/move_endpoint.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.move_endpoint(p_endpoint_id text, p_state text, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' and p_state <> 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  elsif v_subscriber.state = 'unverified' and p_state <> 'removed'
    or p_state = 'active' and not private.is_address_checked(p_endpoint_id)
  then
    return '{"outcome": "endpoint_unverified"}';
  end if;
  v_subscriber := private.set_subscriber_state(p_endpoint_id, p_state, 'operator', p_actor);
  return jsonb_build_object('outcome', 'moved', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.move_endpoint(text, text, text) is
  'Pauses a subscriber (p_state paused), resumes it (active) or removes it (removed), for a person. Returns {outcome: moved|endpoint_not_found|endpoint_unverified, endpoint}; also where it is so already.';
revoke all on function public.move_endpoint(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.move_endpoint(text, text, text) to service_role;

-- supabase/sql/deliver/observe_subscriber.sql
create or replace function private.observe_subscriber(p_endpoint_id text, p_result text, p_attempts jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_subscriber private.subscribers;
  v_status int := (p_attempts #>> '{-1,status}')::int;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if p_attempts = '[]'
    -- An answer from an older URL says nothing about the present one. The audit does not store the queries of URLs.
    or split_part(p_attempts #>> '{-1,request,url}', '?', 1) <> (
      select split_part(url, '?', 1) from private.endpoint_revisions
      where endpoint_id = p_endpoint_id and superseded_by is null)
  then
    return;
  elsif p_result = 'delivered' then
    if p_attempts #> '{-2,request,headers}' ? 'content-encoding' then
      -- The subscriber refused the compressed body, and accepted the same event uncompressed.
      update private.subscribers set accepted_coding = null, coding_refused_at = now() where endpoint_id = p_endpoint_id;
    end if;
    if v_subscriber.failing_since is not null then
      update private.subscribers set failing_since = null where endpoint_id = p_endpoint_id;
    end if;
    return;
  end if;
  if v_subscriber.failing_since is null or v_status is null or v_status in (408, 410, 429) or v_status >= 500 then
    update private.subscribers
    set failing_since = coalesce(failing_since, now()),
      in_flight_limit = case when v_status is null or v_status in (408, 429) or v_status >= 500
        then greatest(1, private.in_flight_allowed(in_flight_limit, limited_at) / 2.0) else in_flight_limit end,
      limited_at = case when v_status is null or v_status in (408, 429) or v_status >= 500 then now() else limited_at end
    where endpoint_id = p_endpoint_id;
  end if;
  if v_status = 410 and v_subscriber.state = 'active' then
    perform private.set_subscriber_state(p_endpoint_id, 'paused', 'gone', 'subscriber');
  end if;
end
$$;

comment on function private.observe_subscriber(text, text, jsonb) is
  'Records a round''s signs about a subscriber: half as many in flight after a time-out, 429 or 5xx, since when it fails, its wish to hear no more (410), and that it refuses compressed bodies. The good path writes nothing.';
revoke all on function private.observe_subscriber(text, text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/owner_of.sql
create or replace function private.owner_of(p_report_type text, p_report_id uuid)
returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_owner uuid;
begin
  execute format('select user_id from public.%I where id = $1', private.report_table(p_report_type)) into v_owner using p_report_id;
  return v_owner;
end
$$;

comment on function private.owner_of(text, uuid) is
  'The owner of a report. Null: the report was deleted.';
revoke all on function private.owner_of(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/pause_unreadable_endpoint.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.pause_unreadable_endpoint(p_endpoint_id text)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  if exists (select from private.subscribers where endpoint_id = p_endpoint_id and state = 'active') then
    perform private.set_subscriber_state(p_endpoint_id, 'paused', 'secret_unreadable', 'sender');
  end if;
end
$$;

comment on function public.pause_unreadable_endpoint(text) is
  'Pauses a subscriber whose secret no key of the functions can open. Nothing is lost meanwhile.';
revoke all on function public.pause_unreadable_endpoint(text) from public, anon, authenticated, service_role;
grant execute on function public.pause_unreadable_endpoint(text) to service_role;

-- supabase/sql/deliver/plan_view.sql
create or replace function private.plan_view(p_plan public.plans)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return to_jsonb(p_plan) - '{request_id,position,faults,next_slice_at,applied_xid}'::text[];
end
$$;

comment on function private.plan_view(public.plans) is
  'A plan as people see it.';
revoke all on function private.plan_view(public.plans) from public, anon, authenticated, service_role;
grant execute on function private.plan_view(public.plans) to authenticated;

-- supabase/sql/deliver/planned_deliveries.sql
-- Also limits the number of examined deliveries: a plan that matches few of many must not read them all for each slice.
create or replace function private.planned_deliveries(
  p_kind text, p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int, p_limit int,
  out ids bigint[], out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
declare
  -- Each order has an index. Dead letters are sorted by dead_at, since they may be of any age.
  v_time text := case p_kind when 'redrive' then 'dead_at' else 'created_at' end;
  v_open text := case p_kind when 'redrive' then 'dead_at is not null' else $q$status not in ('success', 'superseded', 'cancelled')$q$ end;
begin
  execute format($query$
    with deliveries as materialized (
      select id, event_id, %1$I as at, created_at, dead_at, endpoint_id, report_type, dead_reason,
        case when dead_at is null then status else 'dead' end as status,
        response ->> 'status' as response_status, response ->> 'error' as error, private.is_planned(delivery, $1, $3) as is_planned
      from public.webhook_deliveries delivery
      where %2$s and %1$I <= $3
        and (%1$I, id) > (coalesce(($4 ->> 'at')::timestamptz, '-infinity'), coalesce(($4 ->> 'id')::bigint, 0))
        and ($2 -> 'event_ids' is null or event_id = any (array(select jsonb_array_elements_text($2 -> 'event_ids'))))
      order by %1$I, id
      limit $5
    ), matching as materialized (
      select id, at from deliveries
      where is_planned
        and ($2 -> 'status' is null or status = $2 ->> 'status')
        and ($2 -> 'report_type' is null or report_type = $2 ->> 'report_type')
        -- One look-up by key for each delivery: a subquery with `exists` could read the whole table of events instead.
        and ($2 -> 'stage' is null
          or (select stage from public.report_events event where event.id = deliveries.event_id) = $2 ->> 'stage')
        and ($2 -> 'endpoint_id' is null or endpoint_id = $2 ->> 'endpoint_id')
        and ($2 -> 'dead_reason' is null or dead_reason = $2 ->> 'dead_reason')
        and ($2 -> 'created_after' is null or created_at >= ($2 ->> 'created_after')::timestamptz)
        and ($2 -> 'created_before' is null or created_at < ($2 ->> 'created_before')::timestamptz)
        and ($2 -> 'dead_after' is null or dead_at >= ($2 ->> 'dead_after')::timestamptz)
        and ($2 -> 'dead_before' is null or dead_at < ($2 ->> 'dead_before')::timestamptz)
        and ($2 -> 'response_status' is null or error is not null and coalesce(response_status, 'none') = $2 ->> 'response_status')
        and ($2 -> 'error' is null or strpos(lower(error), lower($2 ->> 'error')) > 0)
        and ($2 -> 'cause' is null or private.cause_of(error) = $2 ->> 'cause')
      order by at, id
      limit $6
    )
    select coalesce((select array_agg(id) from matching), '{}'), (select count(*)::int from deliveries), (
      select jsonb_build_object('at', at, 'id', id)
      -- A full slice ends at its last match: deliveries examined beyond it are examined again.
      from (
        (select at, id from matching where (select count(*) from matching) = $6 order by at desc, id desc limit 1)
        union all
        (select at, id from deliveries where (select count(*) from matching) < $6 order by at desc, id desc limit 1)) ends)
    $query$, v_time, v_open)
  into ids, examined, last
  using p_kind, p_filter, p_until, p_after, p_examined, p_limit;
end
$$;

comment on function private.planned_deliveries(text, jsonb, timestamptz, jsonb, int, int) is
  'Of up to p_examined deliveries after p_after, oldest first, up to p_limit that a plan of this kind and filter is about: their ids, how many were looked at, and the p_after of the next call.';
revoke all on function private.planned_deliveries(text, jsonb, timestamptz, jsonb, int, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/preview_replay.sql
create or replace function private.preview_replay(p_filter jsonb)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- Limit of pairs of event and endpoint. With 20 endpoints, examining more could exceed the time of a call.
  c_pairs constant int := 20000;
  c_examined constant int := c_pairs / greatest(cardinality(private.texts_of(p_filter -> 'endpoint_ids')), 1);
  v_found record := private.replayed_events(p_filter, now(), null, c_examined);
begin
  return (
    with found as materialized (
      select * from jsonb_to_recordset(v_found.replayed) as item (
        event_id text, endpoint_id text, applied_at timestamptz, type text, report_type text, report_id uuid, is_there boolean,
        bytes bigint)
    ), paces as (
      select endpoint_id, count(*) filter (where is_there) as deliveries,
        -- Events per second: the rate, or the pace of the last hundred rounds with the maximum number in flight.
        least((p_filter ->> 'rate_per_second')::numeric, (
            select rate_per_second from private.endpoint_revisions settings
            where settings.endpoint_id = found.endpoint_id and superseded_by is null),
          coalesce((
            select (select subscriber_in_flight from private.sending_policy()) * 1000 / greatest(avg(duration_ms), 1)
            from (
              select duration_ms from public.webhook_audit
              where direction = 'out' and endpoint_id = found.endpoint_id order by created_at desc limit 100) rounds), 10)) as pace
      from found group by endpoint_id
    )
    select jsonb_build_object(
      'is_whole', v_found.examined < c_examined,
      'events', (select count(distinct event_id) from found),
      'deliveries', (select count(*) from found where is_there),
      'erased', (select count(*) from found where not is_there),
      'bytes', (select coalesce(sum(bytes), 0) from found where is_there),
      'confirmed', (
        select count(*) from found where exists (
          select from public.webhook_deliveries delivery
          where delivery.event_id = found.event_id and delivery.endpoint_id = found.endpoint_id and delivery.status = 'success')),
      'expected_seconds', (select coalesce(ceil(max(deliveries / greatest(pace, 0.01))), 0) from paces),
      'samples', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'event_id', event_id, 'endpoint_id', endpoint_id, 'type', type, 'report_type', report_type, 'report_id', report_id,
          'applied_at', private.iso_time(applied_at))), '[]')
        from (select * from found where is_there order by applied_at, event_id limit 10) sample)));
end
$$;

comment on function private.preview_replay(jsonb) is
  'The preview of a replay with this filter: events, deliveries, erased ones, about how many bytes, how many were confirmed already, how long it would take, ten samples. is_whole: false, more match than the 20,000 pairs of an event and an endpoint that were looked at.';
revoke all on function private.preview_replay(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/put_back.sql
create or replace function private.put_back(p_delivery public.webhook_deliveries, p_actor text, p_asked jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.move_delivery(p_delivery.id, 'redriven');
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'redriven', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'redrive', 'dead_at', p_delivery.dead_at, 'dead_reason', p_delivery.dead_reason) || p_asked,
    p_error => p_delivery.response ->> 'error', p_attempt_number => p_delivery.attempts);
end
$$;

comment on function private.put_back(public.webhook_deliveries, text, jsonb) is
  'Redrives a dead letter, whose lock the caller holds, and audits it. p_asked names the call or the plan that asked for it.';
revoke all on function private.put_back(public.webhook_deliveries, text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/read_events.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.read_events(
  p_read_token_sha256 text, p_limit int, p_after jsonb default null, p_event_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- A page of one body may have 2 MB, and escaping doubles quotes; Vercel's functions answer at most 4.5 MB.
  c_bytes constant int := 1048576;
  v_subscriber private.subscribers;
  -- For a single event nothing can be missed: the receiver of a thin body asks at once, whatever transactions are in
  -- progress.
  v_horizon xid8 := case when p_event_id is null then pg_snapshot_xmin(pg_current_snapshot()) else '18446744073709551615'::xid8 end;
  v_row record;
  v_is_erased boolean;
  v_body text;
  v_bytes int := 0;
  v_events jsonb := '[]';
  v_next jsonb := p_after;
  v_has_more boolean := false;
begin
  select * into v_subscriber from private.subscribers where read_token_sha256 = p_read_token_sha256;
  if v_subscriber.endpoint_id is null then
    return '{"outcome": "invalid_token"}';
  end if;
  for v_row in
    select delivery.id as delivery_id, delivery.created_xid, delivery.position, delivery.plan, delivery.format_version,
      delivery.plan = 0 and delivery.status = 'cancelled' as is_cancelled, delivery.body as form, event
    from public.webhook_deliveries delivery
    join public.report_events event on event.id = delivery.event_id
    where delivery.endpoint_id = v_subscriber.endpoint_id and delivery.created_xid < v_horizon
      and (delivery.created_xid, delivery.id)
        > (coalesce((p_after ->> 'xid')::xid8, '0'), coalesce((p_after ->> 'id')::bigint, 0))
      and (p_event_id is null or delivery.event_id = p_event_id)
    order by delivery.created_xid, delivery.id
    limit p_limit + 1
  loop
    if jsonb_array_length(v_events) >= p_limit then
      v_has_more := true;
      exit;
    end if;
    -- Erased events have no content, and cancelled ones are about to lose it. They are still listed.
    v_is_erased := ((v_row.event).erased_at is not null or v_row.is_cancelled) and (v_row.event).type <> 'report.deleted';
    v_body := case when not v_is_erased
      then private.body_of(v_row.event, v_row.format_version, case when p_event_id is null then v_row.form else 'full' end) end;
    v_bytes := v_bytes + coalesce(octet_length(v_body), 0);
    if v_bytes > c_bytes and v_events <> '[]' then
      v_has_more := true;
      exit;
    end if;
    v_events := v_events || jsonb_build_object(
      'id', (v_row.event).id, 'position', v_row.position, 'plan', v_row.plan, 'format_version', v_row.format_version,
      'timestamp', private.iso_time((v_row.event).created_at), 'body', v_body,
      'gone', case
        when v_body is not null then null
        when v_is_erased then 'content_erased' else 'content_unsendable' end);
    v_next := jsonb_build_object('xid', v_row.created_xid::text, 'id', v_row.delivery_id);
  end loop;
  return jsonb_build_object('outcome', 'read', 'endpoint_id', v_subscriber.endpoint_id, 'events', v_events, 'next', v_next, 'has_more', v_has_more);
end
$$;

comment on function public.read_events(text, int, jsonb, text) is
  'What was or will be sent to the subscriber of this token, from p_after on, in the order in which it was committed, up to the oldest transaction that runs: nothing can come before the cursor any more. With p_event_id that event alone, in full. Returns {outcome: read|invalid_token, events: [{id, position, plan, format_version, timestamp, body, gone}], next, has_more}; it has at most 1 MB of bodies, or one event.';
revoke all on function public.read_events(text, int, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.read_events(text, int, jsonb, text) to service_role;

-- supabase/sql/deliver/read_settings.sql
create or replace function private.read_settings(p_endpoint_id text, p_settings jsonb, p_filter_path text)
returns private.endpoint_revisions
language plpgsql stable set search_path = '' as $$
declare
  v_settings private.endpoint_revisions;
  v_events jsonb := coalesce(p_settings -> 'events', '{}');
begin
  v_settings.endpoint_id := p_endpoint_id;
  v_settings.url := p_settings ->> 'url';
  v_settings.description := p_settings ->> 'description';
  v_settings.types := private.texts_of(v_events -> 'types');
  v_settings.report_types := private.texts_of(v_events -> 'report_types');
  v_settings.stages := private.texts_of(v_events -> 'stages');
  v_settings.statuses := private.texts_of(v_events -> 'statuses');
  v_settings.owner_id := (v_events ->> 'owner_id')::uuid;
  v_settings.takes_superseded := coalesce((v_events ->> 'superseded')::boolean, false);
  v_settings.filter := nullif(p_settings -> 'filter', 'null');
  v_settings.filter_path := p_filter_path::jsonpath;
  v_settings.format_version := (p_settings ->> 'format_version')::int;
  v_settings.body := p_settings ->> 'body';
  v_settings.mode := p_settings ->> 'mode';
  v_settings.rate_per_second := (p_settings ->> 'rate_per_second')::int;
  v_settings.compression := coalesce(p_settings ->> 'compression', 'none');
  return v_settings;
end
$$;

comment on function private.read_settings(text, jsonb, text) is
  'Settings as a function of ours hands them over: checked there, and by the constraints of the table here.';
revoke all on function private.read_settings(text, jsonb, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/record_delivered_rounds.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
-- Takes the locks of several records, out of order. lock_timeout is shorter than deadlock_timeout, so no deadlock can last.
create or replace function public.record_delivered_rounds(p_rounds jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' set lock_timeout = '50ms' as $$
declare
  v_round record;
  v_answers jsonb := '[]';
begin
  for v_round in
    select (value ->> 'delivery_id')::bigint as delivery_id, (value ->> 'delivery_token')::bigint as token,
      value -> 'attempts' as attempts, number
    from jsonb_array_elements(p_rounds) with ordinality round (value, number)
    order by 1
  loop
    begin
      v_answers := v_answers || jsonb_build_object('number', v_round.number, 'recorded',
        public.record_delivery_attempts(v_round.delivery_id, v_round.token, 'delivered', v_round.attempts));
    exception when others then
      -- Null: the caller records this round separately, which may wait for locks and reports the error.
      v_answers := v_answers || jsonb_build_object('number', v_round.number, 'recorded', null);
    end;
  end loop;
  return (select coalesce(jsonb_agg(one -> 'recorded' order by (one ->> 'number')::int), '[]')
    from jsonb_array_elements(v_answers) one);
end
$$;

comment on function public.record_delivered_rounds(jsonb) is
  'Records rounds that ended as delivered: [{delivery_id, delivery_token, attempts}]. Returns what record_delivery_attempts() answers for each, in the order asked; null for one that was not recorded and must be by itself. One that fails harms no other.';
revoke all on function public.record_delivered_rounds(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_delivered_rounds(jsonb) to service_role;

-- supabase/sql/deliver/record_delivery_attempts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_delivery_attempts(
  p_delivery_id bigint, p_delivery_token bigint, p_result text, p_attempts jsonb,
  p_retry_after_seconds numeric default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_posts int := jsonb_array_length(p_attempts);
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
  v_attempt jsonb;
  v_number int := 0;
  v_applied jsonb;
begin
  select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;
  select * into strict v_event from public.report_events where id = v_delivery.event_id;
  if exists (select from public.webhook_audit where delivery_id = p_delivery_id and round = p_delivery_token) then
    -- Repeated call: this round is already recorded.
    return jsonb_build_object(
      'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', v_event.effect);
  end if;
  if v_event.erased_at is not null then
    -- The answer may repeat the erased content.
    select coalesce(jsonb_agg(attempt - '{response,error}'::text[] order by number), '[]') into p_attempts
    from jsonb_array_elements(p_attempts) with ordinality as sent (attempt, number);
  end if;
  for v_attempt in select value from jsonb_array_elements(p_attempts) loop
    v_number := v_number + 1;
    perform private.add_audit(
      p_direction => 'out', p_endpoint_id => v_delivery.endpoint_id, p_event_id => v_event.id,
      p_outcome => case
        when v_number = v_posts and p_result <> 'failed' then p_result
        -- The endpoint works and rejected the event: that does not count against the endpoint.
        when v_attempt -> 'authentic' = 'true' then 'rejected'
        else 'failed'
      end,
      p_job_id => v_delivery.job_id, p_report_type => v_delivery.report_type, p_report_id => v_delivery.report_id,
      p_delivery_id => p_delivery_id, p_round => p_delivery_token,
      p_payload => jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest)
        || coalesce(nullif(v_attempt -> 'request', 'null'), '{}'),
      p_response_status => (v_attempt ->> 'status')::int, p_response_body => nullif(v_attempt -> 'response', 'null'),
      p_error => v_attempt ->> 'error',
      p_attempt_number => v_delivery.attempts + v_number - v_delivery.counted_on_arrival::int,
      p_duration_ms => (v_attempt ->> 'duration_ms')::numeric, p_trace_id => v_event.trace_id,
      p_span_id => v_attempt ->> 'span_id');
  end loop;
  v_delivery := private.move_delivery(
    p_delivery_id,
    case when v_delivery.position is not null and p_result in ('failed', 'unknown')
      and private.is_endpoint_to_blame(v_delivery.endpoint_id, p_attempts)
      then 'postponed' else p_result end,
    p_token => p_delivery_token, p_posts => v_posts,
    -- Shown to the report's owner, who should not see our address and headers.
    p_response => p_attempts -> -1 #- '{request}' #- '{response,headers}', p_retry_after_seconds => p_retry_after_seconds);
  if v_event.effect is null then
    v_applied := public.apply_report_event(v_event.id, 'direct');
    if v_applied ->> 'outcome' = 'duplicate' then
      -- The event's content was erased before the event was applied, so the event has no effect.
      v_applied := null;
    end if;
  end if;
  perform private.observe_attempts(v_delivery, p_delivery_token, p_attempts);
  if v_delivery.position is not null then
    perform private.observe_subscriber(v_delivery.endpoint_id, p_result, p_attempts);
  end if;
  return jsonb_build_object(
    'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', coalesce(v_applied ->> 'outcome', v_event.effect),
    'outward', v_applied ->> 'outward');
end
$$;

comment on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) is
  'Records a round of attempts, which ends as p_result (delivered, failed, unknown, refused) and schedules the next, and applies the event if nothing has: the direct update. A repeated call is recognised by the delivery and its token.';
revoke all on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) from public, anon, authenticated, service_role;
grant execute on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) to service_role;

-- supabase/sql/deliver/record_endpoint_check.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_endpoint_check(p_check_id bigint, p_passed boolean, p_probes jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_check private.endpoint_checks;
  v_subscriber private.subscribers;
  v_accepts_coding boolean;
begin
  -- Before any row lock, as in every change of settings: the result of the check must apply to the URL in force, or not at
  -- all.
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  update private.endpoint_checks set finished_at = now(), passed = p_passed, probes = p_probes
  where id = p_check_id and finished_at is null
  returning * into v_check;
  if v_check.id is null then
    select * into strict v_check from private.endpoint_checks where id = p_check_id;
  else
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when p_passed then 'endpoint_check_passed' else 'endpoint_check_failed' end,
      p_endpoint_id => v_check.endpoint_id, p_actor => v_check.actor,
      p_payload => jsonb_build_object('endpoint', 'endpoints', 'check', v_check.id));
    select probe -> 'ok' = 'true' into v_accepts_coding from jsonb_array_elements(p_probes) probe where probe ->> 'name' = 'compressed';
    if v_accepts_coding is not null then
      update private.subscribers subscriber
      set accepted_coding = case when v_accepts_coding then v_check.compression end,
        coding_refused_at = case when not v_accepts_coding then coding_refused_at end
      from private.endpoint_revisions settings
      where subscriber.endpoint_id = v_check.endpoint_id
        and settings.endpoint_id = v_check.endpoint_id and settings.superseded_by is null and settings.url = v_check.url;
    end if;
    if p_passed
      -- A concurrent change of the URL makes another check necessary.
      and private.is_address_checked(v_check.endpoint_id)
      and exists (
        select from private.subscribers
        where endpoint_id = v_check.endpoint_id and (state = 'unverified' or state_reason = 'address_changed'))
    then
      perform private.set_subscriber_state(v_check.endpoint_id, 'active', null, v_check.actor);
    end if;
  end if;
  select * into strict v_subscriber from private.subscribers where endpoint_id = v_check.endpoint_id;
  return jsonb_build_object('endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.record_endpoint_check(bigint, boolean, jsonb) is
  'Keeps what a check has found, and activates a subscriber that waited for it: a new one, or one whose URL has changed. Bodies are compressed from then on, or not, as its compressed ping was answered. Returns {endpoint}. A repeated call changes nothing.';
revoke all on function public.record_endpoint_check(bigint, boolean, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_endpoint_check(bigint, boolean, jsonb) to service_role;

-- supabase/sql/deliver/redrive_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.redrive_deliveries(
  p_filter jsonb, p_actor text, p_limit int, p_claim_id uuid default null)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_redriven int;
  -- Dead letters of held reports are passed over, up to this number.
  c_passed constant int := 500;
  -- Most locks are held for milliseconds. No wait begins after this, and none lasts longer than half a second: a call may meet
  -- three held locks one after the other.
  v_wait_until timestamptz := clock_timestamp() + interval '2 seconds';
begin
  perform private.await_same_call(p_claim_id::text);
  -- Counts by the audit what the first call did: a sweep may have claimed those deliveries since.
  select count(*) into v_redriven from public.webhook_audit
  where outcome = 'redriven' and request_payload ->> 'claim_id' = p_claim_id::text
    and created_at > now() - interval '1 hour';
  if v_redriven > 0 then
    return v_redriven;
  end if;
  for v_delivery in
    -- In the order of the reports, whose locks each redrive takes: otherwise two calls could deadlock.
    select * from (
      select * from public.webhook_deliveries
      where dead_at is not null and not private.is_closed(dead_reason)
        and (p_filter -> 'event_ids' is null or p_filter -> 'event_ids' ? event_id)
        and (p_filter -> 'report_type' is null or report_type = p_filter ->> 'report_type')
        and (p_filter -> 'endpoint_id' is null or endpoint_id = p_filter ->> 'endpoint_id')
        and (p_filter -> 'dead_reason' is null or dead_reason = p_filter ->> 'dead_reason')
        and (p_filter -> 'error' is null or strpos(lower(response ->> 'error'), lower(p_filter ->> 'error')) > 0)
        and (p_filter -> 'dead_after' is null or dead_at >= (p_filter ->> 'dead_after')::timestamptz)
        and (p_filter -> 'dead_before' is null or dead_at < (p_filter ->> 'dead_before')::timestamptz)
      order by dead_at, id
      limit p_limit + c_passed
      -- A delivery that another process holds is being retried or redriven.
      for update skip locked) picked
    order by report_type, report_id, id
  loop
    exit when v_redriven = p_limit;
    v_redriven := v_redriven + private.try_put_back(
      v_delivery, p_actor, jsonb_build_object('claim_id', p_claim_id),
      greatest(least(v_wait_until - clock_timestamp(), interval '500 milliseconds'), interval '1 millisecond'))::int;
  end loop;
  return v_redriven;
end
$$;

comment on function public.redrive_deliveries(jsonb, text, int, uuid) is
  'Puts dead letters back on schedule, at its beginning, and audits each with who did it, except those whose reports another transaction holds. Returns how many, at most p_limit. A repeated call is recognised by p_claim_id.';
revoke all on function public.redrive_deliveries(jsonb, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.redrive_deliveries(jsonb, text, int, uuid) to service_role;

-- supabase/sql/deliver/release_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.release_deliveries(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_id bigint;
  v_released int := 0;
begin
  for v_id in
    select id from public.webhook_deliveries
    where status = 'retrying' and lease_expires_at < now()
    order by lease_expires_at limit p_limit
  loop
    v_released := v_released + private.try_release(v_id)::int;
  end loop;
  return v_released;
end
$$;

comment on function public.release_deliveries(int) is
  'Restores the shown status of deliveries whose holder died. Waits for no lock. Returns how many.';
revoke all on function public.release_deliveries(int) from public, anon, authenticated, service_role;
grant execute on function public.release_deliveries(int) to service_role;

-- supabase/sql/deliver/replace_endpoint_secret.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.replace_endpoint_secret(
  p_endpoint_id text, p_sealed_secret text, p_overlap_seconds int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  elsif exists (select from private.endpoint_secrets where endpoint_id = p_endpoint_id and sealed = p_sealed_secret) then
    return jsonb_build_object('outcome', 'replaced', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  delete from private.endpoint_secrets where endpoint_id = p_endpoint_id and expires_at < now();
  update private.endpoint_secrets
  set expires_at = least(coalesce(expires_at, 'infinity'), now() + make_interval(secs => p_overlap_seconds))
  where endpoint_id = p_endpoint_id;
  insert into private.endpoint_secrets (endpoint_id, sealed) values (p_endpoint_id, p_sealed_secret);
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_secret_replaced', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'overlap_seconds', p_overlap_seconds));
  return jsonb_build_object('outcome', 'replaced', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.replace_endpoint_secret(text, text, int, text) is
  'Gives a subscriber a new secret. The ones before it sign too, for p_overlap_seconds. Returns {outcome: replaced|endpoint_not_found, endpoint}. A repeated call is recognised by the sealed secret.';
revoke all on function public.replace_endpoint_secret(text, text, int, text) from public, anon, authenticated, service_role;
grant execute on function public.replace_endpoint_secret(text, text, int, text) to service_role;

-- supabase/sql/deliver/replace_read_token.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.replace_read_token(p_endpoint_id text, p_read_token_sha256 text, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
begin
  update private.subscribers set read_token_sha256 = p_read_token_sha256
  where endpoint_id = p_endpoint_id and state <> 'removed'
  returning * into v_subscriber;
  if v_subscriber.endpoint_id is null then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_token_replaced', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => '{"endpoint": "endpoints"}');
  return jsonb_build_object('outcome', 'replaced', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.replace_read_token(text, text, text) is
  'Gives a subscriber a new read token; the one before it is void at once. Returns {outcome: replaced|endpoint_not_found, endpoint}.';
revoke all on function public.replace_read_token(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.replace_read_token(text, text, text) to service_role;

-- supabase/sql/deliver/replayed_events.sql
create or replace function private.replayed_events(
  p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int,
  out replayed jsonb, out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
begin
  with events as materialized (
    select event, event.id, event.applied_at from public.report_events event
    where event.effect is not null
      and event.applied_at >= coalesce((p_filter ->> 'from')::timestamptz, '-infinity')
      and event.applied_at < least(coalesce((p_filter ->> 'to')::timestamptz, 'infinity'), p_until)
      and (event.applied_at, event.id) > (coalesce((p_after ->> 'at')::timestamptz, '-infinity'), coalesce(p_after ->> 'id', ''))
      -- The few events of one report are found by its index, without scanning all events.
      and (p_filter -> 'report_id' is null or event.report_id = (p_filter ->> 'report_id')::uuid)
      and (p_filter -> 'event_ids' is null or event.id = any (private.texts_of(p_filter -> 'event_ids')))
    order by event.applied_at, event.id
    limit p_examined
  ), candidates as materialized (
    select events.event, events.id, events.applied_at, settings
    from events
    join private.endpoint_revisions settings
      on settings.superseded_by is null and settings.endpoint_id = any (private.texts_of(p_filter -> 'endpoint_ids'))
    join private.subscribers subscriber on subscriber.endpoint_id = settings.endpoint_id and subscriber.state <> 'removed'
    where (p_filter -> 'report_type' is null or (events.event).report_type = p_filter ->> 'report_type')
      and (p_filter -> 'types' is null or (events.event).type = any (private.texts_of(p_filter -> 'types')))
      -- For a start in the past: from its revision on, effects make the deliveries themselves.
      and (p_filter -> 'before_revision' is null
        or coalesce((events.event).settings_revision, 0) < (p_filter ->> 'before_revision')::bigint)
      and private.selects_event(settings, events.event, case when settings.owner_id is not null
        then private.owner_of((events.event).report_type, (events.event).report_id) end)
  ), contents as materialized (
    select candidates.*, content.event_id is not null or (event).type = 'report.deleted' as is_there,
      400 + coalesce(octet_length(content.research_report), 0)
        + coalesce(pg_column_size(content.research_metadata), 0) + coalesce(pg_column_size(content.final_data), 0) as bytes,
      content.research_metadata
    from candidates left join private.report_contents content on content.event_id = candidates.id
  )
  select
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'event_id', id, 'endpoint_id', (settings).endpoint_id, 'applied_at', applied_at, 'type', (event).type,
        'report_type', (event).report_type, 'report_id', (event).report_id, 'job_id', (event).job_id,
        'position', (event).position, 'is_there', is_there, 'bytes', case when (settings).body = 'full' then bytes else 400 end,
        'format_version', (settings).format_version, 'body', (settings).body) order by applied_at, id, (settings).endpoint_id)
      from contents
      where (settings).filter_path is null or (event).type = 'report.deleted' or is_there and coalesce(private.filter_matches(
        private.filter_document(event, research_metadata), (settings).filter_path), false)), '[]'),
    (select count(*)::int from events),
    (select jsonb_build_object('at', applied_at, 'id', id) from events order by applied_at desc, id desc limit 1)
  into replayed, examined, last;
end
$$;

comment on function private.replayed_events(jsonb, timestamptz, jsonb, int) is
  'Of up to p_examined events after p_after, in the order of their effects, those that a replay brings to which endpoint, by the settings that are in force now. is_there: false, its content is erased.';
revoke all on function private.replayed_events(jsonb, timestamptz, jsonb, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/request_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_plan(
  p_request_id uuid, p_kind text, p_name text, p_reason text, p_filter jsonb, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Limit of the count, which bounds its cost.
  c_counted constant int := 20000;
  v_plan public.plans;
  v_planned record;
begin
  perform private.await_same_call(p_request_id::text);
  select * into v_plan from public.plans where request_id = p_request_id;
  if v_plan.id is null then
    if p_kind = 'replay' then
      insert into public.plans (request_id, kind, name, reason, filter, actor, status, preview)
      values (p_request_id, p_kind, p_name, p_reason, p_filter, p_actor, 'proposed', private.preview_replay(p_filter))
      returning * into v_plan;
      return jsonb_build_object('outcome', 'planned', 'plan', private.plan_view(v_plan));
    end if;
    v_planned := private.planned_deliveries(p_kind, p_filter, now(), null, c_counted, c_counted);
    insert into public.plans (request_id, kind, name, reason, filter, actor, total)
    values (
      p_request_id, p_kind, p_name, p_reason, p_filter, p_actor,
      case when v_planned.examined < c_counted then cardinality(v_planned.ids) end)
    returning * into v_plan;
  elsif (v_plan.kind, v_plan.name, v_plan.reason, v_plan.filter, v_plan.actor)
    is distinct from (p_kind, p_name, p_reason, p_filter, p_actor)
  then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', 'planned', 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.request_plan(uuid, text, text, text, jsonb, text) is
  'Writes down what a person asks to be done with many deliveries; work_plan() does it. A replay is proposed, with what it would do; apply_plan() begins it. Returns {outcome: planned|idempotency_conflict, plan}. A repeated call is recognised by p_request_id.';
revoke all on function public.request_plan(uuid, text, text, text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.request_plan(uuid, text, text, text, jsonb, text) to service_role;

-- supabase/sql/deliver/selects_event.sql
create or replace function private.selects_event(
  p_settings private.endpoint_revisions, p_event public.report_events, p_owner uuid)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return (p_event.effect = 'applied' or p_settings.takes_superseded and p_event.effect = 'superseded')
    and (p_settings.types is null or p_event.type = any (p_settings.types))
    and (p_settings.report_types is null or p_event.report_type = any (p_settings.report_types))
    -- A deletion tells subscribers to forget earlier events of any stage and status. It has no content for a filter.
    and (p_event.type = 'report.deleted'
      or (p_settings.stages is null or p_event.stage = any (p_settings.stages))
        and (p_settings.statuses is null or p_event.status = any (p_settings.statuses)))
    and (p_settings.owner_id is null or p_settings.owner_id is not distinct from p_owner);
end
$$;

comment on function private.selects_event(private.endpoint_revisions, public.report_events, uuid) is
  'Whether a subscriber''s settings, apart from the filter, are about this event.';
revoke all on function private.selects_event(private.endpoint_revisions, public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/sendable.sql
create or replace function private.sendable(p_delivery public.webhook_deliveries)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'delivery_id', p_delivery.id, 'delivery_token', p_delivery.lease_token, 'event_id', event.id,
      'endpoint_id', p_delivery.endpoint_id, 'expects', endpoint.expects, 'job_id', event.job_id, 'trace_id', event.trace_id,
      'body', case when p_delivery.position is null then private.envelope(event)
        else private.body_of(event, p_delivery.format_version, p_delivery.body) end,
      'subscriber', (
        select jsonb_build_object(
          'url', settings.url, 'position', p_delivery.position, 'plan', p_delivery.plan, 'redriven', p_delivery.redrives > 0,
          'format_version', p_delivery.format_version,
          'compression', case when settings.compression = subscriber.accepted_coding then settings.compression end, 'sealed_secrets', (
            select coalesce(jsonb_agg(sealed order by id desc), '[]') from private.endpoint_secrets
            where endpoint_id = p_delivery.endpoint_id and (expires_at is null or expires_at > now())))
        from private.endpoint_revisions settings join private.subscribers subscriber using (endpoint_id)
        where settings.endpoint_id = p_delivery.endpoint_id and settings.superseded_by is null))
    from public.report_events event, public.webhook_endpoints endpoint
    where event.id = p_delivery.event_id and endpoint.id = p_delivery.endpoint_id);
end
$$;

comment on function private.sendable(public.webhook_deliveries) is
  'The data that a sender needs for a delivery that it holds: the fencing token, where it goes, and the bytes to send; null for a body that body_of() does not make.';
revoke all on function private.sendable(public.webhook_deliveries) from public, anon, authenticated, service_role;

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
  -- Each slot is up to a fifth shorter or longer, so that deliveries that failed together are not retried together.
  jitter := 0.2;
  longest_retry_after := '1 hour';
  -- A circuit opens when this share of at least this many attempts in the window failed retryably.
  circuit_window := '1 minute';
  circuit_attempts := 10;
  circuit_failed_share := 0.5;
  -- Pause before a probe.
  circuit_pause := '30 seconds';
  -- Maximum in flight per subscriber. Halved after a time-out, 429 or 5xx; then it doubles again with time.
  subscriber_in_flight := 16;
  in_flight_doubles_each_seconds := 10;
  -- A subscriber that has not answered for this long gets at most two senders.
  slow_after := '1 second';
  -- A subscriber that has accepted nothing for this long is paused. The alert subscriber_failing fires before.
  paused_after := '5 days';
  -- A subscriber that never passed its check is removed after this time.
  unverified_for := '7 days';
end
$$;

comment on function private.sending_policy() is
  'The numbers of the sending policy, here and nowhere else: the retry slots, how far Retry-After is honoured, when a circuit opens and is probed, and how gently subscribers are sent to.';
revoke all on function private.sending_policy() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/sending_room.sql
create or replace function private.sending_room(p_endpoint_id text)
returns int
language plpgsql stable set search_path = '' as $$
declare
  v_policy record := private.sending_policy();
  v_subscriber private.subscribers;
  v_rate int;
  v_held record;
  v_room int;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null then
    -- Our own endpoints are limited only by the number of senders.
    return 1000;
  elsif v_subscriber.state <> 'active'
    or exists (select from public.webhook_circuits where endpoint_id = p_endpoint_id and opened_at is not null)
  then
    return 0;
  end if;
  select count(*) as senders, min(claimed_at) as since, count(*) filter (where claimed_at > now() - interval '1 second') as begun
  into v_held from public.webhook_deliveries where endpoint_id = p_endpoint_id and lease_expires_at >= now();
  v_room := private.in_flight_allowed(v_subscriber.in_flight_limit, v_subscriber.limited_at) - v_held.senders;
  if v_room > 0 and v_held.since < now() - v_policy.slow_after and not exists (
    -- If the endpoint has confirmed other deliveries since, the old claim belongs to a sender that died.
    select from public.webhook_audit
    where direction = 'out' and endpoint_id = p_endpoint_id and created_at > v_held.since and outcome = 'delivered')
  then
    -- A sender is already waiting for this endpoint. If it answers nobody, two senders are enough to find out.
    v_room := least(v_room, 2 - v_held.senders);
  end if;
  select rate_per_second into v_rate from private.endpoint_revisions
  where endpoint_id = p_endpoint_id and superseded_by is null;
  if v_room > 0 and v_rate is not null then
    -- The rate is counted, not stored: requests in progress, and those that began within the last second and have ended.
    v_room := least(v_room, v_rate - v_held.begun - (
      select count(*) from public.webhook_audit
      where direction = 'out' and endpoint_id = p_endpoint_id and created_at > now() - interval '1 second'
        and created_at - make_interval(secs => coalesce(duration_ms, 0)::double precision / 1000) > now() - interval '1 second'));
  end if;
  return greatest(v_room, 0);
end
$$;

comment on function private.sending_room(text) is
  'How many more may begin to send to this endpoint now: its state, its circuit, its number in flight and its rate. It delays; nothing is dropped.';
revoke all on function private.sending_room(text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/set_subscriber_state.sql
create or replace function private.set_subscriber_state(p_endpoint_id text, p_state text, p_reason text, p_actor text)
returns private.subscribers
language plpgsql volatile set search_path = '' as $$
declare
  v_old private.subscribers;
  v_new private.subscribers;
  v_settings private.endpoint_revisions;
begin
  if p_state = 'removed' or p_state = 'active' then
    -- Before the row lock, as wherever a revision is made.
    perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  end if;
  if p_state = 'active' then
    -- The circuit before the subscriber, as when a round is recorded.
    perform from public.webhook_circuits where endpoint_id = p_endpoint_id for no key update;
  end if;
  select * into strict v_old from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_old.state = p_state or v_old.state = 'removed' then
    return v_old;
  end if;
  update private.subscribers
  set state = p_state, state_reason = p_reason, state_since = clock_timestamp(),
    read_token_sha256 = case when p_state <> 'removed' then read_token_sha256 end,
    verified_at = case when p_state = 'active' then coalesce(verified_at, clock_timestamp()) else verified_at end,
    failing_since = case when p_state <> 'active' then failing_since end,
    -- Restarts slowly: 1, 2, 4, … in flight.
    in_flight_limit = case when p_state = 'active' then 1 else in_flight_limit end,
    limited_at = case when p_state = 'active' then clock_timestamp() else limited_at end
  where endpoint_id = p_endpoint_id
  returning * into v_new;
  if p_state = 'active' then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_endpoint_id and opened_at is not null;
  end if;
  select * into strict v_settings from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if p_state = 'removed' then
    delete from private.endpoint_secrets where endpoint_id = p_endpoint_id;
    v_settings.takes_events := false;
    perform private.add_revision(v_settings, 'removed', p_actor);
  elsif v_old.verified_at is null and v_new.verified_at is not null and not exists (
    select from public.plans where kind = 'start' and status = 'running' and filter ->> 'endpoint_id' = p_endpoint_id)
  then
    v_settings.takes_events := true;
    perform private.add_revision(v_settings, 'verified', p_actor);
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_' || p_state, p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'from', v_old.state, 'reason', p_reason));
  return v_new;
end
$$;

comment on function private.set_subscriber_state(text, text, text, text) is
  'The one writer of a subscriber''s state, with its audit row: unverified to active; active to paused and back; any to removed, which stays. A paused subscriber loses nothing: effects still create its deliveries.';
revoke all on function private.set_subscriber_state(text, text, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/settings_in_force.sql
create or replace function private.settings_in_force(p_revision bigint)
returns setof private.endpoint_revisions
language plpgsql stable set search_path = '' as $$
begin
  return query
  select * from private.endpoint_revisions
  where id <= p_revision and (superseded_by is null or superseded_by > p_revision);
end
$$;

comment on function private.settings_in_force(bigint) is
  'The settings of each subscriber as of this revision: a question about an event gets the settings that its fan-out saw.';
revoke all on function private.settings_in_force(bigint) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/settings_view.sql
create or replace function private.settings_view(p_settings private.endpoint_revisions)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'url', p_settings.url, 'description', p_settings.description,
    'events', jsonb_strip_nulls(jsonb_build_object(
      'types', to_jsonb(p_settings.types), 'report_types', to_jsonb(p_settings.report_types),
      'stages', to_jsonb(p_settings.stages), 'statuses', to_jsonb(p_settings.statuses), 'owner_id', p_settings.owner_id))
      || jsonb_build_object('superseded', p_settings.takes_superseded),
    'filter', p_settings.filter, 'format_version', p_settings.format_version, 'body', p_settings.body, 'mode', p_settings.mode,
    'rate_per_second', p_settings.rate_per_second, 'compression', p_settings.compression);
end
$$;

comment on function private.settings_view(private.endpoint_revisions) is
  'Settings in the form in which a function of ours hands them over and gets them back.';
revoke all on function private.settings_view(private.endpoint_revisions) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/show_delivery.sql
create or replace function private.show_delivery()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  -- Callers that update the report's row anyway show the delivery there, so that the row is updated once. Named as in 0.2.0:
  -- an import that began before the migration still calls that version's function, in a trigger before the row's update.
  if coalesce(current_setting('polaris.import', true), '') = 'on' then
    return null;
  end if;
  -- Take the lock in its own statement, so that the next query sees rows committed while we waited.
  if private.lock_report(new.report_type, new.report_id) is null then
    perform private.move_delivery(new.id, 'closed', p_reason => 'report_deleted');
    return null;
  end if;
  if private.is_shown_delivery(new) then
    perform private.show_in_report(new.report_type, new.report_id, null, p_delivery => new);
  end if;
  return null;
end
$$;

comment on function private.show_delivery() is
  'A report''s webhook columns are the state of its latest delivery to our own endpoints. Without a report, a delivery is closed.';
revoke all on function private.show_delivery() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/skip_delivery.sql
create or replace function private.skip_delivery(p_delivery public.webhook_deliveries)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'skipped', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_delivery_id => p_delivery.id,
    p_payload => jsonb_build_object('id', p_delivery.event_id), p_error => 'circuit open',
    p_attempt_number => p_delivery.attempts);
  perform private.move_delivery(p_delivery.id, 'skipped', p_response => '{"error": "not sent: circuit open"}');
  perform public.apply_report_event(p_delivery.event_id, 'direct');
end
$$;

comment on function private.skip_delivery(public.webhook_deliveries) is
  'Skips a delivery because of an open circuit: not sent, its event applied directly, its first slot still ahead.';
revoke all on function private.skip_delivery(public.webhook_deliveries) from public, anon, authenticated, service_role;

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

-- supabase/sql/deliver/subscriber_view.sql
create or replace function private.subscriber_view(p_subscriber private.subscribers)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 10000;
begin
  return (
    select jsonb_build_object(
      'endpoint_id', p_subscriber.endpoint_id, 'state', p_subscriber.state, 'state_reason', p_subscriber.state_reason,
      'state_since', private.iso_time(p_subscriber.state_since), 'verified_at', private.iso_time(p_subscriber.verified_at),
      'failing_since', private.iso_time(p_subscriber.failing_since),
      'created_at', private.iso_time(p_subscriber.created_at), 'created_by', p_subscriber.created_by,
      'circuit_open_since', (
        select private.iso_time(opened_at) from public.webhook_circuits where endpoint_id = p_subscriber.endpoint_id),
      'in_flight_allowed', private.in_flight_allowed(p_subscriber.in_flight_limit, p_subscriber.limited_at),
      'revision', settings.id, 'revised_at', private.iso_time(settings.created_at), 'takes_events', settings.takes_events,
      'settings', private.settings_view(settings),
      'compression', jsonb_build_object(
        'in_use', case when settings.compression = p_subscriber.accepted_coding then settings.compression end,
        'refused_at', private.iso_time(p_subscriber.coding_refused_at)),
      'secrets', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'id', id, 'created_at', private.iso_time(created_at), 'expires_at', private.iso_time(expires_at)) order by id desc), '[]')
        from private.endpoint_secrets
        where endpoint_id = p_subscriber.endpoint_id and (expires_at is null or expires_at > now())),
      -- Counted up to a limit: more is a backlog in any case.
      'waiting', (
        select count(*) from (
          select from public.webhook_deliveries
          where endpoint_id = p_subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          limit c_counted) open),
      'oldest_waiting_at', (
        select private.iso_time(min(next_attempt)) from public.webhook_deliveries
        where endpoint_id = p_subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null),
      'last_check', (
        select jsonb_build_object(
          'at', private.iso_time(created_at), 'actor', actor, 'passed', passed, 'probes', probes)
        from private.endpoint_checks where endpoint_id = p_subscriber.endpoint_id order by id desc limit 1),
      'filter_fault', (
        select jsonb_build_object('at', private.iso_time(created_at), 'event_id', event_id, 'error', error)
        from private.filter_faults where endpoint_id = p_subscriber.endpoint_id order by id desc limit 1))
    from private.endpoint_revisions settings
    where settings.endpoint_id = p_subscriber.endpoint_id and settings.superseded_by is null);
end
$$;

comment on function private.subscriber_view(private.subscribers) is
  'A subscriber as operators see it: state, settings, secrets without their values, what waits (counted up to 10,000), the last check.';
revoke all on function private.subscriber_view(private.subscribers) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/take_probe.sql
create or replace function private.take_probe(
  p_endpoint_id text, p_delivery_id bigint, p_token bigint, p_lease_seconds int)
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Skip a locked circuit: its holder is about to take the probe or to close the circuit.
  perform from public.webhook_circuits where endpoint_id = p_endpoint_id for update skip locked;
  if not found then
    return false;
  end if;
  update public.webhook_circuits
  set probe_delivery_id = p_delivery_id, probe_token = p_token,
    probe_lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where endpoint_id = p_endpoint_id and opened_at is not null and probe_after <= now()
    and private.lease_is_free(probe_lease_expires_at);
  return found;
end
$$;

comment on function private.take_probe(text, bigint, bigint, int) is
  'Takes the one probe of a half-open circuit for this delivery. False when the circuit is not ready to probe or another process holds the probe.';
revoke all on function private.take_probe(text, bigint, bigint, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/tell_deletion.sql
create or replace function private.tell_deletion(p_report_type text, p_report_id uuid, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  for v_event in
    select * from public.report_events
    where report_id = p_report_id and report_type = p_report_type and type = 'report.deleted'
  loop
    perform private.fan_out(v_event, p_owner);
  end loop;
end
$$;

comment on function private.tell_deletion(text, uuid, uuid) is
  'Makes the deliveries of the event that a report was deleted, for the sweep that erases it. p_owner: whose report it was. A repeated call makes none.';
revoke all on function private.tell_deletion(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/texts_of.sql
create or replace function private.texts_of(p_texts jsonb)
returns text[]
language plpgsql immutable set search_path = '' as $$
begin
  return case when jsonb_typeof(p_texts) = 'array' then array(select jsonb_array_elements_text(p_texts)) end;
end
$$;

comment on function private.texts_of(jsonb) is
  'A JSON array of texts as an array. Null: it is none.';
revoke all on function private.texts_of(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/try_claim.sql
-- Claiming can wait for the row of the report or its owner for as long as another transaction lasts. With this lock_timeout,
-- a sweep does not wait, but takes the next delivery.
create or replace function private.try_claim(
  p_delivery_id bigint, p_lease_seconds int, p_claim_id uuid, p_probe_of text default null)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
  v_earlier bigint;
  v_claim jsonb;
begin
  select * into v_delivery from public.webhook_deliveries
  where id = p_delivery_id
    -- Checked again under the lock: another sweep may have claimed or parked it since.
    and waits_for is null and status not in ('success', 'superseded', 'cancelled') and dead_at is null and private.lease_is_free(lease_expires_at)
  for update skip locked;
  if v_delivery.id is null then
    return null;
  end if;
  if v_delivery.position is not null and v_delivery.plan = 0 and v_delivery.redrives = 0 then
    if private.is_overtaken(v_delivery) then
      perform private.move_delivery(p_delivery_id, 'superseded');
      return '{"set_aside": true}';
    end if;
    -- Per report, a later delivery waits for earlier ones, also while the POST of an ended one is still in progress.
    select id into v_earlier from public.webhook_deliveries
    where endpoint_id = v_delivery.endpoint_id and report_id = v_delivery.report_id and report_type = v_delivery.report_type
      and plan = 0 and redrives = 0 and position < v_delivery.position
      and status not in ('success', 'superseded', 'cancelled') and dead_at is null
    order by position desc limit 1;
    if v_earlier is null then
      select id into v_earlier from public.webhook_deliveries
      where endpoint_id = v_delivery.endpoint_id and lease_expires_at >= now()
        and report_id = v_delivery.report_id and report_type = v_delivery.report_type
        and plan = 0 and redrives = 0 and position < v_delivery.position
      order by position desc limit 1;
    end if;
    if v_earlier is not null then
      -- The lock prevents the earlier delivery from ending before this one is parked. If it is locked now, this delivery is
      -- examined again later.
      perform from public.webhook_deliveries
      where id = v_earlier for key share skip locked;
      if found and private.holds_back(v_earlier) then
        perform private.move_delivery(p_delivery_id, 'parked', p_waits_for => v_earlier);
        return '{"set_aside": true}';
      end if;
      return null;
    end if;
  end if;
  if p_probe_of is not null then
    if v_delivery.position is null then
      -- Claiming locks the report; circuits are locked after reports.
      perform private.lock_report(v_delivery.report_type, v_delivery.report_id);
    end if;
    if not private.take_probe(p_probe_of, v_delivery.id, v_delivery.lease_token + 1, p_lease_seconds) then
      -- Another process holds the probe. The exception releases the locks of the delivery and its report before others are
      -- taken.
      raise exception 'no probe' using errcode = 'PL003';
    end if;
  end if;
  v_claim := private.claim_delivery(p_delivery_id, p_lease_seconds, p_claim_id);
  if v_claim -> 'body' = 'null' then
    perform private.move_delivery(
      p_delivery_id, 'closed', p_token => (v_claim ->> 'delivery_token')::bigint, p_reason => 'unsendable');
    -- Another delivery may probe at once.
    update public.webhook_circuits set probe_delivery_id = null, probe_token = null, probe_lease_expires_at = null
    where endpoint_id = p_probe_of and probe_delivery_id = p_delivery_id;
    return '{"set_aside": true}';
  end if;
  return v_claim;
exception
  when sqlstate 'PL003' then
    return null;
  when lock_not_available then
    return jsonb_build_object('left_out', 'held', 'delivery_id', p_delivery_id, 'event_id', v_delivery.event_id);
  when others then
    return jsonb_build_object(
      'left_out', 'error', 'delivery_id', p_delivery_id, 'event_id', v_delivery.event_id, 'error', "left"(sqlerrm, 200));
end
$$;

comment on function private.try_claim(bigint, int, uuid, text) is
  'Claims a delivery if that needs no waiting. Null: somebody else has it. With set_aside: another of its report goes first, or instead, or it cannot be sent; look for the next. With left_out: its report is held by a transaction, or it cannot be claimed. p_probe_of: the endpoint whose probe it must be.';
revoke all on function private.try_claim(bigint, int, uuid, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/try_planned.sql
create or replace function private.try_planned(p_delivery_id bigint, p_plan public.plans)
returns text
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  -- Checked again under the lock: another process may have sent or redriven it since.
  select * into v_delivery from public.webhook_deliveries delivery
  where id = p_delivery_id and private.is_planned(delivery, p_plan.kind, p_plan.created_at)
  for update skip locked;
  if v_delivery.id is null then
    return case when exists (
      select from public.webhook_deliveries delivery
      where id = p_delivery_id and private.is_planned(delivery, p_plan.kind, p_plan.created_at))
      then 'held' else 'changed' end;
  elsif v_delivery.dead_at is null then
    perform private.bring_forward(v_delivery, p_plan);
    return 'brought_forward';
  end if;
  perform private.put_back(v_delivery, p_plan.actor, jsonb_build_object('plan', p_plan.id));
  return 'redriven';
exception
  when lock_not_available then
    return 'held';
  when others then
    return 'error';
end
$$;

comment on function private.try_planned(bigint, public.plans) is
  'Makes a delivery due for a plan if that needs no waiting: brought_forward, redriven (a dead letter), changed (the plan is not about it any more), held (another transaction holds it or its report), error.';
revoke all on function private.try_planned(bigint, public.plans) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/try_put_back.sql
create or replace function private.try_put_back(
  p_delivery public.webhook_deliveries, p_actor text, p_asked jsonb, p_wait interval)
returns boolean
-- Until this function returns; set_config() alone would last as long as the transaction.
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform set_config('lock_timeout', (extract(epoch from p_wait) * 1000)::int || 'ms', true);
  perform private.put_back(p_delivery, p_actor, p_asked);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.try_put_back(public.webhook_deliveries, text, jsonb, interval) is
  'Like put_back(), but waits only so long for another transaction that holds the report. False: it still does.';
revoke all on function private.try_put_back(public.webhook_deliveries, text, jsonb, interval) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/try_release.sql
create or replace function private.try_release(p_delivery_id bigint)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform from public.webhook_deliveries where id = p_delivery_id for update skip locked;
  return found and (private.move_delivery(p_delivery_id, 'released')).status <> 'retrying';
exception when others then
  -- Skip it: the next sweep tries again.
  return false;
end
$$;

comment on function private.try_release(bigint) is
  'Releases a delivery if that needs no waiting.';
revoke all on function private.try_release(bigint) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/waiting_for.sql
create or replace function private.waiting_for(p_endpoint_id text, out waiting bigint, out oldest timestamptz)
returns record
language plpgsql stable set search_path = '' as $$
declare
  -- Counted up to a limit: more is a backlog in any case.
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
        -- The partial index leaves out deliveries that were never sent.
        and attempts > 0 and last_attempt > now() - c_lately)
    or exists (
      select from public.webhook_deliveries
      where endpoint_id = p_endpoint_id and dead_at > now() - c_lately and last_attempt > now() - c_lately);
end
$$;

comment on function private.was_sent_lately(text) is
  'Whether a subscriber that has accepted nothing was sent anything within two days: it can accept only what it was sent.';
revoke all on function private.was_sent_lately(text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/work_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
--
-- The row lock of the plan serves as its lease: a slice and its progress are one transaction. If a process dies, nothing is
-- left half done, and no lease must expire. It is the first lock of its transaction.
create or replace function public.work_plan(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_examined constant int := 5000;
  -- Deliveries held by other transactions are tried again after a minute.
  c_passes constant int := 5;
  c_pause constant interval := '1 minute';
  c_faults constant int := 5;
  v_plan public.plans;
  v_planned record;
  v_slice jsonb;
  v_is_pass_over boolean;
begin
  select * into v_plan from public.plans
  where status = 'running' and next_slice_at <= now()
  order by next_slice_at, id limit 1 for update skip locked;
  if v_plan.id is null then
    return null;
  end if;
  begin
    if v_plan.kind in ('replay', 'start') then
      v_plan := private.work_replay(v_plan, p_limit);
      update public.plans
      set status = v_plan.status, outcomes = v_plan.outcomes, position = v_plan.position, applied_at = v_plan.applied_at,
        applied_xid = v_plan.applied_xid, next_slice_at = v_plan.next_slice_at, faults = 0, last_error = v_plan.last_error,
        finished_at = v_plan.finished_at
      where id = v_plan.id;
      return jsonb_build_object('plan_id', v_plan.id, 'status', v_plan.status, 'redriven', 0);
    end if;
    v_planned := private.planned_deliveries(
      v_plan.kind, v_plan.filter, v_plan.created_at, v_plan.position, c_examined, p_limit);
    -- In the order of the reports, whose locks each delivery takes.
    select coalesce(jsonb_object_agg(outcome, deliveries), '{}') into v_slice
    from (
      select outcome, count(*) as deliveries
      from (
        select private.try_planned(id, v_plan) as outcome
        from (
          select id from public.webhook_deliveries where id = any (v_planned.ids)
          order by report_type, report_id, id offset 0) planned) tried
      group by outcome) counted;
  exception when query_canceled or others then
    -- Also catches the call's time-out: otherwise the slice would be tried again at once, for ever.
    update public.plans
    set faults = faults + 1, last_error = "left"(sqlerrm, 200), next_slice_at = now() + c_pause,
      status = case when faults + 1 >= c_faults then 'failed' else status end,
      finished_at = case when faults + 1 >= c_faults then now() end
    where id = v_plan.id
    returning * into v_plan;
    if v_plan.kind = 'start' and v_plan.status = 'failed' then
      perform private.begin_live(v_plan.filter ->> 'endpoint_id', 'start failed', v_plan.actor);
    end if;
    return jsonb_build_object('plan_id', v_plan.id, 'status', v_plan.status, 'redriven', 0, 'error', v_plan.last_error);
  end;
  v_plan.outcomes := v_plan.outcomes || (
    select coalesce(jsonb_object_agg(key, value::int + coalesce((v_plan.outcomes ->> key)::int, 0)), '{}')
    from jsonb_each_text(v_slice));
  v_is_pass_over := v_planned.examined < c_examined and cardinality(v_planned.ids) < p_limit;
  v_plan.position := coalesce(v_planned.last, v_plan.position);
  v_plan.next_slice_at := now();
  if v_is_pass_over then
    v_plan.passes := v_plan.passes + 1;
    if v_plan.passes < c_passes and v_plan.outcomes ?| '{held,error}'::text[] then
      v_plan.position := null;
      v_plan.outcomes := v_plan.outcomes - '{held,error}'::text[];
      v_plan.next_slice_at := now() + c_pause;
    else
      v_plan.status := 'done';
      v_plan.finished_at := now();
    end if;
  end if;
  update public.plans
  set outcomes = v_plan.outcomes, position = v_plan.position, passes = v_plan.passes, faults = 0, last_error = null,
    next_slice_at = v_plan.next_slice_at, status = v_plan.status, finished_at = v_plan.finished_at
  where id = v_plan.id;
  return jsonb_build_object(
    'plan_id', v_plan.id, 'status', v_plan.status, 'redriven', coalesce((v_slice ->> 'redriven')::int, 0) + coalesce((v_slice ->> 'brought_forward')::int, 0));
end
$$;

comment on function public.work_plan(int) is
  'Does the next slice, of up to p_limit deliveries, of the plan that has waited longest. Waits for no lock. Returns {plan_id, status, redriven, error?} (redriven: how many deliveries it made due), null when no plan has anything to do now. A call that is repeated does the slice after it.';
revoke all on function public.work_plan(int) from public, anon, authenticated, service_role;
grant execute on function public.work_plan(int) to service_role;

-- supabase/sql/deliver/work_replay.sql
create or replace function private.work_replay(p_plan public.plans, p_limit int)
returns public.plans
language plpgsql volatile set search_path = '' as $$
declare
  c_examined constant int := 2000;
  -- Limit of open deliveries: a backlog slows every claim, and a cancelled plan should leave little behind.
  c_waiting constant int := 2000;
  v_filter jsonb := p_plan.filter;
  v_rate numeric := (p_plan.filter ->> 'rate_per_second')::numeric;
  v_until timestamptz := p_plan.applied_at;
  v_found record;
  v_made int;
  v_erased int;
  v_examined int := least(c_examined, p_limit * 10);
begin
  if p_plan.kind = 'start' then
    v_filter := v_filter || jsonb_build_object('endpoint_ids', jsonb_build_array(v_filter ->> 'endpoint_id'));
    if (select verified_at from private.subscribers where endpoint_id = v_filter ->> 'endpoint_id') is null then
      p_plan.next_slice_at := now() + interval '1 minute';
      p_plan.applied_at := null;
    elsif p_plan.applied_at is null then
      p_plan.applied_at := clock_timestamp();
      p_plan.next_slice_at := now();
      return p_plan;
    end if;
    v_until := case when p_plan.position ? 'revision' then clock_timestamp() else p_plan.applied_at end;
    v_filter := v_filter || jsonb_strip_nulls(jsonb_build_object('before_revision', p_plan.position -> 'revision'));
  end if;
  if not exists (
    select from private.subscribers
    where endpoint_id = any (private.texts_of(v_filter -> 'endpoint_ids')) and state <> 'removed')
  then
    p_plan.status := 'failed';
    p_plan.last_error := 'the subscriber was removed';
    p_plan.finished_at := now();
    return p_plan;
  elsif p_plan.applied_at is null then
    return p_plan;
  elsif p_plan.applied_xid is null then
    -- The next transaction, not the one that set the time or the revision: an effect that began between the first lock and
    -- the commit of that one has a later id, and has not seen its change.
    p_plan.applied_xid := pg_current_xact_id();
    p_plan.next_slice_at := now();
    return p_plan;
  elsif p_plan.applied_xid >= pg_snapshot_xmin(pg_current_snapshot()) then
    -- A running effect may still appear before the end of this slice: wait for it.
    p_plan.next_slice_at := now() + interval '2 seconds';
    return p_plan;
  elsif (
    select count(*) from (
      select from public.webhook_deliveries delivery
      -- Deliveries to a paused subscriber must not delay the others.
      join private.subscribers subscriber on subscriber.endpoint_id = delivery.endpoint_id and subscriber.state = 'active'
      where delivery.plan = p_plan.id and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
      limit c_waiting) waiting) >= c_waiting
  then
    p_plan.next_slice_at := now() + interval '5 seconds';
    return p_plan;
  end if;
  v_found := private.replayed_events(v_filter, v_until, p_plan.position, v_examined);
  with item as (
    select * from jsonb_to_recordset(v_found.replayed) as item (
      event_id text, endpoint_id text, report_type text, report_id uuid, job_id text, "position" bigint, is_there boolean,
      format_version int, body text)
  ), there as materialized (
    -- Locks the events: an erasure running now would not find the new delivery, which then would never end.
    select id from public.report_events
    where id in (select event_id from item where is_there) and (erased_at is null or type = 'report.deleted')
    order by id for share
  ), made as (
    insert into public.webhook_deliveries (
      event_id, endpoint_id, plan, report_type, report_id, job_id, position, format_version, body, next_attempt, created_xid)
    select event_id, endpoint_id, p_plan.id, report_type, report_id, job_id, item.position,
      coalesce((v_filter ->> 'format_version')::int, format_version), body,
      now() + case when v_rate is null then '0' else make_interval(secs => ((row_number() over () - 1) / v_rate)::double precision) end,
      pg_current_xact_id()
    from item where is_there and event_id in (select id from there)
    on conflict (event_id, endpoint_id, plan) do nothing
    returning 1
  )
  select (select count(*) from made), (select count(*) from item where not is_there or event_id not in (select id from there)) into v_made, v_erased;
  p_plan.outcomes := p_plan.outcomes || jsonb_build_object(
    'planned', coalesce((p_plan.outcomes ->> 'planned')::int, 0) + v_made,
    'content_erased', coalesce((p_plan.outcomes ->> 'content_erased')::int, 0) + v_erased);
  p_plan.position := coalesce(p_plan.position, '{}') || coalesce(v_found.last, '{}');
  p_plan.next_slice_at := now() + case when v_rate is null then '0' else make_interval(secs => (v_made / v_rate)::double precision) end;
  if v_found.examined = v_examined then
    return p_plan;
  elsif p_plan.kind = 'start' and p_plan.position -> 'revision' is null then
    -- Caught up. From the next revision on, effects make the deliveries themselves. Effects in progress under the earlier
    -- revision are found once they have ended.
    p_plan.position := p_plan.position || jsonb_build_object(
      'revision', private.begin_live(v_filter ->> 'endpoint_id', 'caught up', p_plan.actor));
    p_plan.applied_xid := null;
    p_plan.next_slice_at := now();
    return p_plan;
  end if;
  p_plan.status := 'done';
  p_plan.finished_at := now();
  return p_plan;
end
$$;

comment on function private.work_replay(public.plans, int) is
  'The next slice of a replay or of a start in the past, which the caller holds: its deliveries are made, and claims do the rest. Returns the plan as it stands then; a slice that is repeated makes nothing twice.';
revoke all on function private.work_replay(public.plans, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/account_content.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.account_content(p_user text)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_user_id uuid := private.find_account(p_user);
begin
  if v_user_id is null then
    return null;
  end if;
  return jsonb_build_object(
    'user_id', v_user_id, 'email', (select email from auth.users where id = v_user_id),
    'has_account', private.has_account(v_user_id),
    'content', (select jsonb_agg(jsonb_build_object('what', what, 'things', things)) from private.content_of_user(v_user_id)),
    'kept', (
      select coalesce(jsonb_agg(jsonb_build_object('place', place, 'things', things)), '[]')
      from private.kept_by_platform(v_user_id)
      -- Without the reports themselves, which the erasure deletes.
      where split_part(place, '.', 1) not in (select table_name from public.report_types)));
end
$$;

comment on function public.account_content(text) is
  'The content that an erasure of a user would delete, and the content that the platform''s tables would keep: {user_id, email, has_account, content: [{what, things}], kept: [{place, things}]}. p_user is an id or a whole e-mail address. Null: no account has this address.';
revoke all on function public.account_content(text) from public, anon, authenticated, service_role;
grant execute on function public.account_content(text) to service_role;

-- supabase/sql/observe/add_audit.sql
create or replace function private.add_audit(
  p_direction text, p_outcome text, p_endpoint_id text default null, p_event_id text default null,
  p_job_id text default null, p_report_type text default null, p_report_id uuid default null,
  p_delivery_id bigint default null, p_round bigint default null, p_actor text default null,
  p_payload jsonb default null, p_response_status int default null, p_response_body jsonb default null,
  p_error text default null, p_attempt_number int default 1, p_body_sha256 text default null,
  p_body_bytes int default null, p_duration_ms numeric default null, p_id uuid default gen_random_uuid(), p_trace_id text default null,
  p_span_id text default null)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.webhook_audit (
    id, direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, delivery_id, round, actor,
    request_payload, response_status, response_body, error_message, attempt_number, body_sha256, body_bytes, duration_ms,
    trace_id, span_id)
  values (
    p_id, p_direction, p_outcome, p_endpoint_id, p_event_id, p_job_id, private.report_table(p_report_type), p_report_id,
    p_delivery_id, p_round, p_actor, p_payload, p_response_status, p_response_body, "left"(p_error, 10000), p_attempt_number,
    p_body_sha256, p_body_bytes,
    -- A clock that is set meanwhile can give any duration. One that does not fit the column would roll back the effect.
    case when p_duration_ms is not null then least(greatest(p_duration_ms, 0), 999999999.999) end,
    coalesce(p_trace_id, (select event.trace_id from public.report_events event where event.id = p_event_id)), p_span_id)
  on conflict (id) do nothing;
end
$$;

comment on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid, text, text) is
  'The one writer of our audit rows. p_payload is never a report''s text. Without p_trace_id the row has the trace of its event.';
revoke all on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid, text, text) from public, anon, authenticated, service_role;

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
  'The data of an alert''s message.';
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
  'Endpoints of ours whose circuit has been open for longer, in seconds.';
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
      -- The import makes many at once, and npm run upgrade reports them.
      and delivery.dead_reason <> 'import'
    order by delivery.dead_at desc limit 1000) dead
  group by dead.endpoint_id
  having count(*) >= p_rule.threshold
$$;

comment on function private.alert_on_dead_letters(private.alert_rules) is
  'Endpoints, subscribers among them, with at least so many new dead letters that a person can redrive, counted up to 1,000.';
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
    -- The same condition as in alert_on_success_rate().
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
    -- If nothing waits yet: the time at which a delivery made now would be given up.
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
    -- An operator knows of their own pause.
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
    -- npm run upgrade has not built this index yet (the doctor reports that). Without it, the whole audit would be read each
    -- minute.
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
        -- Attempts before the circuit closed no longer count.
        and audit.created_at > greatest(now() - p_rule.lookback, circuit.closed_at)
      order by audit.created_at desc limit c_newest) recent) counted
  where endpoint.kind = 'internal' and counted.total >= p_rule.minimum and 100.0 * (counted.total - counted.failed) < p_rule.threshold * counted.total;
end
$$;

comment on function private.alert_on_success_rate(private.alert_rules) is
  'Endpoints of ours with a lower share of attempts delivered, in percent, among the newest. An attempt that an open circuit spared counts as failed.';
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
-- An alert is pending from its first bad reading. It fires after bad readings for holds_for, and is resolved after good
-- readings for as long, and at least a minute. A pending alert with a good reading is deleted.
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
    -- Even if it is silenced now: people who were told that it fires should hear that it is over.
    if p_notify and v_alert.notified_at is not null then
      perform private.send_alert(v_alert, p_rule, 'resolved');
    end if;
  end loop;
  -- Includes alerts that began to fire under a silence that has ended, or before an address was configured.
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
    -- The end of an alert must not be delivered before its beginning.
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

-- supabase/sql/observe/content_of_user.sql
create or replace function private.content_of_user(p_user_id uuid)
returns table (what text, things bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_type public.report_types;
  v_reports uuid[] := array(select report_id from private.erasures where user_id = p_user_id and report_id is not null);
  v_ids uuid[];
begin
  for v_type in select * from public.report_types order by report_type loop
    execute format('select array(select id from public.%I where user_id = $1)', v_type.table_name) into v_ids using p_user_id;
    v_reports := v_reports || v_ids;
    what := v_type.table_name;
    things := cardinality(v_ids);
    return next;
  end loop;
  return query
  select 'events with content', count(*) from public.report_events
  where report_id = any (v_reports) and erased_at is null
  union all
  select 'jobs with content', count(*) from private.job_runs
  where (user_id = p_user_id or caller = p_user_id::text or report_id = any (v_reports)) and erased_at is null
  union all
  select 'deliveries with an answer', count(*) from public.webhook_deliveries
  where report_id = any (v_reports) and response <> '{}'
  union all
  select 'audit rows with content', count(*) from private.audit_with_content where report_id = any (v_reports)
  union all
  select 'notifications', count(*) from public.report_notifications where user_id = p_user_id;
end
$$;

comment on function private.content_of_user(uuid) is
  'How much of a user an erasure would take, or has left: reports, and events, jobs, deliveries, audit rows and notifications that have content.';
revoke all on function private.content_of_user(uuid) from public, anon, authenticated, service_role;

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

-- supabase/sql/observe/erase_account.sql
create or replace function private.erase_account(p_user_id uuid, p_limit int, p_deadline timestamptz)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_type public.report_types;
  v_job record;
  v_left boolean := false;
begin
  -- Without even the wait of the time-out: whoever deletes the account holds this row, and may wait for our row in erasures.
  perform from auth.users where id = p_user_id for key share nowait;
  for v_type in select * from public.report_types order by report_type loop
    v_left := v_left or clock_timestamp() > p_deadline;
    exit when v_left;
    -- The content of these reports is erased like that of every deleted report.
    execute format(
      'delete from public.%1$I where id in (
         select id from public.%1$I where user_id = $1 order by id limit $2 for update skip locked)', v_type.table_name)
    using p_user_id, p_limit;
    execute format('select exists (select from public.%I where user_id = $1)', v_type.table_name)
    into v_left using p_user_id;
  end loop;
  for v_job in
    -- Jobs of a report that another user has got since, too.
    select job_id, report_type, report_id from private.job_runs
    where (user_id = p_user_id and report_id is null or caller = p_user_id::text) and erased_at is null
    order by job_id limit p_limit
  loop
    exit when clock_timestamp() > p_deadline;
    continue when v_job.report_id is not null and not private.try_lock_report(v_job.report_type, v_job.report_id);
    if private.forget_job(v_job.job_id) and v_job.report_id is not null then
      perform private.show_report_status(v_job.report_type, v_job.report_id);
    end if;
  end loop;
  delete from public.report_notifications where user_id = p_user_id;
  return not v_left
    and not exists (
      select from private.job_runs
      where (user_id = p_user_id and report_id is null or caller = p_user_id::text) and erased_at is null);
end
$$;

comment on function private.erase_account(uuid, int, timestamptz) is
  'Deletes the reports and notifications of a user, and erases the jobs that the user asked for: up to p_limit of each, and until p_deadline. True: nothing is left but the content of deleted reports, which erase_report() erases.';
revoke all on function private.erase_account(uuid, int, timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/observe/erase_due.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_due(p_limit int, p_user_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '2 seconds';
  v_deadline timestamptz := clock_timestamp() + c_longest;
  v_is_cancelled boolean := false;
  v_is_told boolean;
  v_due private.erasures;
  -- Accounts that are done, except for reports that are still in the queue.
  v_accounts bigint[] := '{}';
  v_reports int := 0;
  v_users jsonb;
  v_errors jsonb := '[]';
begin
  for v_due in
    select * from private.erasures
    where report_id is null and (p_user_id is null or user_id = p_user_id)
    -- Unfinished ones that were tried most recently come last.
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when v_is_cancelled or clock_timestamp() > v_deadline;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      if private.erase_account(v_due.user_id, p_limit, v_deadline) then
        v_accounts := v_accounts || v_due.id;
      end if;
    exception
      when lock_not_available then
        null;
      when query_canceled or others then
        -- One failing erasure does not stop the others. One that used up the time of the whole call is still marked as tried,
        -- so it comes last.
        v_is_cancelled := sqlstate = '57014';
        v_errors := v_errors || jsonb_build_object('user_id', v_due.user_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  for v_due in
    select * from private.erasures
    where report_id is not null and (p_user_id is null or user_id = p_user_id)
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when v_is_cancelled or clock_timestamp() > v_deadline;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      -- Separately, so that subscribers are told even if a part of the content is locked.
      v_is_told := false;
      perform private.tell_deletion(v_due.report_type, v_due.report_id, v_due.user_id);
      v_is_told := true;
    exception when query_canceled or others then
      v_is_cancelled := sqlstate = '57014';
      v_errors := v_errors || jsonb_build_object('report_id', v_due.report_id, 'error', "left"(sqlerrm, 200));
    end;
    begin
      if private.erase_report(v_due.report_type, v_due.report_id, p_limit, v_deadline) and v_is_told then
        delete from private.erasures where id = v_due.id;
        v_reports := v_reports + 1;
      end if;
    exception
      when lock_not_available then
        null;
      when query_canceled or others then
        v_is_cancelled := sqlstate = '57014';
        v_errors := v_errors || jsonb_build_object('report_id', v_due.report_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  with done as (
    delete from private.erasures account
    where id = any (v_accounts)
      and not exists (
        select from private.erasures report where report.user_id = account.user_id and report.report_id is not null)
    returning user_id)
  select coalesce(jsonb_agg(user_id), '[]') into v_users from done;
  return jsonb_build_object(
    'reports', v_reports, 'users', v_users, 'errors', v_errors,
    'busy', v_is_cancelled or clock_timestamp() > v_deadline,
    'left', exists (select from private.erasures where p_user_id is null or user_id = p_user_id));
end
$$;

comment on function public.erase_due(int, uuid) is
  'Erases the content of reports and accounts that were deleted, up to p_limit of each and for about two seconds; only those of p_user_id where it is given. Waits for no lock: the next call goes on. Returns {reports: how many are done, users: [user id] whose accounts are done, errors: [{user_id or report_id, error}], busy: it ended for its time, left: whether any waits}.';
revoke all on function public.erase_due(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.erase_due(int, uuid) to service_role;

-- supabase/sql/observe/erase_report.sql
create or replace function private.erase_report(p_report_type text, p_report_id uuid, p_limit int, p_deadline timestamptz)
returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_exists boolean;
  v_id text;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists then
    return true;
  end if;
  for v_id in
    select job_id from private.job_runs
    where report_id = p_report_id and report_type = p_report_type and erased_at is null order by job_id limit p_limit
  loop
    exit when clock_timestamp() > p_deadline;
    perform private.forget_job(v_id);
  end loop;
  for v_id in
    select id from public.report_events
    where report_id = p_report_id and report_type = p_report_type and erased_at is null order by id limit p_limit
  loop
    exit when clock_timestamp() > p_deadline;
    perform private.forget_event(v_id);
  end loop;
  -- Requests that named the report but none of its events.
  return clock_timestamp() < p_deadline
    and private.forget_audit(null, p_report_id, p_limit) < p_limit
    and not exists (
      select from private.job_runs where report_id = p_report_id and report_type = p_report_type and erased_at is null)
    and not exists (
      select from public.report_events where report_id = p_report_id and report_type = p_report_type and erased_at is null);
end
$$;

comment on function private.erase_report(text, uuid, int, timestamptz) is
  'Erases the content of a report that was deleted: of up to p_limit of its jobs, events and audit rows each, and until p_deadline. True: nothing is left.';
revoke all on function private.erase_report(text, uuid, int, timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/observe/erase_user.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_user(p_user_id uuid, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  -- With this row, the sweeps finish what this call leaves.
  insert into private.erasures (user_id) values (p_user_id) on conflict do nothing;
  return public.erase_due(p_limit, p_user_id);
end
$$;

comment on function public.erase_user(uuid, int) is
  'Begins or continues the erasure of a user''s content: one step of erase_due(), with its answer. The next call or sweep erases the rest.';
revoke all on function public.erase_user(uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.erase_user(uuid, int) to service_role;

-- supabase/sql/observe/evaluate_alerts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.evaluate_alerts(
  p_notify boolean, p_function_time timestamptz default null, p_secrets jsonb default null,
  p_unless_swept boolean default false)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' set lock_timeout = '500ms' as $$
declare
  v_rule private.alert_rules;
  v_readings jsonb;
  v_failures jsonb := '[]';
  v_changes jsonb := '[]';
begin
  if p_unless_swept and not private.is_unwatched() then
    return '{"evaluated": false}';
  elsif not pg_try_advisory_xact_lock(hashtextextended('polaris evaluate_alerts', 0)) then
    -- Another call is evaluating.
    return '{"evaluated": false}';
  end if;
  update private.watch_state
  set evaluated_at = now(),
    clock_ahead_seconds = coalesce(extract(epoch from p_function_time - clock_timestamp()), clock_ahead_seconds)
  where only_row;

  -- A failing rule is an alert of its own and does not stop the others. If a rule uses up the call's time, the call ends: its
  -- time-out fires only once, so a further slow rule would run without limit. That rule comes last in the next call.
  begin
    perform private.note_table_sizes();
    if p_secrets is not null then
      perform private.note_secrets(p_secrets);
    end if;
  exception when query_canceled or others then
    v_failures := v_failures || jsonb_build_object(
      'subject', 'notes', 'value', 1, 'affected', 1, 'facts', jsonb_build_object('sqlstate', sqlstate));
  end;
  for v_rule in
    select * from private.alert_rules rule
    where rule <> 'rule_failing'
    order by exists (
      select from public.alerts failing
      where failing.rule = 'rule_failing' and failing.subject = rule.rule and failing.state <> 'resolved'), rule
  loop
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
      exit when sqlstate = '57014';
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

-- supabase/sql/observe/find_account.sql
create or replace function private.find_account(p_user text)
returns uuid
language plpgsql stable set search_path = '' as $$
begin
  if p_user ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return p_user::uuid;
  end if;
  -- Auth stores addresses in lower case, and has an index for accounts without single sign-on. Accounts with single sign-on
  -- may share an address, so only an id identifies them.
  return (select id from auth.users where email = lower(btrim(p_user)) and is_sso_user = false);
end
$$;

comment on function private.find_account(text) is
  'The id of a user: p_user is that id, of an account or of a deleted one, or the whole e-mail address of an account. Null: no account has this address.';
revoke all on function private.find_account(text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/forget_audit.sql
create or replace function private.forget_audit(p_event_id text, p_report_id uuid, p_limit int)
returns int
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_retention text := coalesce(current_setting('polaris.retention', true), '');
  v_rows int;
begin
  perform set_config('polaris.retention', 'on', true);
  update public.webhook_audit audit
  set request_payload = forgotten.request_payload, response_body = null, error_message = null, body_sha256 = null
  from (
    select id, (private.without_content(content)).request_payload
    from public.webhook_audit content
    where id in (
      select id from private.audit_with_content where event_id = p_event_id or report_id = p_report_id limit p_limit)) forgotten
  where audit.id = forgotten.id;
  get diagnostics v_rows = row_count;
  perform set_config('polaris.retention', v_retention, true);
  return v_rows;
exception when lock_not_available then
  return p_limit;
end
$$;

comment on function private.forget_audit(text, uuid, int) is
  'Erases the content of up to p_limit audit rows of an event, or of a report. Returns how many; fewer than p_limit: none is left. p_limit also where another transaction holds one.';
revoke all on function private.forget_audit(text, uuid, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/get_failed_webhooks.sql
-- Definer rights: the platform's functions call it with the service key, which has no rights on our tables.
create or replace function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
returns table (table_name text, record_id uuid, job_id text, webhook_attempts int, last_attempt timestamptz)
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.report_table(due.report_type), due.report_id, due.job_id, due.attempts, due.last_attempt
  from private.due_deliveries due
  where due.attempts < max_attempts
    and exists (select from public.webhook_endpoints where id = due.endpoint_id and kind = 'internal')
    and (due.last_attempt is null or due.last_attempt <= now() - make_interval(mins => retry_after_minutes))
  order by due.next_attempt, due.id
$$;

comment on function public.get_failed_webhooks(int, int) is
  'Reports whose webhook failed fewer than max_attempts times, the last retry_after_minutes ago or longer.';
revoke all on function public.get_failed_webhooks(int, int) from public, anon, authenticated, service_role;
grant execute on function public.get_failed_webhooks(int, int) to service_role;

-- supabase/sql/observe/is_unwatched.sql
create or replace function private.is_unwatched()
returns boolean
language sql stable set search_path = '' as $$
  select not exists (
    select from private.heartbeats sweep, private.watch_state watch
    where sweep.source = 'sweep' and watch.only_row
      and (coalesce(sweep.last_at, watch.installed_at) > now() - interval '3 minutes'
        or watch.evaluated_at > now() - interval '50 seconds'))
$$;

comment on function private.is_unwatched() is
  'Whether the last sweep is over three minutes old, and the last evaluation of alerts nearly one.';
revoke all on function private.is_unwatched() from public, anon, authenticated, service_role;

-- supabase/sql/observe/keep_audit.sql
create or replace function private.keep_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  v_forgotten public.webhook_audit;
begin
  -- Other roles have no right to call these functions, and would get a permission error in place of the refusal below.
  if current_user = 'postgres' then
    if tg_op = 'DELETE' and private.is_retention() then
      return old;
    elsif tg_op = 'UPDATE' and private.is_retention() then
      v_forgotten := private.without_content(old);
      if v_forgotten operator(pg_catalog.*=) new then
        return new;
      end if;
    end if;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end
$$;

comment on function private.keep_audit() is
  'Refuses every change of an audit row but the erasure of its content, and its deletion by anybody but retention.';
revoke all on function private.keep_audit() from public, anon, authenticated, service_role;

-- supabase/sql/observe/kept_by_platform.sql
create or replace function private.kept_by_platform(p_user_id uuid)
returns table (place text, things bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_column record;
begin
  for v_column in
    select class.relname as table_name, owner.attname as owner, content.attname as content
    from pg_catalog.pg_constraint reference
    join pg_catalog.pg_class class on class.oid = reference.conrelid
    join pg_catalog.pg_attribute owner on owner.attrelid = class.oid and owner.attnum = reference.conkey[1]
    join pg_catalog.pg_attribute content
      on content.attrelid = class.oid and content.attnum > 0 and not content.attisdropped
        and content.atttypid in ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype)
    where reference.contype = 'f' and reference.confrelid = 'auth.users'::regclass
      and class.relnamespace = 'public'::regnamespace and class.relname <> 'report_jobs'
    order by class.relname, content.attnum
  loop
    place := v_column.table_name || '.' || v_column.content;
    execute format(
      'select count(*) from public.%I where %I = $1 and %I::text not in ('''', ''{}'', ''[]'')',
      v_column.table_name, v_column.owner, v_column.content)
    into things using p_user_id;
    if things > 0 then
      return next;
    end if;
  end loop;
  -- In the platform's rows, only the job may name the person, by our job_runs.
  return query
  select 'report_jobs.' || content.name, count(*)
  from public.report_jobs job
  cross join lateral (values
    (1, 'prompt', job.prompt), (2, 'result', job.result), (3, 'error', job.error), (4, 'metadata', job.metadata::text),
    (5, 'idempotency_key', job.idempotency_key)) content (place, name, value)
  where (job.user_id = p_user_id or job.job_id in (select job_id from private.job_runs where user_id = p_user_id))
    and content.value not in ('', '{}', 'null')
  group by content.place, content.name
  order by content.place;
  return query
  select 'auth.users', count(*) from auth.users where id = p_user_id having count(*) > 0;
end
$$;

comment on function private.kept_by_platform(uuid) is
  'The columns of the platform''s tables that still hold text of a user, with how many rows, and whether the account exists. We cannot empty these columns.';
revoke all on function private.kept_by_platform(uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/metrics.sql
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
  -- Null: no function has this variable any more.
  where is_current and (p_secrets -> name ? fingerprint) is not true;
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
  -- Callers and the platform may choose any text as a job id.
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
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null,
  -- Older functions do not pass it.
  p_pause_max_days int default 30)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- After this time, applying the proposal would do something else than its preview says.
  c_proposal constant interval := '7 days';
  -- Erasing an event takes locks, its audit rows and up to a megabyte of content. A batch must end before REST ends the call,
  -- which would undo the whole batch, at every sweep.
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
  -- The lowest key of each kind. With `p_after is null or …`, no plan could start in the index at p_after.
  v_after jsonb := coalesce(p_after, '{
    "audit": {"at": "-infinity", "id": "00000000-0000-0000-0000-000000000000"},
    "payloads": {"at": "-infinity", "id": ""}, "jobs": {"at": "-infinity", "id": ""}}');
  -- The range of each kind that this call examines: up to p_limit rows in order of age, including those to keep. Whether a
  -- row is needed is a subquery with `limit 1`: for `exists`, PostgreSQL may read all open deliveries at each call.
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
  -- Those of the jobs whose row of report_jobs is locked here.
  v_shown text[];
  v_pruned int;
begin
  perform set_config('polaris.retention', 'on', true);
  select coalesce(array_agg(id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', created_at, 'id', id) order by created_at, id))[p_limit] as last
  into v_audit
  from (
    select audit.id, audit.created_at,
      -- The history of an unsettled delivery is kept to explain it.
      (select true from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and private.is_closed(delivery.dead_reason) is not true
        limit 1) is not null as needed
    from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      and (created_at, id) > ((v_after #>> '{audit,at}')::timestamptz, (v_after #>> '{audit,id}')::uuid)
    order by created_at, id
    limit p_limit) range;
  -- By the places of the locked rows: by their ids, each would be looked up twice.
  delete from public.webhook_audit where ctid = any (array(
    select ctid from public.webhook_audit where id = any (v_audit.ids) for update skip locked));
  get diagnostics v_audit_pruned = row_count;
  delete from public.webhook_refusals where (minute, part) in (
    select minute, part from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute, part limit p_limit);
  get diagnostics v_refusals = row_count;
  -- Buckets that have been full for an hour: a part without a row is full as well.
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
  -- Proposed replays that nobody has applied: their previews are outdated.
  delete from public.plans where id in (
    select id from public.plans
    where status = 'proposed' and created_at < now() - c_proposal
    order by created_at, id limit p_limit for update skip locked);
  -- A subscriber's last check is kept, since it shows the current state.
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
      -- An open delivery is still sent from this content. A dead letter is not sent by itself.
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
      -- The next sweep begins with the rest of this range, which is then the oldest.
      exit;
    end if;
    v_erased := v_erased + private.forget_event(v_event_id, p_is_folded => exists (
      select from private.report_contents where event_id = v_event_id and lost_at = '-infinity'))::int;
  end loop;
  select coalesce(array_agg(job_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', completed_at, 'id', job_id) order by completed_at, job_id))[p_limit] as last
  into v_finished
  from (
    select job.job_id, job.completed_at,
      -- For a job that ended without an event, only the job tells the state of its report.
      (job.event_id is null and job.status <> 'cancelled' and job.report_id is not null and job.erased_at is null)
      or (select true from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id
          -- If the event is erased without an effect, the report was deleted.
          and (event.effect is null and event.erased_at is null
            or delivery.status not in ('success', 'superseded', 'cancelled')
              and private.is_closed(delivery.dead_reason) is not true)
        limit 1) is not null
      -- Nor may such a job become the newest request that way: an imported event may be older than its job.
      or exists (
        select from private.job_runs older
        join public.report_events event on event.id = job.event_id and event.channel = 'import'
        where older.report_id = job.report_id and older.report_type = job.report_type
          and older.event_id is null and older.status <> 'cancelled' and older.erased_at is null
          and (older.created_at::timestamptz(3), older.job_id collate "C") > (event.requested_at, event.id collate "C")
          and older.created_at < job.created_at) as needed
    from private.job_runs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      and (job.completed_at, job.job_id) > ((v_after #>> '{jobs,at}')::timestamptz, v_after #>> '{jobs,id}')
    order by job.completed_at, job.job_id
    limit p_limit) range;
  select coalesce(array_agg(job_id), '{}') into v_jobs from (
    select job_id from private.job_runs where job_id = any (v_finished.ids) for update skip locked) expired;
  -- Writers of report_jobs wait for the job in guard_job(). So a locked row is skipped here without waiting, and both rows
  -- are left for the next time.
  select coalesce(array_agg(job_id), '{}') into v_shown from (
    select job_id from public.report_jobs where job_id = any (v_jobs) for update skip locked) shown;
  delete from public.report_jobs
  -- Rows written by the platform are for the platform to delete.
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
  'Waiting deliveries of each of our own endpoints, counted up to 10,000: those without a sender, the oldest, and the first ids.';
revoke all on function private.queues() from public, anon, authenticated, service_role;

-- supabase/sql/observe/record_alert_attempt.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_alert_attempt(
  p_id text, p_token bigint, p_delivered boolean, p_error text default null, p_host text default null)
returns void
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  update public.alert_deliveries
  set attempts = attempts + 1, lease_expires_at = null, claim_id = null, lease_token = lease_token + 1,
    delivered_at = case when p_delivered then now() end,
    host = case when p_delivered then "left"(p_host, 255) end,
    dead_at = case when not p_delivered then dead_at end,
    error = case when not p_delivered then "left"(p_error, 500) end,
    -- 30 s, 1 min, 2 min, 4 min, then every five minutes.
    next_attempt = case when not p_delivered then
      now() + least(interval '5 minutes', interval '30 seconds' * power(2, least(attempts, 10))) end
  where id = p_id and delivered_at is null
    -- Any holder may record a success, which is a fact; only the current holder may record a failure.
    and (p_delivered or lease_token = p_token and dead_at is null)
$$;

comment on function public.record_alert_attempt(text, bigint, boolean, text, text) is
  'Records the outcome of an attempt to deliver an alert. p_error: our own words. p_host: where it was delivered.';
revoke all on function public.record_alert_attempt(text, bigint, boolean, text, text) from public, anon, authenticated, service_role;
grant execute on function public.record_alert_attempt(text, bigint, boolean, text, text) to service_role;

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

-- supabase/sql/observe/record_ping.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_ping(p_ping_id text)
returns jsonb
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  select jsonb_build_object('pings', ping.beats, 'database_time', private.iso_time(ping.last_at))
  from private.record_heartbeat('ping', p_ping_id) ping
$$;

comment on function public.record_ping(text) is
  'Counts a verified ping, and changes nothing else. Returns how many pings came so far, and the time of the database.';
revoke all on function public.record_ping(text) from public, anon, authenticated, service_role;
grant execute on function public.record_ping(text) to service_role;

-- supabase/sql/observe/record_sweep.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_sweep(p_sweep_id text)
returns bigint
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  select beats from private.record_heartbeat('sweep', p_sweep_id)
$$;

comment on function public.record_sweep(text) is
  'Counts a sweep that the cron asked for, so that the health check can say whether the cron works. Returns how many came so far.';
revoke all on function public.record_sweep(text) from public, anon, authenticated, service_role;
grant execute on function public.record_sweep(text) to service_role;

-- supabase/sql/observe/record_webhook_request.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_webhook_request(p_request jsonb, p_verified boolean, p_cap_per_minute int)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_requests bigint := 0;
  v_is_forgotten boolean;
begin
  if exists (select from public.webhook_audit where id = (p_request ->> 'id')::uuid) then
    -- Repeated call: this request is already audited.
    return true;
  end if;
  if not p_verified then
    -- Eight rows per minute, so that callers do not queue for a single row.
    insert into public.webhook_refusals as refusals (minute, part, requests)
    values (date_trunc('minute', now()), floor(random() * 8), 1)
    on conflict (minute, part) do update set requests = refusals.requests + 1;
    select sum(requests) into v_requests from public.webhook_refusals where minute = date_trunc('minute', now());
  end if;
  if v_requests > p_cap_per_minute then
    return false;
  end if;
  -- An answer lists the faults of a body, which may belong to an erased event.
  v_is_forgotten := exists (
    select from public.report_events where id = p_request ->> 'event_id' and erased_at is not null)
    or p_request ->> 'report_id' is not null
      and private.report_is_gone(p_request ->> 'report_type', (p_request ->> 'report_id')::uuid);
  perform private.add_audit(
    p_id => (p_request ->> 'id')::uuid, p_direction => 'in', p_outcome => p_request ->> 'outcome',
    p_endpoint_id => p_request ->> 'endpoint_id', p_event_id => p_request ->> 'event_id',
    p_report_type => p_request ->> 'report_type', p_report_id => (p_request ->> 'report_id')::uuid,
    p_actor => p_request ->> 'actor',
    p_payload => jsonb_build_object('endpoint', p_request ->> 'endpoint', 'method', p_request ->> 'method'),
    p_response_status => (p_request ->> 'status')::int,
    p_response_body => case when not v_is_forgotten then nullif(p_request -> 'answer', 'null') end,
    p_error => case when not v_is_forgotten then p_request ->> 'detail' end,
    p_body_sha256 => case when not v_is_forgotten then p_request ->> 'body_sha256' end,
    p_trace_id => p_request ->> 'trace_id', p_span_id => p_request ->> 'span_id',
    p_body_bytes => (p_request ->> 'body_bytes')::int, p_duration_ms => (p_request ->> 'elapsed_ms')::numeric);
  return true;
end
$$;

comment on function public.record_webhook_request(jsonb, boolean, int) is
  'Audits a request that applied nothing, without its body. p_request.id, minted by the endpoint, recognises a repeated call. p_verified: it is not counted, and has no cap. False: over the cap of this minute, so that it was only counted; requests at the same moment may exceed the cap by their own number.';
revoke all on function public.record_webhook_request(jsonb, boolean, int) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_request(jsonb, boolean, int) to service_role;

-- supabase/sql/observe/report_usage.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.report_usage(
  p_function text, p_invocations int, p_cpu_ms bigint, p_memory_bytes bigint)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  insert into private.function_usage as known (name, invocations, cpu_ms, memory_bytes, memory_at)
  values (p_function, greatest(p_invocations, 0), greatest(p_cpu_ms, 0), greatest(p_memory_bytes, 0), now())
  on conflict (name) do update
  set invocations = known.invocations + excluded.invocations,
    cpu_ms = known.cpu_ms + excluded.cpu_ms,
    (memory_bytes, memory_at) = (
      select most.memory_bytes, most.memory_at
      from (values (known.memory_bytes, known.memory_at), (excluded.memory_bytes, excluded.memory_at)) most (memory_bytes, memory_at)
      where most.memory_at > now() - interval '15 minutes'
      order by most.memory_bytes desc, most.memory_at desc limit 1);
  return private.is_unwatched();
end
$$;

comment on function public.report_usage(text, int, bigint, bigint) is
  'Adds what an instance of a function has used since its last report: calls answered, CPU time, and the most memory it ever had. Returns is_unwatched(): then the caller evaluates the alerts. A repeated call adds again: it is not recognised, since these figures are only read by people.';
revoke all on function public.report_usage(text, int, bigint, bigint) from public, anon, authenticated, service_role;
grant execute on function public.report_usage(text, int, bigint, bigint) to service_role;

-- supabase/sql/observe/roll_up_webhooks.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.roll_up_webhooks(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_quarter constant interval := '15 minutes';
  -- created_at is the start of a transaction. If one takes longer than this, its rows are missing in the figures, but not in
  -- the audit. The REST layer ends calls after seconds.
  c_margin constant interval := '5 minutes';
  -- Per bucket length; twice as many as a window shows.
  c_slots_kept constant int := 192;
  v_until timestamptz;
  v_first timestamptz;
  v_quarter timestamptz;
  v_quarters int := 0;
  v_minutes int;
  v_slot timestamptz;
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
begin
  select rolled_up_until into v_until from public.webhook_roll_up where only_row for update skip locked;
  if not found then
    -- Another sweep is rolling up.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin
      -- A quarter with many rows takes long: stop and keep what has been counted, at least one quarter.
      or v_quarters > 0 and clock_timestamp() > v_deadline;
    foreach v_minutes in array '{15,120}'::int[] loop
      v_slot := date_bin(make_interval(mins => v_minutes), v_quarter, 'epoch');
      insert into public.webhook_counts as kept (
        slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure, requests)
      select v_minutes, v_slot, direction, endpoint_id, report_type, outcome, reports_failure, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, endpoint_id, report_type, outcome, reports_failure
      on conflict (slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure)
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
    -- Once per call: each further version of a row in one transaction slows down looking it up.
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
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and removes counts that no window shows any more. After two seconds it begins no further quarter. Returns how many quarters.';
revoke all on function public.roll_up_webhooks(int) from public, anon, authenticated, service_role;
grant execute on function public.roll_up_webhooks(int) to service_role;

-- supabase/sql/observe/schedule_sweep.sql
create or replace function private.schedule_sweep(p_url text, p_cron_secret text)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_missing text;
  v_secret record;
  v_id uuid;
begin
  select string_agg(extension, ', ' order by extension) into v_missing
  from (values
    ('pg_cron', to_regprocedure('cron.schedule(text,text,text)') is not null),
    ('pg_net', to_regprocedure('net.http_get(text,jsonb,jsonb,integer)') is not null),
    ('supabase_vault', to_regprocedure('vault.create_secret(text,text,text,uuid)') is not null)) needed (extension, there)
  where not there;
  if v_missing is not null then
    return 'Nothing was scheduled: this database lacks ' || v_missing || '.';
  elsif p_url !~ '^https://[^/\s]+$' then
    raise exception 'p_url must be the deployment''s address, such as https://polaris.example.com'
      using errcode = 'invalid_parameter_value';
  elsif length(p_cron_secret) < 32 then
    raise exception 'p_cron_secret must have at least 32 characters' using errcode = 'invalid_parameter_value';
  end if;
  for v_secret in select * from (values ('polaris_url', p_url), ('polaris_cron_secret', p_cron_secret)) secrets (name, value)
  loop
    execute 'select id from vault.secrets where name = $1' into v_id using v_secret.name;
    if v_id is null then
      execute 'select vault.create_secret($1, $2)' using v_secret.value, v_secret.name;
    else
      execute 'select vault.update_secret($1, $2)' using v_id, v_secret.value;
    end if;
  end loop;
  -- The secret stays in Vault: the schedule only has its name, and reads the secret when it runs.
  execute 'select cron.schedule($1, $2, $3)' using 'polaris sweep', '* * * * *', $command$
    select net.http_get(
      url := (select decrypted_secret from vault.decrypted_secrets where name = 'polaris_url') || '/api/cron/sweep',
      headers := jsonb_build_object('authorization', 'Bearer ' ||
        (select decrypted_secret from vault.decrypted_secrets where name = 'polaris_cron_secret')),
      timeout_milliseconds := 60000)$command$;
  -- pg_cron keeps a row for each run for ever. Deletes only those of our job, not of the platform's.
  execute 'select cron.schedule($1, $2, $3)' using 'polaris cron log', '17 3 * * *', $command$
    delete from cron.job_run_details
    where end_time < now() - interval '7 days'
      and jobid in (select jobid from cron.job where jobname in ('polaris sweep', 'polaris cron log'))$command$;
  return 'The sweep is called every minute. The log of its calls is kept for 7 days.';
end
$$;

comment on function private.schedule_sweep(text, text) is
  'Lets Supabase Cron call the sweep every minute and prune its own log of that. Run again it takes the new address or secret. Returns what it did.';
revoke all on function private.schedule_sweep(text, text) from public, anon, authenticated, service_role;

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

-- supabase/sql/observe/strip_audit.sql
create or replace function private.strip_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if jsonb_typeof(new.request_payload) <> 'object' then
    -- Of another form, it may be the text itself.
    new.request_payload := null;
  end if;
  new.request_payload := new.request_payload - '{research_report,research_metadata,final_data,result}'::text[];
  if jsonb_typeof(new.request_payload -> 'data') = 'object' then
    new.request_payload := jsonb_set(
      new.request_payload, '{data}',
      (new.request_payload -> 'data') - '{research_report,research_metadata,final_data,result}'::text[]);
  end if;
  return new;
end
$$;

comment on function private.strip_audit() is
  'Audit rows of the platform lose the text of the report: contents stand in one place.';
revoke all on function private.strip_audit() from public, anon, authenticated, service_role;

-- supabase/sql/observe/update_webhook_status.sql
-- Definer rights: the platform's functions call it with the service key, which has no rights on our functions.
create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}',
  increment_attempts boolean default true)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type text;
  v_exists boolean;
begin
  select report_type into v_type from public.report_types type where type.table_name = update_webhook_status.table_name;
  -- The first version's tables are also accepted by name: a push registers them after it has created this function.
  if v_type is null and table_name not in ('greeting_reports', 'org_reports', 'requirement_reports') then
    raise exception 'not a table of reports: %', table_name using errcode = 'undefined_table';
  end if;
  execute format('select true from public.%I where id = $1', table_name) into v_exists using record_id;
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'reported', p_report_type => v_type, p_report_id => record_id,
    p_payload => jsonb_build_object('endpoint', 'update_webhook_status', 'status', new_status),
    -- Content for a deleted report is not stored.
    p_response_body => case when v_exists then response_data end, p_attempt_number => increment_attempts::int);
end
$$;

comment on function public.update_webhook_status(text, uuid, text, jsonb, boolean) is
  'Called by the platform''s functions for their own webhooks. The call is audited and moves no delivery: webhook columns are the state of our own deliveries.';
revoke all on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;

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
      -- Deleted reports have events too, and a report may have many.
      select report_id into v_events from public.report_events where report_id > p_after::uuid or p_after is null
      order by report_id offset 5 * p_limit limit 1;
      return least(v_reports, v_events);
  end case;
end
$$;

comment on function private.verify_bound(text, text, int) is
  'The end of a slice of this part that begins after this id: p_limit reports or jobs further, with at most five times as many events. Null: the end of the part.';
revoke all on function private.verify_bound(text, text, int) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_deliveries.sql
create or replace function private.verify_deliveries(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  -- As in verify_range().
  v_audited_since timestamptz := case when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_event') and indisvalid)
    then now() - interval '1 day' else 'infinity' end;
  v_given_up timestamptz := (
    select now() - make_interval(days => pause_max_days + 2) from private.watch_state where only_row);
begin
  return query
  select fault.problem, event.report_type, event.report_id, event.id, event.job_id
  from public.report_events event
  -- A look-up per event, whatever number the planner expects: a slice must not read the whole table.
  cross join lateral (select * from public.webhook_deliveries sent where sent.event_id = event.id offset 0) delivery
  left join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
  cross join lateral (
    select 'an erased event that a delivery would still send' as problem
    where event.erased_at is not null and delivery.dead_at is null
      -- A deletion has no content to erase: it tells subscribers to forget theirs.
      and event.type <> 'report.deleted'
      and delivery.status not in ('success', 'superseded', 'cancelled')
    union all
    select 'a delivery of another report or job'
    where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
      -- For an imported event, the delivery has the job that the row named.
      or delivery.job_id is distinct from event.job_id and event.channel is distinct from 'import'
    union all
    select 'a delivery to an unknown endpoint, or to one of another stage'
    where endpoint.id is null or endpoint.stage <> event.stage
    union all
    select 'an open delivery that is never due'
    -- The last slot is 24 h plus up to a fifth. A delivery under a lease is free when the lease expires.
    where delivery.dead_at is null and delivery.status not in ('success', 'superseded', 'cancelled')
      and greatest(delivery.next_attempt, delivery.lease_expires_at) > now() + interval '2 days'
    union all
    -- It would hold back the next delivery of its report.
    select 'an ended delivery under a lease that does not expire'
    where (delivery.dead_at is not null or delivery.status in ('success', 'superseded', 'cancelled'))
      and delivery.lease_expires_at > now() + interval '2 days'
    union all
    -- keep_subscribers() ends these.
    select 'a delivery to a subscriber that has waited for longer than PAUSE_MAX_DAYS'
    where delivery.position is not null and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled')
      and greatest(delivery.created_at, delivery.next_attempt, delivery.lease_expires_at) < v_given_up
    union all
    select 'a replay that its plan does not ask for'
    -- A pruned plan cannot be asked any more.
    where delivery.plan > 0 and exists (
      select from public.plans plan
      where plan.id = delivery.plan
        and (plan.kind not in ('replay', 'start')
          or delivery.endpoint_id <> all (case plan.kind
            when 'start' then array[plan.filter ->> 'endpoint_id'] else private.texts_of(plan.filter -> 'endpoint_ids') end)))
    union all
    select 'a delivery that succeeded without an audit row'
    where delivery.status = 'success' and coalesce(delivery.last_attempt, delivery.created_at) > v_audited_since
      -- The first version had another form of audit.
      and event.channel is distinct from 'import'
      and not exists (
        select from public.webhook_audit audit
        where audit.event_id = event.id
          and (audit.delivery_id = delivery.id and audit.outcome = 'delivered'
            -- Our own endpoint audits the received request itself.
            or endpoint.kind = 'internal' and audit.direction = 'in' and audit.outcome in ('applied', 'superseded', 'duplicate')))
    union all
    select 'a failed attempt without its audit row'
    where delivery.status in ('sent', 'failed') and delivery.last_attempt > v_audited_since
      and event.channel is distinct from 'import'
      and not exists (
        select from public.webhook_audit audit
        -- Earlier versions audited an attempt without the id of its delivery.
        where audit.event_id = event.id and coalesce(audit.delivery_id, delivery.id) = delivery.id and audit.direction = 'out')
    union all
    select 'a delivery of an erased event that still has an answer'
    where event.erased_at is not null and event.type <> 'report.deleted'
      and delivery.response ?| '{response,error}'::text[]
    union all
    -- A redrive would send it, without its content.
    select 'a dead letter of an erased event that is not closed'
    where event.erased_at is not null and event.type <> 'report.deleted' and delivery.dead_at is not null
      and private.is_closed(delivery.dead_reason) is not true
    union all
    select 'a delivery to a subscriber without a position, or to our own endpoint with one'
    where (endpoint.kind = 'subscriber') <> (delivery.position is not null)
    union all
    select 'a delivery whose position is not that of its event'
    where delivery.position <> coalesce(event.position, 0)
    union all
    select 'a delivery that waits for no earlier delivery'
    where delivery.waits_for is not null and not exists (
      select from public.webhook_deliveries earlier
      where earlier.id = delivery.waits_for and earlier.endpoint_id = delivery.endpoint_id
        and (earlier.report_type, earlier.report_id) = (delivery.report_type, delivery.report_id)
        and earlier.position < delivery.position
        and (private.holds_back(earlier.id)
          -- If the ending transaction could not wake this delivery, the next sweep does.
          or greatest(delivery.created_at, earlier.last_attempt, earlier.claimed_at, earlier.dead_at, earlier.lease_expires_at)
            > now() - interval '5 minutes'))
  ) fault
  where event.report_type = p_report_type
    and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null);

  return query
  select 'two live deliveries of one report in flight to one subscriber', flying.report_type, flying.report_id, max(flying.event_id), null
  from public.webhook_deliveries flying
  where flying.report_type = p_report_type
    and (flying.report_id > p_after or p_after is null) and (flying.report_id <= p_to or p_to is null)
    and flying.position is not null and flying.plan = 0 and flying.redrives = 0
    -- Few rows, found by an index.
    and flying.lease_expires_at >= now()
  group by flying.report_type, flying.report_id, flying.endpoint_id
  having count(*) > 1;

  if not exists (select from private.subscribers) then
    return;
  end if;
  return query
  with events as materialized (
    select event, event.id, event.settings_revision,
      -- Once per event, not per subscriber.
      case when event.erased_at is null or event.type = 'report.deleted'
        then private.filter_document(event, content.research_metadata) end as document
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    where event.report_type = p_report_type and event.effect is not null
      and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null)
  ), settings as materialized (
    -- Once per revision.
    select seen.settings_revision, settings
    from (select distinct events.settings_revision from events where events.settings_revision is not null) seen
    cross join lateral private.settings_in_force(seen.settings_revision) settings
    where settings.takes_events
  ), asked as materialized (
    select events.id, (settings).endpoint_id, (settings).format_version, (settings).body,
      case
        when (event).bulk or not private.selects_event(settings, event, (settings).owner_id) then false
        -- Null, here and below: no longer known. The report may have changed its owner since.
        when (settings).owner_id is not null then null
        when (settings).filter_path is null or (event).type = 'report.deleted' then true
        when document is not null then private.filter_matches(document, (settings).filter_path)
      end as matches
    from events join settings using (settings_revision)
  ), made as materialized (
    select events.id, delivery.endpoint_id, delivery.format_version, delivery.body
    from events cross join lateral (
      select sent.endpoint_id, sent.format_version, sent.body from public.webhook_deliveries sent
      where sent.event_id = events.id and sent.plan = 0 and sent.position is not null offset 0) delivery
  ), wrong as (
    select 'an event without its delivery to a subscriber' as problem, asked.id
    from asked left join made using (id, endpoint_id)
    where asked.matches and made.id is null
      -- The sweep that erases a deleted report has yet to make these deliveries.
      and not exists (
        select from events join private.erasures due
          on due.report_id = (event).report_id and due.report_type = (event).report_type
        where events.id = asked.id and (event).type = 'report.deleted')
      and not exists (
      select from private.filter_faults fault where fault.event_id = asked.id and fault.endpoint_id = asked.endpoint_id)
    union
    select 'a delivery that contradicts the settings of its subscriber', made.id
    from made left join asked using (id, endpoint_id)
    where asked.id is null or not asked.matches
      or (made.format_version, made.body) is distinct from (asked.format_version, asked.body)
  )
  select wrong.problem, (event).report_type, (event).report_id, events.id, (event).job_id
  from wrong join events using (id);
end
$$;

comment on function private.verify_deliveries(text, uuid, uuid) is
  'Every delivery of the reports of this type with an id after p_after up to p_to that breaks an invariant, and every event that a subscriber should have got and did not. Null: no bound.';
revoke all on function private.verify_deliveries(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_jobs.sql
create or replace function private.verify_jobs(p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'a job without a report whose result contradicts its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'an unfinished job that is never due', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and private.is_never_due(job)
  union all
  select 'a job that was requested in the future', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.created_at > now() + interval '5 minutes'
  union all
  select 'a row of report_jobs that holds content of our job', null, null, null, job.job_id
  from private.job_runs job
  join public.report_jobs shown on shown.job_id = job.job_id
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0
    and job.caller <> 'platform'
  union all
  select 'a row of report_jobs that shows another status than our job', null, null, null, job.job_id
  from private.job_runs job
  join public.report_jobs shown on shown.job_id = job.job_id
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and shown.status <> job.status and job.caller <> 'platform'
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
  'The broken invariants in a slice: of the reports of a type, of the jobs without a report (jobs), or of everything else (rest).';
revoke all on function private.verify_part(text, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_range.sql
create or replace function private.verify_range(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  -- Audit rows are kept for at least a day. Without their index, which npm run upgrade may not have built yet, each look-up
  -- would read the whole audit: then this check is off.
  v_audited_since timestamptz := case when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_event') and indisvalid)
    then now() - interval '1 day' else 'infinity' end;
begin
  -- Each row is read once, with joins by key, and yields its findings. The lists below are not joined with each other: if the
  -- planner expected both to be short, a join could take quadratic time.
  return query execute format($query$
    with report as materialized (
      select report.id, winner.id as winner_id, marker.report_id is not null as is_to_import, report.research_status::text,
        winner.id is null and (not private.is_blank(report.research_report) or report.stage is not null)
          as has_content_without_event,
        winner.id is not null
          and (winner.report_id, winner.report_type, winner.status, winner.effect)
            is distinct from (report.id, %2$L, 'completed', 'applied') as has_odd_winner,
        -- Values with equal storage are equal to the digit. Only for others are the values compared, and then their texts.
        winner.id is not null
          and row(report.research_report, report.stage::text, report.research_metadata)::record
            *<> row(content.research_report, winner.stage::text, private.shown_metadata(content))::record
          and (report.research_report is distinct from content.research_report
            or report.stage is distinct from winner.stage
            or report.research_metadata is distinct from private.shown_metadata(content)
            -- Compared as text too: digits are content, and equal values may differ in them. Not for metadata of foreign
            -- writes with long numbers, whose text may be thousands of times as long as what was written.
            or case when winner.channel in ('platform', 'import') and private.has_long_number(report.research_metadata) then false
              else report.research_metadata::text <> private.shown_metadata(content)::text end) as has_other_content,
        latest.event_id as latest_event_id,
        latest.id is not null
          and (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
            report.webhook_job_id)
            is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
          as has_odd_webhook_columns,
        -- The import makes a delivery for each of these states, and leaves other columns of reports without a delivery
        -- unchanged.
        latest.id is null and report.webhook_status in ('sent', 'failed', 'retrying') as has_unexplained_webhook_columns
      from public.%1$I report
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.report_contents content on content.event_id = winner.id
      left join private.reports_to_import marker on marker.report_type = %2$L and marker.report_id = report.id
      left join lateral (
        select * from public.webhook_deliveries delivery
        where delivery.report_id = report.id and delivery.report_type = %2$L
          and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
        order by delivery.id desc limit 1) latest on true
      where (report.id > $1 or $1 is null) and (report.id <= $2 or $2 is null)
    ), event as materialized (
      select event.id, event.type, event.report_id, event.stage, event.status, event.channel, event.effect, event.position,
        event.requested_at, event.created_at, event.applied_at, event.erased_at, event.job_id, event.settings_revision,
        content.event_id as content_id, content.lost_at,
        report.id is not null as has_report, report.winner_event_id is not distinct from event.id as is_winner,
        marker.report_id is null and event.status = 'completed' and event.effect is not null
          and event.id is distinct from winner.id
          and (winner.id is null
            or (event.stage = 'final', event.requested_at, event.id collate "C")
              > (winner.stage = 'final', winner.requested_at, winner.id collate "C")) as outranks_winner,
        lag(event.position) over (partition by event.report_id order by event.position) as previous_position,
        lead(event.position) over (partition by event.report_id order by event.position) as next_position,
        -- Compared as by event_outranks().
        placed.place,
        max(case when event.status = 'completed' then placed.place end) over (
          partition by event.report_id order by event.position rows between unbounded preceding and 1 preceding) as best_before,
        notification.event_id as notification_id,
        (notification.report_type, notification.report_id) <> (event.report_type, event.report_id) as has_odd_notification,
        notification.user_id is distinct from report.user_id as notifies_another,
        delivery.id as delivery_id, delivery.status as delivery_status, delivery.dead_at,
        greatest(delivery.next_attempt, delivery.lease_expires_at) as due_at,
        job.job_id is not null as has_job, job.error as error_of_job,
        job.job_id is not null
          and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
            is distinct from (event.id, event.report_type, event.report_id, event.stage,
              case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at) as has_odd_job,
        content.event_id is not null and report.id is not null and case
          -- The digest of such an event is random: see insert_event().
          when event.channel in ('platform', 'import') and private.has_long_number(content.research_metadata) then false
          else event.digest <> private.content_digest(row(
            event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
            content.research_metadata, content.final_data, event.error, null)::private.incoming_result) end as has_odd_digest
      from public.report_events event
      cross join lateral (
        select (case event.stage when 'final' then '1' else '0' end
          -- Milliseconds, positive and with a fixed number of digits.
          || case when isfinite(event.requested_at)
            then lpad((extract(epoch from event.requested_at) * 1000 + 1000000000000000)::bigint::text, 17, '0') else '' end
          || event.id) collate "C" as place offset 0) placed
      left join public.%1$I report on report.id = event.report_id
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.reports_to_import marker on marker.report_type = %2$L and marker.report_id = event.report_id
      left join private.report_contents content on content.event_id = event.id
      left join public.report_notifications notification on notification.event_id = event.id
      left join private.job_runs job on job.job_id = event.job_id
      left join public.webhook_deliveries delivery
        on delivery.event_id = event.id and delivery.endpoint_id = event.stage || '-report' and delivery.plan = 0
      where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null)
    ), job as materialized (
      select job.job_id, job.report_id, job.status, job.caller, job.created_at, job.event_id, job.erased_at,
        report.id is not null as has_report, event.id is not null as has_event, event.effect,
        event.job_id is not distinct from job.job_id as is_of_event, private.is_never_due(job) as is_never_due,
        num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0 as tells_content,
        shown.status <> job.status as shows_other_status,
        report.user_id is distinct from job.user_id or shown.job_id is not null and report.user_id is distinct from shown.user_id
          as is_of_other_user
      from private.job_runs job
      left join public.report_jobs shown on shown.job_id = job.job_id
      left join public.%1$I report on report.id = job.report_id
      left join public.report_events event on event.id = job.event_id
      where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null)
    ), request as (
      -- The same as private.report_status(), which handles a single report: the newest request that was not cancelled (a job,
      -- or the event of a request without a job of ours); else the newest event; else pending.
      select asked.report_id, bool_or(asked.choice = 3) as is_report,
        (array_agg(asked.is_of_platform order by asked.choice, asked.requested_at desc, asked.id desc, asked.is_event desc))[1]
          as is_of_platform,
        max(asked.shown) as shown, max(asked.winner_id) as winner_id,
        (array_agg(asked.status order by asked.choice, asked.requested_at desc, asked.id desc, asked.is_event desc))[1] as status
      from (
        select job.report_id, null as shown, null as winner_id, 1 as choice, job.created_at::timestamptz(3) as requested_at,
          case when job.has_event then job.event_id else job.job_id end collate "C" as id, false as is_event,
          case
            when job.status = 'queued' then 'pending'
            when job.status = 'running' then 'running'
            when job.has_event and job.effect is null then 'running'
            when job.status = 'succeeded' then 'completed'
            else 'failed'
          end as status,
          job.caller = 'platform' and job.status in ('queued', 'running') as is_of_platform
        from job where job.status <> 'cancelled'
        union all
        select event.report_id, null, null, case when event.type <> 'report.owner.edited' and not event.has_job then 1 else 2 end,
          event.requested_at, event.id collate "C", true, event.status, false
        from event where event.effect is not null
        union all
        select report.id, report.research_status, report.winner_id, 3, null, null, null, 'pending', false
        from report where not report.is_to_import) asked
      group by asked.report_id
    )
    select fault.problem, %2$L, report.id, coalesce(fault.event_id, report.winner_id), null
    from report
    cross join lateral (
      select 'content differs from the winning event' as problem, null as event_id
      where report.has_other_content
      union all
      select 'the winning event is not an applied result of this report', null
      where report.has_odd_winner
      union all
      select 'content without an event', null
      where report.has_content_without_event
      union all
      select 'webhook columns differ from the latest delivery', report.latest_event_id
      where report.has_odd_webhook_columns
      union all
      select 'webhook columns without a delivery', null
      where report.has_unexplained_webhook_columns
    ) fault
    -- A report that is not imported yet has no history to compare with.
    where not report.is_to_import
    union all
    select 'research_status differs from the newest request', %2$L, request.report_id, request.winner_id, null
    from request
    where request.is_report and request.shown is distinct from request.status
      -- The platform's functions change their job while another transaction holds the report: its next write shows that.
      and not request.is_of_platform
    union all
    select fault.problem, %2$L, event.report_id, event.id, case when fault.names_job then event.job_id end
    from event
    cross join lateral (
      select 'an applied event outranks the winner' as problem, false as names_job
      where event.outranks_winner
      union all
      select 'an effect that contradicts the order of its report', true
      -- The import decides by what the row shows.
      where event.channel <> 'import' and event.status = 'completed' and event.effect is not null
        and (event.effect = 'applied') <> (event.best_before is null or event.place > event.best_before)
      union all
      select 'an event without a delivery', true
      where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
        and event.channel is distinct from 'import' and event.delivery_id is null
      union all
      select 'an event without its content, or an erased event with content', true
      where (event.erased_at is null) = (event.content_id is null)
      union all
      select 'content that does not match its digest', true
      where event.has_odd_digest
      union all
      select 'content of a winner that is marked as lost, or of a loser that is not', true
      where event.content_id is not null
        and (event.lost_at is not null) <> (
          event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
          or event.effect = 'applied' and event.status = 'completed' and not event.is_winner)
      union all
      -- Of a folded edit, lost_at is -infinity until the next sweep forgets it.
      select 'lost content that is never forgotten', true
      where event.lost_at > now() + interval '1 day'
        or event.lost_at = '-infinity' and event.applied_at < now() - interval '1 day'
      union all
      select 'a gap in the positions of a report', true
      where event.position > 1 and event.previous_position is distinct from event.position - 1
      union all
      -- An event is committed before it is sent, so it may have no effect for a while.
      select 'an event without an effect', true
      where event.effect is null
        and (event.delivery_id is null or event.dead_at is not null or event.delivery_status = 'success'
          or event.due_at < now() - interval '5 minutes')
      union all
      select 'a completed final without its notification', true
      where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
        and event.channel in ('webhook', 'direct') and event.notification_id is null
      union all
      select 'a notification of an event that was not applied', true
      where event.notification_id is not null
        and (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
      union all
      select 'a notification of another report', true
      where event.has_odd_notification
      union all
      select 'a notification to a user who does not own the report', true
      where event.notification_id is not null and event.notifies_another
      union all
      -- A time up to five minutes ahead counts as now.
      select 'an event whose requested_at is after its created_at', true
      where event.requested_at > event.created_at + interval '5 minutes'
      union all
      select 'an effect of a webhook without its audit row', true
      where event.channel = 'webhook' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit
        where audit.event_id = event.id and audit.direction = 'in' and audit.outcome = event.effect)
      union all
      select 'an effect of a direct update without its audit row', true
      where event.channel = 'direct' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit where audit.event_id = event.id and audit.direction = 'out')
      union all
      select 'an effect of the platform without its audit row', true
      where event.channel = 'platform' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit where audit.event_id = event.id and audit.direction = 'in')
      union all
      select 'an erased event whose job still has its error', true
      where event.erased_at is not null and event.error_of_job is not null
      union all
      select 'a job that differs from its event', true
      -- What the platform's functions write may disagree with their jobs.
      where event.has_odd_job and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
    ) fault
    -- Events of deleted reports are not checked here.
    where event.has_report
    union all
    select 'content of a deleted report', %2$L, event.report_id, event.id, event.job_id
    from event
    where not event.has_report and event.erased_at is null
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
    union all
    -- Without a revision, there was nobody to tell.
    select 'a deleted report without its event report.deleted', %2$L, event.report_id, event.id, event.job_id
    from event
    where not event.has_report and event.settings_revision is not null and event.position is not null
      and event.next_position is null and event.type <> 'report.deleted'
    union all
    select 'an audit row that holds content of an event', %2$L, event.report_id, event.id, event.job_id
    from event
    where greatest(event.applied_at, event.erased_at) > $3 and exists (
      select from public.webhook_audit audit
      where audit.event_id = event.id
        and (audit.request_payload ?| $4 or audit.request_payload -> 'data' ?| $4
          -- Once the content is erased: neither its hash, nor its error, nor what a receiver may have repeated of it.
          or event.erased_at is not null and event.type <> 'report.deleted' and (
            audit.outcome in ('applied', 'superseded', 'duplicate')
              and (audit.body_sha256 is not null or audit.request_payload -> 'data' ? 'error')
            or audit.direction = 'out' and audit.outcome <> 'skipped'
              and num_nonnulls(audit.response_body, audit.error_message) > 0)))
    union all
    select fault.problem, %2$L, job.report_id, job.event_id, job.job_id
    from job
    cross join lateral (
      select 'an unfinished job of a deleted report' as problem
      where not job.has_report and job.status in ('queued', 'running')
      union all
      select 'content of a deleted report'
      where not job.has_report and job.erased_at is null and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)
      union all
      select 'an unfinished job that is never due'
      where job.is_never_due
      union all
      -- It would outrank every request until then.
      select 'a job that was requested in the future'
      where job.created_at > now() + interval '5 minutes'
      union all
      select 'a row of report_jobs that holds content of our job'
      -- Rows inserted by the platform's functions may show their content.
      where job.tells_content and job.caller <> 'platform'
      union all
      select 'a row of report_jobs that shows another status than our job'
      where job.shows_other_status and job.caller <> 'platform'
      union all
      select 'a job shown to a user who does not own the report'
      -- A job that a user asked for stays that user's.
      where job.has_report and job.is_of_other_user and job.caller = 'pipeline'
      union all
      select 'a finished job without its event'
      where job.has_report and not job.is_of_event and job.status in ('succeeded', 'failed')
        -- Imported jobs may have ended without an event.
        and job.caller <> 'platform'
    ) fault$query$,
    private.report_table(p_report_type), p_report_type)
  using p_after, p_to, v_audited_since, '{research_report,research_metadata,final_data,result}'::text[];

  return query select * from private.verify_deliveries(p_report_type, p_after, p_to);
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
  select 'an overdue erasure', due.report_type, due.report_id, null, null
  from private.erasures due
  -- Until it is done, content of a deleted report is no finding. A time in the future would hide that for ever.
  where due.requested_at not between now() - interval '1 day' and now() + interval '1 day'
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
  select 'an unverified or removed subscriber that takes events' || ': ' || subscriber.endpoint_id,
    null, null, null, null
  from private.subscribers subscriber
  join private.endpoint_revisions settings on settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null
  where settings.takes_events and (subscriber.state = 'removed' or subscriber.verified_at is null)
  union all
  select 'a removed subscriber that still has a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and exists (
    select from private.endpoint_secrets secret where secret.endpoint_id = subscriber.endpoint_id)
  union all
  select 'an endpoint without its subscriber' || ': ' || endpoint.id, null, null, null, null
  from public.webhook_endpoints endpoint
  left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
  where (endpoint.kind = 'subscriber') <> (subscriber.endpoint_id is not null)
  union all
  select 'a plan without progress' || ': ' || plan.id, null, null, null, null
  from public.plans plan
  where plan.status = 'running' and plan.next_slice_at not between now() - interval '1 day' and now() + interval '1 day'
  union all
  -- A circuit is probed after seconds, an alert is sent again after minutes.
  select 'an open circuit that is never probed' || ': ' || circuit.endpoint_id, null, null, null, null
  from public.webhook_circuits circuit
  where greatest(circuit.probe_after, circuit.probe_lease_expires_at) > now() + interval '1 day'
  union all
  select 'an alert message that is never sent' || ': ' || message.id, null, null, null, null
  from public.alert_deliveries message
  where message.next_attempt is not null
    and greatest(message.next_attempt, message.lease_expires_at) > now() + interval '1 day'
  union all
  select 'a removed subscriber with open deliveries' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure, endpoint, subscriber, plan, circuit and alert message that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_slice.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_slice()
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' set lock_timeout = '1s'
-- A slice must not read a whole table, however few rows the planner expects in it. Queries without an index then have such a
-- high cost that PostgreSQL would compile them first.
set enable_seqscan = off set jit = off as $$
declare
  c_batch constant int := 100;
  -- One slice per minute covers everything within a day, with time to spare.
  c_slices_a_day constant int := 1200;
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
  v_parts text[] := array(select report_type from public.report_types order by report_type) || '{jobs,rest}';
  v_at private.verify_progress;
  v_target int;
  v_checked int := 0;
  v_found int := 0;
  -- The last id of the slice, inclusive; null: to the end of the part.
  v_to text;
  v_until uuid;
begin
  select * into v_at from private.verify_progress where only_row for update skip locked;
  if not found then
    -- Another sweep is verifying.
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
          -- The finding of a slice that could not be verified while it was the whole part.
          when 'jobs' then job_id is null and v_at.place is null
            or (job_id > v_at.place or v_at.place is null) and (job_id <= v_to or v_to is null)
          else report_id is null and v_at.place is null or (report_id > v_at.place::uuid or v_at.place is null) and (report_id <= v_to::uuid or v_to is null) end;
      insert into private.verify_findings (part, problem, report_type, report_id, event_id, job_id)
      select v_at.part, found.problem, found.report_type, found.report_id, found.event_id, found.job_id
      from private.verify_part(v_at.part, v_at.place, v_to) found
      limit 1000;
    exception when query_canceled or others then
      -- A slice that cannot be verified is a finding too, and must not stop the following ones. The delete above is undone.
      delete from private.verify_findings
      where part = v_at.part and starts_with(problem, 'a slice that could not be verified')
        and report_id is not distinct from case when v_at.part not in ('jobs', 'rest') then coalesce(v_to, v_at.place)::uuid end
        and job_id is not distinct from case when v_at.part = 'jobs' then coalesce(v_to, v_at.place) end;
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

-- supabase/sql/observe/webhook_metrics.sql
create or replace function private.webhook_metrics()
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  c_recent constant interval := '15 minutes';
  -- A removed subscriber's series ends, since the number of removed subscribers is unlimited.
  v_removed text[] := array(select endpoint_id from private.subscribers where state = 'removed');
  v_rolled timestamptz := (select rolled_up_until from public.webhook_roll_up where only_row);
begin
  return (
    -- At most the rows that no sweep has rolled up yet, and those of the success ratio: less than half an hour, however large
    -- the audit is.
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

-- supabase/sql/observe/without_content.sql
create or replace function private.without_content(p_audit public.webhook_audit)
returns public.webhook_audit
language plpgsql immutable set search_path = '' as $$
declare
  c_facts constant text[] := '{id,type,endpoint,method,claim_id,plan,dead_at,dead_reason,url,headers}';
  c_data_facts constant text[] := '{job_id,report_id,report_type,research_status,requested_at}';
  v_data jsonb := p_audit.request_payload -> 'data';
begin
  p_audit.response_body := null;
  p_audit.error_message := null;
  p_audit.body_sha256 := null;
  if p_audit.outcome is null or jsonb_typeof(p_audit.request_payload) <> 'object' then
    -- Rows of the platform's functions have no outcome, and may have anything in their payload.
    p_audit.request_payload := null;
  elsif p_audit.request_payload is not null then
    p_audit.request_payload := (
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_audit.request_payload)
      where key = any (c_facts))
      || case when jsonb_typeof(v_data) = 'object' then jsonb_build_object('data', (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(v_data) where key = any (c_data_facts)))
      else '{}' end;
  end if;
  return p_audit;
end
$$;

comment on function private.without_content(public.webhook_audit) is
  'An audit row without what senders and receivers said: the facts that our functions write stay.';
revoke all on function private.without_content(public.webhook_audit) from public, anon, authenticated, service_role;

-- supabase/sql/console/audit_step.sql
create or replace function private.audit_step(p_row public.webhook_audit)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_endpoint constant text := p_row.request_payload ->> 'endpoint';
begin
  return jsonb_build_object('at', p_row.created_at, 'audit_id', p_row.id) || case
    when p_row.outcome in ('redriven', 'brought_forward') then jsonb_build_object('kind', p_row.outcome, 'actor', p_row.actor)
    when v_endpoint = 'jobs' then jsonb_build_object('kind', 'job_action', 'actor', p_row.actor, 'outcome', p_row.outcome)
    else jsonb_build_object(
        'outcome', p_row.outcome, 'response_status', p_row.response_status, 'duration_ms', p_row.duration_ms,
        'error', "left"(p_row.error_message, 2000))
      || case
        when v_endpoint = 'retry' then jsonb_build_object('kind', 'retried', 'actor', p_row.actor)
        when p_row.direction = 'out' then jsonb_build_object('kind', 'attempt', 'attempt_number', p_row.attempt_number)
        else jsonb_build_object('kind', 'request', 'body_bytes', p_row.body_bytes) end
    end;
end
$$;

comment on function private.audit_step(public.webhook_audit) is
  'An audit row as a step of a timeline: {kind, at, audit_id, …}, with the first 2,000 characters of its error. kind: attempt, request, retried, redriven, brought_forward, or job_action (an operator cancelled or repeated a job).';
revoke all on function private.audit_step(public.webhook_audit) from public, anon, authenticated, service_role;
grant execute on function private.audit_step(public.webhook_audit) to authenticated;

-- supabase/sql/console/console_status.sql
-- Definer rights: nobody but our functions reads heartbeats and the leases of jobs; it asks who the caller is itself.
create or replace function public.console_status()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- How many of an endpoint's newest attempts are searched for its last success and failure.
  c_looked constant int := 10000;
  c_counted constant int := 1000;
  c_alerts constant int := 200;
  c_recent constant interval := '5 minutes';
  -- The next sweep takes over a job whose lease has expired. After this time, sweeps evidently do not get to the job.
  c_overdue constant interval := '2 minutes';
begin
  perform private.require_operator();
  return jsonb_build_object(
    'as_of', now(),
    'endpoints', (
      select jsonb_agg(jsonb_build_object(
        'endpoint_id', endpoint.id,
        'circuit', case when circuit.opened_at is null then 'closed' when circuit.probe_after > now() then 'open'
          else 'half_open' end,
        'opened_at', circuit.opened_at, 'probe_after', circuit.probe_after,
        'last_success', last.success, 'last_failure', last.failure,
        'failing_since', (
          select created_at from public.webhook_audit
          where direction = 'out' and endpoint_id = endpoint.id and outcome in ('failed', 'unknown')
            and created_at > last.success and last.failure > last.success
          order by created_at limit 1),
        'healthy_since', (
          select created_at from public.webhook_audit
          where direction = 'out' and endpoint_id = endpoint.id and outcome = 'delivered'
            and created_at > last.failure and last.success > last.failure
          order by created_at limit 1),
        'recent', recent.attempts, 'recent_failed', recent.failed,
        'waiting', (
          select count(*) from (
            select from public.webhook_deliveries
            where endpoint_id = endpoint.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
              and (status <> 'pending' or created_at < now() - interval '1 minute')
            limit c_counted + 1) open),
        'next_attempt', (
          select next_attempt from public.webhook_deliveries
          where endpoint_id = endpoint.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          order by next_attempt, id limit 1)) order by endpoint.id desc)
      from public.webhook_endpoints endpoint
      left join public.webhook_circuits circuit on circuit.endpoint_id = endpoint.id
      cross join lateral (
        select (
          select created_at from (
            select created_at, outcome from public.webhook_audit
            where direction = 'out' and endpoint_id = endpoint.id order by created_at desc limit c_looked) newest
          where outcome = 'delivered' order by created_at desc limit 1) as success, (
          select created_at from (
            select created_at, outcome from public.webhook_audit
            where direction = 'out' and endpoint_id = endpoint.id order by created_at desc limit c_looked) newest
          where outcome in ('failed', 'unknown') order by created_at desc limit 1) as failure) last
      cross join lateral (
        select count(*) as attempts, count(*) filter (where outcome in ('failed', 'unknown')) as failed
        from public.webhook_audit
        where direction = 'out' and endpoint_id = endpoint.id and outcome <> 'skipped' and created_at > now() - c_recent) recent
      where not exists (select from private.subscribers where endpoint_id = endpoint.id and state = 'removed')),
    'dead', (
      select count(*) from (
        select from public.webhook_deliveries
        where dead_at is not null and dead_reason not in ('report_deleted', 'content_erased', 'unsendable')
        limit c_counted + 1) letters),
    'jobs', (
      select jsonb_build_object('overdue', count(*), 'oldest', min(due_at)) from (
        select due_at from private.due_jobs where due_at < now() - c_overdue limit c_counted + 1) overdue),
    'alerts', jsonb_build_object(
      'evaluated_at', (select evaluated_at from private.watch_state where only_row),
      'firing', (
        select coalesce(jsonb_agg(to_jsonb(firing) order by severity, fired_at, id), '[]') from (
          select id, rule, subject, severity, fired_at from public.alerts
          where state = 'firing' and private.silenced_until(rule, subject) is null
          order by severity, fired_at, id limit c_alerts) firing)),
    'backlog', private.backlog(),
    'last_sweep', (select last_at from private.heartbeats where source = 'sweep'));
end
$$;

comment on function public.console_status() is
  'Whether results arrive, for the line on top of each operator''s view: {as_of, endpoints: [{endpoint_id, circuit, opened_at, probe_after, last_success, last_failure, failing_since, healthy_since, recent, recent_failed, waiting, next_attempt}], dead, jobs: {overdue, oldest}, alerts: {evaluated_at, firing: [{id, rule, subject, severity, fired_at}]}, backlog, last_sweep}. Silenced alerts are not among them, and at most 200. Counts end at 1,001. Times of success and failure are null where none is among the last 10,000 attempts.';
revoke all on function public.console_status() from public, anon, authenticated, service_role;
grant execute on function public.console_status() to authenticated;

-- supabase/sql/console/delivery_causes.sql
create or replace function public.delivery_causes()
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_read constant int := 50000;
  c_causes constant int := 50;
  v_causes jsonb;
  v_read int;
begin
  perform private.require_operator();
  with open as materialized (
    select endpoint_id, response ->> 'status' as status, response ->> 'error' as error, dead_at, created_at, last_attempt
    from public.webhook_deliveries
    where status not in ('success', 'superseded', 'cancelled') and private.is_closed(dead_reason) is not true
    order by created_at desc, id desc limit c_read
  ), errors as (
    -- There are few distinct errors and many deliveries: convert each distinct error to a cause only once.
    select endpoint_id, status, error, count(*) as deliveries, count(dead_at) as dead, min(created_at) as first_at,
      max(last_attempt) as last_at
    from open where error is not null group by endpoint_id, status, error
  ), causes as (
    select endpoint_id, case when status ~ '^[1-5][0-9]{2}$' then status::int end as response_status,
      private.cause_of(error) as cause, sum(deliveries)::int as deliveries, sum(dead)::int as dead,
      min(first_at) as first_at, max(last_at) as last_at
    from errors group by 1, 2, 3
  )
  select (select count(*) from open), (
    select jsonb_agg(to_jsonb(largest) order by deliveries desc, last_at desc, endpoint_id, cause)
    from (select * from causes order by deliveries desc, last_at desc, endpoint_id, cause limit c_causes + 1) largest)
  into v_read, v_causes;
  return jsonb_build_object(
    'causes', coalesce(v_causes - c_causes, '[]'),
    'truncated', v_read = c_read or coalesce(jsonb_array_length(v_causes) > c_causes, false));
end
$$;

comment on function public.delivery_causes() is
  'Failed deliveries that are not confirmed yet, by endpoint, status of the last answer and cause: {causes: [{endpoint_id, response_status, cause, deliveries, dead, first_at, last_at}], truncated}. The 50 largest groups of the newest 50,000 open deliveries; closed dead letters are in none.';
revoke all on function public.delivery_causes() from public, anon, authenticated, service_role;
grant execute on function public.delivery_causes() to authenticated;

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
  'Ends a silence now, for an operator, and audits it. The next evaluation sends the silenced alerts. False: the silence has ended, or is unknown.';
revoke all on function public.end_silence(uuid) from public, anon, authenticated, service_role;
grant execute on function public.end_silence(uuid) to authenticated;

-- supabase/sql/console/event_body.sql
-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.event_body(p_event_id text)
returns text
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  perform private.require_operator();
  return (
    select private.body_of(event, 1, 'full')
    from public.report_events event where event.id = p_event_id and event.erased_at is null);
end
$$;

comment on function public.event_body(text) is
  'The bytes that each attempt of an event sends, so that an operator can send them by hand. Null: no such event, its content was erased, or it is too large to be sent.';
revoke all on function public.event_body(text) from public, anon, authenticated, service_role;
grant execute on function public.event_body(text) to authenticated;

-- supabase/sql/console/event_timeline.sql
create or replace function public.event_timeline(p_event_id text)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_audit_rows constant int := 200;
  v_event public.report_events;
  v_job jsonb;
  v_delivery jsonb;
  v_audit jsonb;
  v_steps jsonb;
begin
  perform private.require_operator();
  select * into v_event from public.report_events where id = p_event_id;
  select to_jsonb(job) into v_job from private.job_rows job where job_id = v_event.job_id;
  select to_jsonb(delivery) || jsonb_build_object('id', id::text) into v_delivery
  from private.delivery_rows delivery
  where event_id = p_event_id
  order by delivery.endpoint_id = private.internal_endpoint(v_event.stage) desc, id
  limit 1;
  select jsonb_agg(private.audit_step(newest)) into v_audit
  from (
    select audit as newest from public.webhook_audit audit
    where event_id = p_event_id order by created_at desc limit c_audit_rows + 1) rows;
  if v_event.id is null and v_audit is null then
    return null;
  end if;

  select jsonb_agg(step order by (step ->> 'at')::timestamptz, place) into v_steps
  from (
    select 1, jsonb_build_object(
      'kind', 'job_requested', 'at', v_job -> 'created_at', 'job_id', v_job -> 'job_id', 'caller', v_job -> 'caller')
    where v_job is not null
    union all
    select 2, jsonb_build_object('kind', 'job_started', 'at', v_job -> 'started_at', 'take_overs', v_job -> 'take_overs')
    where v_job ->> 'started_at' is not null
    union all
    select 3, jsonb_build_object('kind', 'event_committed', 'at', v_event.created_at, 'type', v_event.type,
      'digest', v_event.digest)
    where v_event.id is not null
    union all
    select 4, jsonb_build_object(
      'kind', 'job_finished', 'at', v_job -> 'completed_at', 'status', v_job -> 'status', 'error', v_job -> 'error')
    where v_job ->> 'completed_at' is not null
    union all
    select 5, step from jsonb_array_elements(v_audit - c_audit_rows) audited (step)
    union all
    select 6, jsonb_build_object(
      'kind', 'effect', 'at', v_event.applied_at, 'effect', v_event.effect, 'channel', v_event.channel,
      -- As take_effect() decides it; notifications themselves are their owner's.
      'notified', v_event.effect = 'applied' and v_event.status = 'completed' and v_event.stage = 'final'
        and v_event.channel in ('webhook', 'direct'))
    where v_event.effect is not null
    union all
    select 7, jsonb_build_object('kind', 'dead_letter', 'at', v_delivery -> 'dead_at', 'dead_reason', v_delivery -> 'dead_reason')
    where v_delivery ->> 'dead_at' is not null
    union all
    select 8, jsonb_build_object('kind', 'next_attempt', 'at', v_delivery -> 'next_attempt')
    where v_delivery ->> 'next_attempt' is not null and v_delivery ->> 'dead_at' is null
  ) steps (place, step);
  return jsonb_build_object(
    'event', case when v_event.id is not null then to_jsonb(v_event)
      || jsonb_build_object('error', "left"(v_event.error, 500)) end,
    'job', v_job, 'delivery', v_delivery, 'steps', v_steps,
    'truncated', coalesce(jsonb_array_length(v_audit) > c_audit_rows, false));
end
$$;

comment on function public.event_timeline(text) is
  'The history of an event, oldest first, and its next step: {event, job, delivery, steps, truncated}. Null: no request used this id.';
revoke all on function public.event_timeline(text) from public, anon, authenticated, service_role;
grant execute on function public.event_timeline(text) to authenticated;

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
    -- Results from elsewhere may take days, so these jobs are left out.
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

-- supabase/sql/console/list_actors.sql
-- Definer rights: only our functions read auth.users. It names operators, and people whom the audit names as actors: no others.
create or replace function public.list_actors()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_actors constant int := 200;
  v_actors text[] := '{}';
begin
  perform private.require_operator();
  -- Each recursion step finds the next actor in the index. Otherwise each step would read the whole audit.
  if exists (
    select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_actor') and indisvalid)
  then
    with recursive actors as (
      (select actor, 1 as place from public.webhook_audit where actor is not null order by actor limit 1)
      union all
      select (
        select audit.actor from public.webhook_audit audit where audit.actor > actors.actor order by audit.actor limit 1),
        place + 1
      from actors where actor is not null and place < c_actors
    )
    select array_agg(actor) into v_actors from actors where actor is not null;
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', people.id, 'email', people.email, 'operator', operator.user_id is not null) order by people.email, people.id), '[]')
    from auth.users people
    left join public.operators operator on operator.user_id = people.id
    -- The ids of an array are looked up one by one. With a join, or with `or`, PostgreSQL would read all accounts.
    where people.id = any (array(
      select actor::uuid from unnest(v_actors) actor
      where actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      union all
      select user_id from public.operators)));
end
$$;

comment on function public.list_actors() is
  'Who an id in the audit is: operators, and people who have called their endpoints, [{id, email, operator}]. At most 200 actors of the audit; who has deleted their account is not among them.';
revoke all on function public.list_actors() from public, anon, authenticated, service_role;
grant execute on function public.list_actors() to authenticated;

-- supabase/sql/console/list_alerts.sql
create or replace function public.list_alerts(
  p_rule text default null, p_subject text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null, p_id uuid default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_open constant int := 200;
  v_where text := concat_ws(' and ',
    'true',
    case when p_rule is not null then 'rule = $1' end,
    case when p_subject is not null then 'subject = $2' end,
    case when p_id is not null then 'id = $8' end);
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
         order by (state = ''firing'') desc, severity, pending_since, id limit $5) page', v_where)
    into v_open using p_rule, p_subject, p_after, p_before, c_open, p_cursor_at, p_cursor_id, p_id;
  end if;
  execute format(
    'select jsonb_agg(to_jsonb(page) order by resolved_at desc, id desc) from (
       select * from private.alert_rows where %s order by resolved_at desc, id desc limit $5 + 1) page', v_ended)
  into v_rows using p_rule, p_subject, p_after, p_before, p_limit, p_cursor_at, p_cursor_id, p_id;
  return private.page_of(v_rows, p_limit, 'resolved_at') || jsonb_build_object(
    'open', v_open,
    'silences', (
      select coalesce(jsonb_agg(to_jsonb(silence) order by until), '[]') from public.alert_silences silence
      where ended_at is null and until > now()));
end
$$;

comment on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text, uuid) is
  'Alerts. `open`: pending and firing ones, those that fire first; null on later pages. `rows`: resolved ones, newest first. `silences`: those that hold now. p_id: that one alone.';
revoke all on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text, uuid) to authenticated;

-- supabase/sql/console/list_all_reports.sql
-- Definer rights: people may not read the addresses of owners; it asks who the caller is itself.
create or replace function public.list_all_reports(
  p_state text default null, p_report_type text default null, p_owner uuid default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_owner text := case when p_owner is not null then 'and report.user_id = $4' end;
  v_all text;
  v_failed text;
  v_unfinished text;
  v_rows jsonb;
begin
  perform private.require_operator();
  v_all := (
    select string_agg(format(
      '(select report.created_at as sort_at, report.id, %L as report_type from public.%I report where true %s %s
        order by report.created_at desc, report.id desc limit $1 + 1)',
      report_type, table_name, v_owner,
      case when p_cursor_at is not null then 'and (report.created_at, report.id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is null and (p_report_type is null or report_type = p_report_type));
  -- Most failed jobs belong to reports that have succeeded since. The platform's index of research_status finds the others, also
  -- those without a job of ours. The status is `running` until the event of a failed job has its effect.
  v_failed := (
    select string_agg(format(
      '(select failed.at as sort_at, report.id, %1$L as report_type
        from public.%2$I report
        left join lateral (
          select status, completed_at from private.job_runs
          where report_id = report.id and report_type = %1$L and status <> ''cancelled''
          order by created_at desc, job_id desc limit 1) job on true
        left join lateral (
          select applied_at from public.report_events
          where report_id = report.id and report_type = %1$L and job.status is distinct from ''failed''
          order by requested_at desc limit 1) event on true
        cross join lateral (
          select coalesce(case when job.status = ''failed'' then job.completed_at end, event.applied_at, report.updated_at) as at) failed
        where %3$s %4$s %5$s
        order by 1 desc, 2 desc limit $1 + 1)',
      report_type, table_name,
      case p_state when 'failed' then 'report.research_status = ''failed'''
        else 'report.research_status in (''failed'', ''running'') and report.stage is null
          and coalesce(job.status, ''failed'') = ''failed''' end,
      v_owner, case when p_cursor_at is not null then 'and (failed.at, report.id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is not null and (p_report_type is null or report_type = p_report_type));
  -- Each report is looked up separately: with a join, or with `not exists`, the planner might begin with all reports, or read all
  -- jobs.
  v_unfinished := (
    select string_agg(format(
      '(select job.created_at as sort_at, job.report_id as id, job.report_type
        from private.job_runs job
        where job.report_type = %L and job.status in (''queued'', ''running'')
          and (select report.stage is null %s from public.%I report where report.id = job.report_id)
          and (
            select newer.job_id from private.job_runs newer
            where newer.report_id = job.report_id and newer.report_type = job.report_type and newer.status <> ''cancelled''
            order by newer.created_at desc, newer.job_id desc limit 1) = job.job_id
          %s
        order by job.created_at desc, job.report_id desc limit $1 + 1)',
      report_type, v_owner, table_name,
      case when p_cursor_at is not null then 'and (job.created_at, job.report_id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state = 'missing' and (p_report_type is null or report_type = p_report_type));
  execute format(
    'select jsonb_agg(private.report_line(report_type, id) || jsonb_build_object(''sort_at'', sort_at) order by sort_at desc, id desc)
     from (select * from (%s) every order by sort_at desc, id desc limit $1 + 1) page',
    concat_ws(' union all ',
      -- An unknown report type has no reports.
      'select null::timestamptz as sort_at, null::uuid as id, null::text as report_type where false',
      v_all, v_failed, v_unfinished))
  into v_rows using p_limit, p_cursor_at, p_cursor_id, p_owner;
  return private.page_of(v_rows, p_limit, 'sort_at');
end
$$;

comment on function public.list_all_reports(text, text, uuid, int, timestamptz, text) is
  'Everybody''s reports for operators, newest first. p_state missing: no text is stored, and the newest request is unfinished or failed. p_state failed: the newest request failed, even if an earlier one delivered a result. These two are ordered by when that request failed, or was made.';
revoke all on function public.list_all_reports(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_all_reports(text, text, uuid, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_jobs.sql
-- Definer rights: people may not read the leases of jobs and the addresses of owners; it asks who the caller is itself.
create or replace function public.list_jobs(
  p_state text default null, p_report_type text default null, p_stage text default null, p_owner uuid default null,
  p_after timestamptz default null, p_before timestamptz default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 1000;
  -- Jobs that ended badly are sorted by their end.
  v_time text := case when p_state in ('failed', 'cancelled') then 'completed_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    case
      when p_state = 'taken_over' then 'take_overs > 0'
      when p_state in ('running', 'waiting', 'overdue') then $q$status in ('queued', 'running') and state = $1$q$
      when p_state = 'failed' then $q$status = 'failed'$q$
      when p_state = 'cancelled' then $q$status = 'cancelled'$q$
      when p_state is not null then 'status = $1'
      else 'true'
    end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_owner is not null then 'user_id = $4' end,
    case when p_after is not null then v_time || ' >= $5' end,
    case when p_before is not null then v_time || ' < $6' end,
    case when p_cursor_at is not null then format('(%s, job_id) < ($8, $9)', v_time) end);
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(
       to_jsonb(page) || jsonb_build_object(
         ''title'', private.report_title(report_type, report_id),
         ''owner_email'', (select email from auth.users owner where owner.id = page.user_id))
       order by %1$s desc, job_id desc)
     from (select * from private.job_states where %2$s order by %1$s desc, job_id desc limit $7 + 1) page', v_time, v_where)
  into v_rows
  using p_state, p_report_type, p_stage, p_owner, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object('counts', (
    select jsonb_object_agg(state, jsonb_build_object('count', least(jobs, c_counted), 'capped', jobs > c_counted))
    from (
      select state, sum(jobs) as jobs
      from (
        select state, count(*) as jobs
        from private.job_states where status in ('queued', 'running') group by state
        union all
        select 'failed', count(*)
        from (select from private.job_runs where status = 'failed' limit c_counted + 1) failed
        union all
        select 'cancelled', count(*)
        from (select from private.job_runs where status = 'cancelled' limit c_counted + 1) cancelled
        union all
        select 'taken_over', count(*)
        from (select from private.job_runs where take_overs > 0 limit c_counted + 1) taken_over
        union all
        select unnest('{running,waiting,overdue}'::text[]), 0) parts
      group by state) counted));
end
$$;

comment on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) is
  'Jobs for operators, newest first: by created_at, or by completed_at where p_state is failed or cancelled. p_state is a state of private.job_states, or taken_over. Returns {rows, next, counts}: counts are those of all jobs, up to 1,000 of each state.';
revoke all on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_notifications.sql
create or replace function public.list_notifications(
  p_unread boolean default false, p_limit int default 50, p_before bigint default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 100;
  v_rows jsonb;
  v_titles jsonb;
begin
  select jsonb_agg(to_jsonb(page) - 'user_id' order by page.id desc) into v_rows from (
    select * from public.report_notifications
    -- The same condition as in the row level security policy, repeated so that the index is used.
    where user_id = (select auth.uid()) and (not p_unread or read_at is null) and (p_before is null or id < p_before)
    order by id desc limit p_limit + 1) page;
  execute (
    select 'select jsonb_object_agg(id, title) from ('
      || string_agg(
        format('select id, private.title_of(user_data) as title from public.%I where id = any($1)', table_name), ' union all ')
      || ') reports'
    from public.report_types)
  into v_titles using array(select (row ->> 'report_id')::uuid from jsonb_array_elements(v_rows) row);
  return jsonb_build_object(
    'rows', (
      select coalesce(jsonb_agg(row || jsonb_build_object('title', v_titles -> (row ->> 'report_id')) order by place), '[]')
      from jsonb_array_elements(v_rows) with ordinality as given (row, place) where place <= p_limit),
    'next', case when jsonb_array_length(v_rows) > p_limit then v_rows -> (p_limit - 1) -> 'id' end,
    'unread', (
      select count(*) from (
        select from public.report_notifications
        where user_id = (select auth.uid()) and read_at is null limit c_counted) unread));
end
$$;

comment on function public.list_notifications(boolean, int, bigint) is
  'The caller''s notifications, newest first: {rows, next, unread}. Each row has the title of its report; null: the report has no name, or was deleted. `unread` is counted up to 100.';
revoke all on function public.list_notifications(boolean, int, bigint) from public, anon, authenticated, service_role;
grant execute on function public.list_notifications(boolean, int, bigint) to authenticated;

-- supabase/sql/console/list_open_deliveries.sql
create or replace function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null, p_after timestamptz default null,
  p_before timestamptz default null, p_limit int default 50, p_cursor_at timestamptz default null,
  p_cursor_id text default null, p_endpoint_id text default null, p_response_status text default null,
  p_cause text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status not in ('success', 'superseded', 'cancelled')$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(lower(error), lower($5)) > 0' end,
    case when p_after is not null then v_time || ' >= $6' end,
    case when p_before is not null then v_time || ' < $7' end,
    case when p_endpoint_id is not null then 'endpoint_id = $11' end,
    case when p_response_status = 'none' then 'response_status is null and error is not null'
      when p_response_status is not null then 'response_status = $12::int' end,
    case when p_cause is not null then 'private.cause_of(error) = $13' end);
  v_rows jsonb;
  v_count int;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) || jsonb_build_object(''id'', id::text) order by %1$s desc, id desc) from (
       select * from private.delivery_rows where %2$s %3$s order by %1$s desc, id desc limit $8 + 1) page',
    v_time, v_where,
    case when p_cursor_at is not null then format('and (%s, id) < ($9, $10::bigint)', v_time) end)
  into v_rows
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, p_limit, p_cursor_at, p_cursor_id,
    p_endpoint_id, p_response_status, p_cause;
  execute format('select count(*) from (select from private.delivery_rows where %s limit $8 + 1) counted', v_where)
  into v_count
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, c_counted, null::timestamptz, null::text,
    p_endpoint_id, p_response_status, p_cause;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object(
    'total', jsonb_build_object('count', least(v_count, c_counted), 'capped', v_count > c_counted));
end
$$;

comment on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) is
  'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as redrive_deliveries() matches them; p_response_status is a number or none; p_cause is one of delivery_causes().';
revoke all on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) to authenticated;

-- supabase/sql/console/list_plans.sql
create or replace function public.list_plans(
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null,
  p_kinds text[] default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_rows jsonb;
begin
  perform private.require_operator();
  select jsonb_agg(private.plan_view(page) || jsonb_build_object('id', id::text) order by created_at desc, id desc) into v_rows
  from (
    select * from public.plans
    where (p_cursor_at is null or (created_at, id) < (p_cursor_at, p_cursor_id::int))
      and (p_kinds is null or kind = any (p_kinds))
    order by created_at desc, id desc limit p_limit + 1) page;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_plans(int, timestamptz, text, text[]) is
  'Operators'' plans and their progress, newest first. p_kinds: plans of these kinds alone.';
revoke all on function public.list_plans(int, timestamptz, text, text[]) from public, anon, authenticated, service_role;
grant execute on function public.list_plans(int, timestamptz, text, text[]) to authenticated;

-- supabase/sql/console/list_report_jobs.sql
create or replace function public.list_report_jobs(
  p_scope text default 'mine', p_report_type text default null, p_report_id uuid default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_report_id is not null then 'report_id = $2 and report_type = $3' end,
    case when p_cursor_at is not null then '(created_at, id) < ($4, $5)' end);
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.job_rows where %s order by created_at desc, id desc limit $1 + 1) page', v_where)
  into v_rows using p_limit, p_report_id, p_report_type, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) is
  'Jobs without prompt and result, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_reports.sql
create or replace function public.list_reports(
  p_scope text default 'mine', p_report_type text default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    -- Row level security hides other users' reports; this condition allows an index to find one's own.
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_cursor_at is not null then '(created_at, id) < ($2, $3::uuid)' end);
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id,
          private.title_of(user_data) as title,
          stage, research_status, webhook_status, webhook_attempts,
          webhook_last_attempt, webhook_job_id, created_at, updated_at
        from public.%I where %s order by created_at desc, id desc limit $1 + 1)',
      report_type, table_name, v_where), ' union all ')
    from public.report_types where p_report_type is null or report_type = p_report_type);
  v_rows jsonb;
begin
  if v_query is not null then
    execute format(
      'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
         select * from (%s) every order by created_at desc, id desc limit $1 + 1) page', v_query)
    into v_rows using p_limit, p_cursor_at, p_cursor_id;
  end if;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_reports(text, text, int, timestamptz, text) is
  'Reports without their content, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_reports(text, text, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_reports(text, text, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_webhook_audit.sql
create or replace function public.list_webhook_audit(
  p_search text default null, p_outcome text default null, p_direction text default null,
  p_response_status text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null, p_actor text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case
      -- A search for other ids with it would read all attempts of the subscriber before it could sort them.
      when p_search ~ '^ep-[a-z0-9]{16}$' then 'indexed_endpoint_id = $1 and direction = ''out'''
      when p_search ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then '(event_id = $1 or job_id = $1 or report_id = $1::uuid)'
      when p_search is not null then '(event_id = $1 or job_id = $1)'
    end,
    case when p_outcome is not null then 'outcome = $2' end,
    case when p_direction is not null then 'direction = $3' end,
    case when p_response_status = 'none' then 'response_status is null'
      when p_response_status is not null then 'response_status = $4::int' end,
    case when p_after is not null then 'created_at >= $5' end,
    case when p_before is not null then 'created_at < $6' end,
    case when p_actor = 'sender' then 'actor is null and direction = ''in'''
      when p_actor is not null then 'actor = $10' end,
    case when p_cursor_at is not null then '(created_at, id) < ($8, $9::uuid)' end);
  -- For `is null`, PostgreSQL uses the order of an index only if the column is in the order.
  v_order text := concat_ws(', ', case when p_response_status = 'none' then 'response_status' end, 'created_at desc', 'id desc');
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.audit_rows where %s order by %s limit $7 + 1) page', v_where, v_order)
  into v_rows
  using p_search, p_outcome, p_direction, p_response_status, p_after, p_before, p_limit, p_cursor_at, p_cursor_id, p_actor;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) is
  'The audit log, newest first. p_search is the whole id of a report, a job, an event or a subscriber (its attempts); p_response_status is a number or none; p_actor is the id of a person, cron, or sender.';
revoke all on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) to authenticated;

-- supabase/sql/console/report_history.sql
-- Definer rights: people may not read the leases of jobs and the addresses of owners; it asks who the caller is itself.
create or replace function public.report_history(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_jobs constant int := 20;
  c_events constant int := 50;
  c_deliveries constant int := 50;
  c_audit_rows constant int := 200;
  v_table constant text := private.report_table(p_report_type);
  v_report jsonb;
  v_jobs jsonb;
  v_events jsonb;
  v_deliveries jsonb;
  v_audit jsonb;
  v_steps jsonb;
begin
  perform private.require_operator();
  if v_table is null then
    return null;
  end if;
  execute format(
    'select jsonb_build_object(
       ''winner_event_id'', winner_event_id, ''organisation'', "left"(user_data ->> ''organisation_name'', 300))
     from public.%I where id = $1', v_table)
  into v_report using p_report_id;
  v_report := private.report_line(p_report_type, p_report_id) || v_report;

  select coalesce(jsonb_agg(to_jsonb(job) order by created_at desc, job_id desc), '[]') into v_jobs
  from (
    select * from private.job_states where report_id = p_report_id and report_type = p_report_type
    order by created_at desc, job_id desc limit c_jobs + 1) job;
  select coalesce(jsonb_agg(to_jsonb(event) order by requested_at desc, id desc), '[]') into v_events
  from (
    select id, type, report_type, report_id, stage, status, job_id, channel, effect, position, requested_at, created_at, applied_at,
      erased_at, digest, "left"(error, 500) as error
    from public.report_events where report_id = p_report_id and report_type = p_report_type
    order by requested_at desc, id desc limit c_events + 1) event;
  select coalesce(jsonb_agg(to_jsonb(delivery) || jsonb_build_object('id', id::text) order by id desc), '[]') into v_deliveries
  from (
    select * from private.delivery_rows
    where report_id = p_report_id and report_type = p_report_type
      and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
    order by id desc limit c_deliveries + 1) delivery;
  select coalesce(jsonb_agg(private.audit_step(newest) || jsonb_build_object(
    'event_id', (newest).event_id, 'job_id', (newest).job_id, 'endpoint_id', (newest).endpoint_id)), '[]') into v_audit
  from (
    select audit as newest from public.webhook_audit audit
    where report_id = p_report_id and report_table = v_table order by created_at desc limit c_audit_rows + 1) rows;
  if v_report is null and v_jobs = '[]' and v_events = '[]' and v_audit = '[]' then
    return null;
  end if;

  select coalesce(jsonb_agg(step order by (step ->> 'at')::timestamptz, place), '[]') into v_steps
  from (
    select 1, jsonb_build_object(
      'kind', 'job_requested', 'at', job -> 'created_at', 'job_id', job -> 'job_id', 'stage', job -> 'stage',
      'caller', job -> 'caller')
    from jsonb_array_elements(v_jobs - c_jobs) job
    union all
    select 2, jsonb_build_object(
      'kind', 'job_started', 'at', job -> 'started_at', 'job_id', job -> 'job_id', 'stage', job -> 'stage',
      'take_overs', job -> 'take_overs')
    from jsonb_array_elements(v_jobs - c_jobs) job where job ->> 'started_at' is not null
    union all
    select 3, jsonb_build_object(
      'kind', 'event_committed', 'at', event -> 'created_at', 'event_id', event -> 'id', 'stage', event -> 'stage',
      'type', event -> 'type', 'digest', event -> 'digest')
    from jsonb_array_elements(v_events - c_events) event
    union all
    select 4, jsonb_build_object(
      'kind', 'job_finished', 'at', job -> 'completed_at', 'job_id', job -> 'job_id', 'stage', job -> 'stage',
      'status', job -> 'status', 'error', job -> 'error')
    from jsonb_array_elements(v_jobs - c_jobs) job
    where job ->> 'completed_at' is not null and job ->> 'status' not in ('queued', 'running')
    union all
    select 5, step from jsonb_array_elements(v_audit - c_audit_rows) audited (step)
    union all
    select 6, jsonb_build_object(
      'kind', 'effect', 'at', event -> 'applied_at', 'event_id', event -> 'id', 'stage', event -> 'stage',
      'effect', event -> 'effect', 'channel', event -> 'channel',
      -- As take_effect() decides it; notifications themselves are their owner's.
      'notified', event ->> 'effect' = 'applied' and event ->> 'status' = 'completed' and event ->> 'stage' = 'final'
        and event ->> 'channel' in ('webhook', 'direct'))
    from jsonb_array_elements(v_events - c_events) event
    where event ->> 'effect' is not null and event ->> 'applied_at' is not null
    union all
    select 7, jsonb_build_object(
      'kind', 'dead_letter', 'at', delivery -> 'dead_at', 'event_id', delivery -> 'event_id', 'stage', delivery -> 'stage',
      'endpoint_id', delivery -> 'endpoint_id', 'dead_reason', delivery -> 'dead_reason')
    from jsonb_array_elements(v_deliveries - c_deliveries) delivery where delivery ->> 'dead_at' is not null
    union all
    select 8, jsonb_build_object(
      'kind', 'next_attempt', 'at', delivery -> 'next_attempt', 'event_id', delivery -> 'event_id',
      'stage', delivery -> 'stage', 'endpoint_id', delivery -> 'endpoint_id')
    from jsonb_array_elements(v_deliveries - c_deliveries) delivery
    where delivery ->> 'next_attempt' is not null and delivery ->> 'dead_at' is null
  ) steps (place, step);
  return jsonb_build_object(
    'as_of', now(), 'report', v_report, 'jobs', v_jobs - c_jobs, 'events', v_events - c_events,
    'deliveries', v_deliveries - c_deliveries, 'steps', v_steps,
    'truncated', jsonb_array_length(v_jobs) > c_jobs or jsonb_array_length(v_events) > c_events
      or jsonb_array_length(v_deliveries) > c_deliveries or jsonb_array_length(v_audit) > c_audit_rows,
    'circuits', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'endpoint_id', endpoint_id, 'opened_at', opened_at, 'probe_after', probe_after) order by endpoint_id), '[]')
      from public.webhook_circuits where opened_at is not null
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')),
    'last_sweep', (select last_at from private.heartbeats where source = 'sweep'));
end
$$;

comment on function public.report_history(text, uuid) is
  'Everything about a report, for operators, in one call: {as_of, report, jobs, events, deliveries, steps, truncated, circuits, last_sweep}. Jobs, events and deliveries to endpoints of ours are the newest, newest first; steps is one timeline over all of them and their audit rows, oldest first. circuits: those of our endpoints that are open. report is null where it was deleted. Null: nothing is known of it.';
revoke all on function public.report_history(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_history(text, uuid) to authenticated;

-- supabase/sql/console/report_line.sql
create or replace function private.report_line(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_report jsonb;
begin
  execute format(
    'select jsonb_build_object(
       ''user_id'', user_id, ''title'', private.title_of(user_data), ''stage'', stage, ''research_status'', research_status,
       ''created_at'', created_at, ''updated_at'', updated_at)
     from public.%I where id = $1', private.report_table(p_report_type))
  into v_report using p_report_id;
  return v_report || jsonb_build_object(
    'id', p_report_id, 'report_type', p_report_type,
    'owner_email', (select email from auth.users where id = (v_report ->> 'user_id')::uuid),
    'job', (
      select jsonb_build_object('job_id', job_id, 'state', state, 'error', error)
      -- "offset 0": otherwise, for a report with many jobs, PostgreSQL would scan all jobs by age.
      from (select * from private.job_states where report_id = p_report_id and report_type = p_report_type offset 0) jobs
      order by created_at desc, job_id desc limit 1),
    'delivery', (
      select jsonb_build_object(
        'event_id', event_id, 'status', status, 'next_attempt', next_attempt, 'dead_at', dead_at, 'dead_reason', dead_reason,
        'error', "left"(response ->> 'error', 500))
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1));
end
$$;

comment on function private.report_line(text, uuid) is
  'A report as operators see it in a list: with its title, its owner''s address, its newest job and its latest delivery to an endpoint of ours. Null: it is gone.';
revoke all on function private.report_line(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/console/report_results.sql
-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.report_results(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_owner uuid;
begin
  if private.report_table(p_report_type) is null then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(p_report_type))
  into v_owner using p_report_id;
  if v_owner is null or v_owner is distinct from (select auth.uid()) and not private.is_operator() then
    return null;
  end if;
  return (
    select coalesce(jsonb_agg(newest order by newest.stage desc), '[]')
    from unnest('{prelim,final}'::text[]) stages (stage)
    cross join lateral (
      select event.stage, event.job_id, event.requested_at, content.research_report
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      where event.report_id = p_report_id and event.report_type = p_report_type and event.stage = stages.stage
        and event.status = 'completed' and event.type <> 'report.owner.edited'
      order by event.requested_at desc, event.id collate "C" desc
      limit 1) newest);
end
$$;

comment on function public.report_results(text, uuid) is
  'The newest completed result of each stage, prelim first, to compare them. Null: there is no such report that the caller may see.';
revoke all on function public.report_results(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_results(text, uuid) to authenticated;

-- supabase/sql/console/report_title.sql
create or replace function private.report_title(p_report_type text, p_report_id uuid)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_title text;
begin
  if p_report_type is null then
    return null;
  end if;
  execute format('select private.title_of(user_data) from public.%I where id = $1', private.report_table(p_report_type))
  into v_title using p_report_id;
  return v_title;
end
$$;

comment on function private.report_title(text, uuid) is
  'The title of a report. Null: it has no name, or was deleted.';
revoke all on function private.report_title(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/console/report_webhook_status.sql
create or replace function public.report_webhook_status(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_table text := (select table_name from public.report_types where report_type = p_report_type);
  v_report jsonb;
begin
  if v_table is null then
    return null;
  end if;
  execute format(
    'select jsonb_build_object(
       ''report_type'', $1, ''report_id'', id, ''title'', private.title_of(user_data),
       ''research_status'', research_status, ''stage'', stage,
       ''winner_event_id'', winner_event_id, ''webhook_status'', webhook_status, ''webhook_attempts'', webhook_attempts,
       ''webhook_last_attempt'', webhook_last_attempt, ''webhook_response'', webhook_response,
       ''webhook_job_id'', webhook_job_id, ''updated_at'', updated_at)
     from public.%I where id = $2', v_table)
  into v_report using p_report_type, p_report_id;
  return v_report || jsonb_build_object('delivery', (
    select to_jsonb(latest) from (
      select event_id, endpoint_id, status, attempts, last_attempt, next_attempt, dead_at, dead_reason,
        response ->> 'error' as error
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1) latest));
end
$$;

comment on function public.report_webhook_status(text, uuid) is
  'How a report and its webhook stand, for operators with its latest delivery. Null: there is none that the caller may see.';
revoke all on function public.report_webhook_status(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_webhook_status(text, uuid) to authenticated;

-- supabase/sql/console/search_console.sql
-- Definer rights: people may not read the addresses of owners, and may not write the audit; it asks who the caller is itself.
create or replace function public.search_console(p_text text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_shown constant int := 6;
  -- Limit of matches that are read by the index, in any order, for a word that very many reports contain. The newest of these
  -- and of the newest reports are shown.
  c_matches constant int := 500;
  -- The newest reports of each type are read first, this many: they contain the words that many reports have. By the index,
  -- PostgreSQL would read all entries of such a word.
  c_latest constant int := 50;
  -- Must equal the expression of the index that private.finish_table() creates.
  c_words constant text := 'to_tsvector(''pg_catalog.simple'', "left"(
    coalesce(user_data ->> ''full_name'', '''') || '' '' || coalesce(user_data ->> ''requirement_title'', '''') || '' ''
    || coalesce(user_data ->> ''title'', '''') || '' '' || coalesce(user_data ->> ''name'', '''') || '' ''
    || coalesce(user_data ->> ''organisation_name'', ''''), 1000))';
  v_text text := btrim(p_text);
  v_from uuid;
  v_to uuid;
  v_starts text[];
  v_owner uuid;
  v_words tsquery;
  v_each tsquery[];
  v_by_id text;
  v_by_words text;
  v_found jsonb;
  v_reports jsonb := '[]';
  v_jobs jsonb := '[]';
  v_events jsonb := '[]';
  v_deliveries jsonb := '[]';
  v_owners jsonb := '[]';
begin
  perform private.require_operator();
  if char_length(v_text) not between 2 and 320 then
    raise exception 'p_text must have 2 to 320 characters' using errcode = 'invalid_parameter_value';
  end if;
  if strpos(v_text, '@') > 0 then
    v_owner := private.find_account(v_text);
    -- Never the address, which would outlive an erasure in the audit.
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when v_owner is null then 'account_not_found' else 'account_found' end,
      p_actor => (select auth.uid())::text,
      p_payload => jsonb_strip_nulls(jsonb_build_object('endpoint', 'search', 'user_id', v_owner)));
    v_from := v_owner;
    v_to := v_owner;
  elsif v_text ~* '^[0-9a-f]{4}[0-9a-f-]*$' and char_length(replace(v_text, '-', '')) <= 32 then
    v_from := rpad(replace(v_text, '-', ''), 32, '0')::uuid;
    v_to := rpad(replace(v_text, '-', ''), 32, 'f')::uuid;
  end if;

  if v_from is not null then
    select coalesce(jsonb_agg(jsonb_build_object('user_id', id, 'email', email) order by id), '[]') into v_owners
    from (select id, email from auth.users where id between v_from and v_to order by id limit c_shown) owners;
  end if;
  if v_from is not null and v_owner is null then
    v_by_id := (
      select string_agg(format(
        '(select id, %L as report_type, created_at from public.%I where id between $1 and $2 order by id limit $3)',
        report_type, table_name), ' union all ')
      from public.report_types);
    execute format(
      'select jsonb_agg(private.report_line(report_type, id) order by id)
       from (select * from (%s) every order by id limit $3) found', v_by_id)
    into v_found using v_from, v_to, c_shown;
    v_reports := coalesce(v_found, '[]');
  end if;
  if v_text ~ '^\S+$' and v_owner is null and strpos(v_text, '@') = 0 and char_length(v_text) >= 4 then
    -- Our generated ids have these prefixes, which a person may have left out.
    v_starts := array[v_text, 'job_' || v_text, 'evt_' || v_text];
    select coalesce(jsonb_agg(to_jsonb(jobs) order by created_at desc), '[]') into v_jobs
    from (
      select found.* from unnest(v_starts) start
      cross join lateral (
        select job_id, state, report_type, report_id, stage, created_at from private.job_states
        -- Compares bytes, like the index, whatever the database's collation.
        where job_id operator(pg_catalog.~>=~) start and job_id operator(pg_catalog.~<~) (start || chr(1114111))
        order by job_id using operator(pg_catalog.~<~) limit c_shown) found
      limit c_shown) jobs;
    select coalesce(jsonb_agg(to_jsonb(events) order by created_at desc), '[]') into v_events
    from (
      select found.* from unnest(v_starts) start
      cross join lateral (
        select id, type, report_type, report_id, effect, created_at from public.report_events
        where id operator(pg_catalog.~>=~) start and id operator(pg_catalog.~<~) (start || chr(1114111))
        order by id using operator(pg_catalog.~<~) limit c_shown) found
      limit c_shown) events;
    if v_text ~ '^\d{1,18}$' then
      select coalesce(jsonb_agg(to_jsonb(deliveries) || jsonb_build_object('id', id::text)), '[]') into v_deliveries
      from (
        select id, event_id, endpoint_id, status, dead_at, report_type, report_id, created_at
        from public.webhook_deliveries where id = v_text::bigint) deliveries;
    end if;
  end if;

  if strpos(v_text, '@') = 0 then
    -- Each word is a prefix of a word in the name.
    select to_tsquery('pg_catalog.simple', string_agg(quoted, ' & ')), array_agg(to_tsquery('pg_catalog.simple', quoted))
    into v_words, v_each
    from (
      -- What has a meaning inside the quotes separates words, as it does in the index.
      select format('''%s'':*', translate(word, '''\', '  ')) as quoted
      from regexp_split_to_table(v_text, '\s+') word
      where translate(word, '''\', '') <> '' limit 8) words;
    if numnode(v_words) > 0 then
      v_by_words := (
        select format(
          'with latest as materialized (%s), hits as materialized (
             select report_type, id, created_at from latest where words @@ $1
           ), full_types as materialized (
             select report_type from hits group by report_type having count(*) >= $3
           ), sought as materialized (
             -- The index is used for the rare words only, if there are any, because it would also read all entries of the others.
             select string_agg(word::text, '' & '') filter (where not is_common)::tsquery as rare, bool_or(is_common) as is_part
             from (
               select word, 2 * (select count(*) from latest where words @@ word) > (select count(*) from latest) as is_common
               from unnest($5::tsquery[]) word where numnode(word) > 0) each
           )
           select * from hits union %s',
          string_agg(format(
            '(select %L as report_type, id, created_at, %s as words from public.%I order by created_at desc, id desc limit $4)',
            report_type, c_words, table_name), ' union all '),
          string_agg(format(
            '(select %L as report_type, id, created_at
              from (
                select id, created_at, user_data from public.%I
                where %s @@ (select coalesce(rare, $1) from sought)
                  and (select count(*) from full_types where report_type = %L) = 0
                offset 0) matches
              where (select not is_part from sought) or %s @@ $1
              limit $2)', report_type, table_name, c_words, report_type, c_words), ' union '))
        from public.report_types);
      execute format(
        'select jsonb_agg(private.report_line(report_type, id) order by created_at desc, id desc)
         from (select * from (%s) every order by created_at desc, id desc limit $3) found', v_by_words)
      into v_found using v_words, c_matches, c_shown, c_latest, v_each;
      v_reports := v_reports || coalesce(v_found, '[]');
    end if;
  end if;
  return jsonb_build_object(
    'reports', v_reports, 'jobs', v_jobs, 'events', v_events, 'deliveries', v_deliveries, 'owners', v_owners);
end
$$;

comment on function public.search_console(text) is
  'Finds things for operators: by the beginning of the id of a report, a user, a job or an event, by the number of a delivery, by the whole e-mail address of an account (which is audited), and by the beginnings of words of a report''s name, organisation or title. Up to six of each kind: {reports, jobs, events, deliveries, owners}.';
revoke all on function public.search_console(text) from public, anon, authenticated, service_role;
grant execute on function public.search_console(text) to authenticated;

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
    raise exception 'p_reason must have 1 to 1000 characters' using errcode = 'invalid_parameter_value';
  elsif p_until is null or p_until <= now() or p_until > now() + c_longest then
    raise exception 'p_until must be a time within the next 30 days' using errcode = 'invalid_parameter_value';
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

-- supabase/sql/console/title_of.sql
create or replace function private.title_of(p_user_data jsonb)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- The first member that may name the subject of the report, else the first text. All members are read at once, so that a
  -- long intake is decompressed only once.
  return "left"(coalesce(
    (select coalesce(full_name, requirement_title, title, name, organisation_name)
      from jsonb_to_record(case when jsonb_typeof(p_user_data) = 'object' then p_user_data end)
        as named (full_name text, requirement_title text, title text, name text, organisation_name text)),
    jsonb_path_query_first(p_user_data, 'strict $.* ? (@ like_regex "\\S")', '{}', true) #>> '{}'), 300);
end
$$;

comment on function private.title_of(jsonb) is
  'The title of a report: the name of its subject in user_data. Null: user_data has no name.';
revoke all on function private.title_of(jsonb) from public, anon, authenticated, service_role;
grant execute on function private.title_of(jsonb) to authenticated;

-- supabase/sql/console/trace.sql
create or replace function public.trace(p_id text)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_traces constant int := 20;
  c_spans constant int := 500;
  v_id constant text := btrim(p_id);
  v_traces text[];
  v_found jsonb;
  v_is_truncated boolean;
begin
  perform private.require_operator();
  -- The newest traces of a report, which may have many; any other id has one.
  select array_agg(trace_id) into v_traces
  from (
    select trace_id
    from (
      select trace_id, created_at from private.job_runs where job_id = v_id
      union all
      select trace_id, created_at from private.job_runs where trace_id = lower(v_id)
      union all
      select trace_id, created_at from private.job_runs
      where report_id = case when v_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then v_id::uuid end
      union all
      select trace_id, created_at from public.report_events where id = v_id
      union all
      select trace_id, created_at from public.report_events where trace_id = lower(v_id)
      union all
      select trace_id, created_at from public.report_events
      where report_id = case when v_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then v_id::uuid end) named
    where trace_id is not null
    group by trace_id order by max(created_at) desc limit c_traces) newest;
  with spans as materialized (
    select trace_id, 'job:' || job_id as id, null as parent, 'job' as kind, created_at as started_at,
      completed_at as ended_at, jsonb_build_object(
        'job_id', job_id, 'status', status, 'stage', stage, 'report_type', report_type, 'report_id', report_id, 'error', "left"(error, 500),
        'take_overs', take_overs, 'waited_ms', round(extract(epoch from started_at - created_at) * 1000)) as facts
    from private.job_runs where trace_id = any (v_traces)
    union all
    select event.trace_id, 'event:' || event.id,
      case when exists (select from private.job_runs job where job.job_id = event.job_id and job.trace_id = event.trace_id)
        then 'job:' || event.job_id end,
      'event', event.created_at, event.applied_at, jsonb_build_object(
        'event_id', event.id, 'type', event.type, 'effect', event.effect, 'channel', event.channel,
        'report_type', event.report_type, 'report_id', event.report_id)
    from public.report_events event where event.trace_id = any (v_traces)
    union all
    select audit.trace_id, coalesce('attempt:' || audit.span_id, 'audit:' || audit.id), 'event:' || audit.event_id,
      case when audit.outcome = 'skipped' then 'skipped' else 'attempt' end,
      audit.ended_at - make_interval(secs => coalesce(audit.duration_ms, 0)::float8 / 1000), audit.ended_at,
      jsonb_build_object(
        'outcome', audit.outcome, 'endpoint_id', audit.endpoint_id, 'status', audit.response_status,
        'attempt', audit.attempt_number, 'error', "left"(audit.error_message, 500), 'audit_id', audit.id)
    from (
      -- The attempts of a round are recorded together, after the last one.
      select sent.*, sent.created_at - make_interval(secs => coalesce(sum(duration_ms) over (
        partition by delivery_id, round order by attempt_number
        rows between 1 following and unbounded following), 0)::float8 / 1000) as ended_at
      from public.report_events event
      join public.webhook_audit sent on sent.event_id = event.id and sent.trace_id = event.trace_id
      where event.trace_id = any (v_traces) and sent.direction = 'out') audit
    union all
    select audit.trace_id, 'request:' || audit.id,
      case when sent.id is not null then 'attempt:' || sent.span_id else 'event:' || audit.event_id end, 'request',
      audit.created_at, audit.created_at + make_interval(secs => coalesce(audit.duration_ms, 0)::float8 / 1000),
      jsonb_build_object(
        'outcome', audit.outcome, 'endpoint_id', coalesce(audit.endpoint_id, audit.request_payload ->> 'endpoint'),
        'status', audit.response_status, 'actor', audit.actor, 'error', audit.error_message, 'audit_id', audit.id)
    from public.report_events event
    join public.webhook_audit audit on audit.event_id = event.id and audit.trace_id = event.trace_id
    left join lateral (
      select id, span_id from public.webhook_audit other
      where other.event_id = event.id and other.direction = 'out' and other.span_id = audit.span_id limit 1) sent on true
    where event.trace_id = any (v_traces) and audit.direction = 'in'
  ), bounded as (
    select * from spans order by started_at, id limit c_spans
  )
  select
    jsonb_agg(jsonb_build_object('trace_id', trace_id, 'started_at', began, 'spans', traced) order by began desc),
    (select count(*) > c_spans from spans)
  into v_found, v_is_truncated
  from (
    select trace_id, min(started_at) as began, jsonb_agg(jsonb_build_object(
      'id', id, 'parent', parent, 'kind', kind, 'started_at', started_at, 'ended_at', ended_at, 'facts', jsonb_strip_nulls(facts))
      order by started_at, id) as traced
    from bounded group by trace_id) traces;
  return jsonb_build_object('traces', coalesce(v_found, '[]'), 'truncated', v_is_truncated);
end
$$;

comment on function public.trace(text) is
  'The path of one request, as a tree with times: {traces: [{trace_id, started_at, spans: [{id, parent, kind, started_at, ended_at, facts}]}], truncated}. p_id: of a trace, a job, an event or a report, of which the newest 20 traces are shown.';
revoke all on function public.trace(text) from public, anon, authenticated, service_role;
grant execute on function public.trace(text) to authenticated;

-- supabase/sql/console/traffic.sql
create or replace function private.traffic(
  p_total bigint, p_succeeded bigint, p_reported_failures bigint, p_p50 int, p_p95 int, p_p99 int)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'total', coalesce(p_total, 0), 'succeeded', coalesce(p_succeeded, 0),
    -- Delivered, but reporting a failed generation: neither a success nor a failure of the webhook.
    'reported_failures', coalesce(p_reported_failures, 0),
    'failed', coalesce(p_total - p_succeeded - p_reported_failures, 0),
    'success_rate', round(p_succeeded::numeric / nullif(p_total - p_reported_failures, 0), 6),
    'p50_ms', round(power(1.05::float8, p_p50 - 0.5::float8)::numeric, 4),
    'p95_ms', round(power(1.05::float8, p_p95 - 0.5::float8)::numeric, 4),
    'p99_ms', round(power(1.05::float8, p_p99 - 0.5::float8)::numeric, 4));
end
$$;

comment on function private.traffic(bigint, bigint, bigint, int, int, int) is
  'Counts and percentiles as the console takes them. p_reported_failures: of p_total, those that brought the news of a failed generation; p_succeeded leaves them out.';
revoke all on function private.traffic(bigint, bigint, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function private.traffic(bigint, bigint, bigint, int, int, int) to authenticated;

-- supabase/sql/console/webhook_statistics.sql
create or replace function public.webhook_statistics(
  p_window text default 'hour', p_after timestamptz default null, p_before timestamptz default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  -- Buckets of two hours are kept for 16 days, those of a quarter of an hour for two days.
  c_furthest constant interval := '16 days';
  v_is_range boolean := p_after is not null or p_before is not null;
  v_before timestamptz := least(p_before, now());
  v_bucket interval;
  v_span interval;
  v_slot_minutes int;
  v_from timestamptz;
  v_to timestamptz;
  v_rolled timestamptz;
  -- Audit rows are read from this time on; earlier figures come from the roll-up. Ranges up to an hour read only audit rows,
  -- since the roll-up has no buckets that short.
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
    else raise exception 'p_window must be quarter, hour, day or week' using errcode = 'invalid_parameter_value';
  end case;
  if not v_is_range then
    v_to := date_bin(v_bucket, now(), 'epoch') + v_bucket;
    v_from := v_to - v_span;
  elsif (p_after < v_before and date_bin('2 hours', p_after, 'epoch') > now() - c_furthest) is not true then
    raise exception 'p_after must be a time of the last 16 days, before p_before'
      using errcode = 'invalid_parameter_value';
  else
    v_slot_minutes := null;
    -- The audit may be kept for only one day.
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
    -- Only delivered requests can report a failed generation.
    select at, direction, report_type, outcome, reports_failure and outcome = any (c_succeeded) as reports_failure,
      sum(requests)::bigint as requests
    from (
      select at, direction, report_type, outcome, reports_failure, requests from fresh
      union all
      select slot, direction, report_type, outcome, reports_failure, requests
      from public.webhook_counts where slot_minutes = v_slot_minutes and slot >= v_from and slot < v_to) parts
    group by 1, 2, 3, 4, 5
  ), latencies as (
    -- Per bucket of the series, and (with null) for the whole window.
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
      -- A request rejected because of its sender's rate is not a failure of ours.
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
      -- Of closed dead letters, only a lost result needs attention: the report can be requested again.
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
        -- Whatever the event reports, a delivery has succeeded when it arrived.
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
  'Statistics of webhooks in the last quarter of an hour, hour, day or week, in buckets of 30 seconds, a minute, a quarter of an hour or two hours, and what waits now; and how jobs fared. With p_after and p_before, instead: in the whole buckets from the one to the other, as fine as is kept of that time. A delivery that brings the news of a failed generation is counted by itself, as neither success nor failure. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
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
  'Objects that npm run upgrade must still build on large tables.';
revoke all on private.unfinished_tables from anon, authenticated, service_role;

-- supabase/sql/jobs/job_rows.sql
create or replace view private.job_rows with (security_invoker = true) as
  select job_id as id, job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, "left"(error, 500) as error, event_id,
    take_overs, created_at, started_at, completed_at
  from private.job_runs;

comment on view private.job_rows is 'A job in a list: without prompt, metadata, keys and tokens.';
revoke all on table private.job_rows from public, anon, authenticated, service_role;
grant select on table private.job_rows to authenticated;

-- supabase/sql/jobs/job_states.sql
create or replace view private.job_states with (security_invoker = true) as
  select job_id as id, job_id, report_type, report_id, user_id, caller, stage, status,
    case
      when status not in ('queued', 'running') then status
      -- The same condition as private.due_jobs: the next sweep takes these jobs over or ends them.
      when generate and lease_expires_at < now() or not generate and deadline < now() then 'overdue'
      when not generate then 'waiting'
      else 'running'
    end as state,
    generate, model, percent, eta_seconds, "left"(error, 500) as error, event_id, take_overs, lease_token, lease_expires_at, deadline,
    created_at, started_at, completed_at,
    generate and prompt is not null and erased_at is null and status not in ('queued', 'running') as can_repeat
  from private.job_runs;

comment on view private.job_states is
  'A job as operators see it. state: running (under a lease), waiting (for a result from elsewhere), overdue (its lease or its deadline is over: the next sweep takes it over, or ends it), succeeded, failed or cancelled.';
revoke all on table private.job_states from public, anon, authenticated, service_role;

-- supabase/sql/deliver/due_deliveries.sql
create or replace view private.due_deliveries with (security_invoker = true) as
  select id, event_id, endpoint_id, report_type, report_id, job_id, attempts, last_attempt, next_attempt
  from public.webhook_deliveries
  where status not in ('success', 'superseded', 'cancelled') and dead_at is null and next_attempt <= now()
    and private.lease_is_free(lease_expires_at);

comment on view private.due_deliveries is
  'Deliveries that a sweep claims from and get_failed_webhooks() lists, including those of a process that died.';
revoke all on table private.due_deliveries from public, anon, authenticated, service_role;

-- supabase/sql/observe/alert_rows.sql
create or replace view private.alert_rows with (security_invoker = true) as
  select alert.id, alert.rule, alert.subject, alert.state, alert.severity, alert.pending_since, alert.fired_at, alert.good_since,
    alert.resolved_at, alert.last_value, rule.threshold, rule.unit, alert.affected, alert.facts,
    case when alert.state <> 'resolved' then private.silenced_until(alert.rule, alert.subject) end as silenced_until,
    (select coalesce(jsonb_agg(jsonb_build_object(
        'transition', delivery.transition, 'created_at', delivery.created_at, 'attempts', delivery.attempts,
        'delivered_at', delivery.delivered_at, 'dead_at', delivery.dead_at, 'next_attempt', delivery.next_attempt,
        'error', delivery.error, 'host', delivery.host) order by delivery.created_at), '[]')
      from public.alert_deliveries delivery where delivery.alert_id = alert.id) as deliveries
  from public.alerts alert
  left join private.alert_rules rule on rule.rule = alert.rule;

comment on view private.alert_rows is
  'An alert in a list: with its threshold, until when it is silenced, and what was sent of it.';
revoke all on table private.alert_rows from public, anon, authenticated, service_role;
grant select on table private.alert_rows to authenticated;

-- supabase/sql/observe/audit_rows.sql
create or replace view private.audit_rows with (security_invoker = true) as
  select audit.id, audit.created_at, audit.direction, coalesce(audit.endpoint_id, audit.webhook_type) as endpoint_id,
    audit.request_payload ->> 'endpoint' as endpoint, audit.outcome, audit.response_status, type.report_type,
    audit.report_id, audit.job_id, audit.event_id, audit.attempt_number, audit.duration_ms, audit.error_message, audit.actor,
    -- As it is indexed: endpoint_id above may be of the platform's column.
    audit.endpoint_id as indexed_endpoint_id
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table;

comment on view private.audit_rows is 'A row of the audit in a list: without payload and answer.';
revoke all on table private.audit_rows from public, anon, authenticated, service_role;
grant select on table private.audit_rows to authenticated;

-- supabase/sql/observe/audit_with_content.sql
create or replace view private.audit_with_content with (security_invoker = true) as
  select id, event_id, report_id
  from public.webhook_audit
  where response_body is not null or error_message is not null or body_sha256 is not null
    or request_payload is not null and (
      outcome is null or jsonb_typeof(request_payload) <> 'object'
      or request_payload - '{id,type,endpoint,method,claim_id,plan,dead_at,dead_reason,url,headers,data}'::text[] <> '{}'
      or request_payload ? 'data' and (
        jsonb_typeof(request_payload -> 'data') <> 'object'
        or (request_payload -> 'data') - '{job_id,report_id,report_type,research_status,requested_at}'::text[] <> '{}'));

comment on view private.audit_with_content is
  'Audit rows that without_content() would change. An event may have a hundred thousand of them, each of which is asked about again and again: an expression costs a tenth of a call.';
revoke all on table private.audit_with_content from public, anon, authenticated, service_role;

-- supabase/sql/observe/webhook_measures.sql
create or replace view private.webhook_measures with (security_invoker = true) as
  select audit.created_at, audit.direction, audit.endpoint_id, type.report_type, audit.outcome,
    -- Buckets 5 % wide: bucket n holds durations over 1.05^(n - 1) and up to 1.05^n milliseconds.
    -- Requests rejected because of a rate are answered at once, and say nothing about the duration of a webhook.
    case when audit.duration_ms is not null and audit.outcome <> 'rate_limited' then
      ceil(ln(greatest(audit.duration_ms, 0.01)::double precision) / ln(1.05::double precision))::int end as bucket,
    coalesce(audit.request_payload ->> 'type' like 'report.%.failed', false) as reports_failure
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table
  where audit.outcome is not null and audit.endpoint_id is not null
    and (audit.direction = 'out' or audit.actor is null);

comment on view private.webhook_measures is
  'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for. reports_failure: it brings the news of a failed generation.';
revoke all on table private.webhook_measures from public, anon, authenticated, service_role;
grant select on table private.webhook_measures to authenticated;

-- supabase/sql/limits/rate_buckets.sql
comment on table private.rate_buckets is
  'How far the buckets are used up, a row for each part of a bucket that was used lately. A part without a row is full. Unlogged: after a crash, all are full.';
comment on column private.rate_buckets.key is
  'Of a sender the fingerprint of its key, of a report its type and id, of jobs and writes the id of the user.';
comment on column private.rate_buckets.full_at is
  'When the part is full again without further tokens taken (the theoretical arrival time of GCRA).';
comment on column private.rate_buckets.hour is
  'full_at, rounded down. Retention goes by an index on it: an index on full_at would change with every token.';
alter table private.rate_buckets enable row level security;
revoke all on table private.rate_buckets from public, anon, authenticated, service_role;

-- supabase/sql/limits/rate_limits.sql
comment on table private.rate_limits is
  'The rates, one row of each kind. An operator changes them with an update: they hold from the next request on. A kind without a row is an error, which ask_limit() reports.';
comment on column private.rate_limits.kind is
  'sender: requests signed with one key. report: events for one report. job: new jobs of one user. write: rows of reports that one owner inserts or changes.';
comment on column private.rate_limits.tokens_per_minute is 'How many tokens a bucket gets back in a minute. Null: no limit.';
comment on column private.rate_limits.burst is 'How many tokens a full bucket has.';
comment on column private.rate_limits.parts is
  'Into how many rows a bucket is divided, each with its share of rate and burst, so that callers do not queue at one row.';
comment on column private.rate_limits.window_seconds is 'How long an empty bucket takes to be full.';
comment on column private.rate_limits.step is 'From one token of a part to its next.';
comment on column private.rate_limits.ahead is
  'A part that is full again within this time has a token; one without any is full a step later.';
comment on column private.rate_limits.beyond is
  'A part that is full only after this time was written a minute and more ahead, by a clock that was set back since or under other limits. It counts as full: otherwise it would give nothing for as long.';
alter table private.rate_limits enable row level security;
revoke all on table private.rate_limits from public, anon, authenticated, service_role;

-- supabase/sql/reports/operators.sql
comment on table public.operators is 'Who may read everything, retry and redrive deliveries, cancel jobs and run them again, change subscribers, send replays, silence alerts and erase accounts. Deleting a row revokes at once.';
revoke all on table public.operators from anon, authenticated, service_role;
grant select on table public.operators to authenticated;

-- supabase/sql/events/report_events.sql
comment on table public.report_events is
  'The immutable fact that a job finished, an owner edited a text, or a report was deleted. The content stands in private.report_contents.';
comment on column public.report_events.requested_at is 'The order among events of a report: (stage, requested_at, id).';
comment on column public.report_events.digest is 'SHA-256 of type, subject and content, without times; random once the content is erased.';
comment on column public.report_events.channel is 'Who applied it first.';
comment on column public.report_events.effect is 'The effect of applying the event. Null: recorded, but not applied yet.';
comment on column public.report_events.position is '1, 2, … in its report, in the order of effects.';
comment on column public.report_events.erased_at is 'When forget_event() erased its content. Id, order and audit stay.';
comment on column public.report_events.trace_id is 'Of its job, or of the request that brought it. Null: from before there were traces.';
comment on column public.report_events.settings_revision is
  'The newest revision of subscribers'' settings that its fan-out saw. Null: nobody had subscribed, or it was imported.';
comment on column public.report_events.applied_xid is
  'The transaction of its effect: what is below pg_snapshot_xmin() will not get another neighbour.';
revoke all on table public.report_events from anon, authenticated, service_role;
grant select on table public.report_events to authenticated;

-- supabase/sql/events/report_notifications.sql
comment on table public.report_notifications is
  'Notifies the report''s owner of a completed final: written with the effect.';
revoke all on table public.report_notifications from anon, authenticated, service_role;
revoke all on sequence public.report_notifications_id_seq from anon, authenticated, service_role;
grant select on table public.report_notifications to authenticated;
grant update (read_at) on table public.report_notifications to authenticated;

-- supabase/sql/jobs/job_runs.sql
comment on table private.job_runs is
  'A job of ours, whole: report_jobs only shows its progress, since owners and the platform can write there.';
comment on column private.job_runs.user_id is
  'Who may read and cancel it. For a job of the pipeline: the owner of the report, also when that changes. Else the user who asked; null for a job of the pipeline without a report.';
comment on column private.job_runs.caller is '`pipeline`, the id of the user who asked, or `platform` for an imported job.';
comment on column private.job_runs.caller_key is 'The caller''s Idempotency-Key, unique per caller.';
comment on column private.job_runs.request_digest is 'SHA-256 of the request: the same key with another body is a conflict.';
comment on column private.job_runs.model is
  'The model that generates, null where none does. Of a job whose result is generated elsewhere: the model that was asked for.';
comment on column private.job_runs.generate is 'False: the result is generated elsewhere and arrives by PATCH.';
comment on column private.job_runs.lease_token is
  'Fencing token: raised whenever another runner takes the job, and shown by every completion.';
comment on column private.job_runs.claim_id is 'Of the last take-over: a repeated call is recognised by it.';
comment on column private.job_runs.deadline is 'Until when a result from elsewhere is waited for.';
comment on column private.job_runs.event_id is 'The event that finished the job.';
comment on column private.job_runs.result is
  'The text of a job without a report, which has no event. It is erased with the job, when retention removes that.';
comment on column private.job_runs.result_metadata is 'How that text was made, such as the tokens used.';
comment on column private.job_runs.erased_at is 'When forget_job() erased what its caller and its result said.';
comment on column private.job_runs.trace_id is 'Of the request that made it, or one that began here.';
revoke all on table private.job_runs from anon, authenticated, service_role;
grant select (
  job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, error, event_id, take_overs,
  created_at, started_at, completed_at, trace_id) on table private.job_runs to authenticated;

-- supabase/sql/deliver/endpoint_checks.sql
comment on table private.endpoint_checks is
  'The checks of subscribers, with what each probe has found.';
comment on column private.endpoint_checks.host is 'Checks are limited by host: their requests are unsolicited.';
comment on column private.endpoint_checks.claim_id is
  'Minted by the function that began it: a repeated call is recognised by it. Null: a repeated call begins another check.';
comment on column private.endpoint_checks.passed is 'Null: it is under way, or its function died.';
comment on column private.endpoint_checks.compression is 'In which its probe of that name was sent: what the settings asked for then.';
alter table private.endpoint_checks enable row level security;
revoke all on table private.endpoint_checks from anon, authenticated, service_role;
revoke all on sequence private.endpoint_checks_id_seq from anon, authenticated, service_role;

-- supabase/sql/deliver/endpoint_revisions.sql
comment on table private.endpoint_revisions is
  'The settings of subscribers. A change makes a new row; ids are in the order of commits.';
comment on column private.endpoint_revisions.takes_events is 'Whether an effect makes a delivery for it: not before it is verified or has caught up, nor once it is removed.';
comment on column private.endpoint_revisions.types is 'Event types. Null here, as in the next three: all.';
comment on column private.endpoint_revisions.filter_path is 'The filter, compiled by the function that saved it.';
comment on column private.endpoint_revisions.compression is 'The requested coding. It is used once the subscriber accepts it: private.subscribers.accepted_coding.';
comment on column private.endpoint_revisions.change is 'The change in a word or two, for the history.';
comment on column private.endpoint_revisions.superseded_by is 'The revision after it. Null: it is in force.';
alter table private.endpoint_revisions enable row level security;
revoke all on table private.endpoint_revisions from anon, authenticated, service_role;
revoke all on sequence private.endpoint_revisions_id_seq from anon, authenticated, service_role;

-- supabase/sql/deliver/endpoint_secrets.sql
comment on table private.endpoint_secrets is
  'The signing secrets of subscribers, encrypted with a key that only the functions have.';
comment on column private.endpoint_secrets.expires_at is 'Null: the newest. Until then an older one signs too.';
alter table private.endpoint_secrets enable row level security;
revoke all on table private.endpoint_secrets from anon, authenticated, service_role;
revoke all on sequence private.endpoint_secrets_id_seq from anon, authenticated, service_role;

-- supabase/sql/deliver/filter_faults.sql
comment on table private.filter_faults is
  'Filters that could not be asked about an event: no match, and a fault of ours that its endpoint shows. Kept as long as the event: it says why the endpoint did not get it.';
alter table private.filter_faults enable row level security;
revoke all on table private.filter_faults from anon, authenticated, service_role;
revoke all on sequence private.filter_faults_id_seq from anon, authenticated, service_role;

-- supabase/sql/deliver/plans.sql
comment on table public.plans is
  'Operators'' actions on many deliveries: requested once, worked off in slices by the request and by sweeps.';
comment on column public.plans.id is 'From 1: 0 is the plan of live deliveries (webhook_deliveries.plan).';
comment on column public.plans.request_id is 'Of the request, minted by who asked: a repeated one is recognised by it.';
comment on column public.plans.filter is 'Which deliveries it is about. Those that were made, sent or became dead letters after created_at are not.';
comment on column public.plans.actor is 'The id of the operator who asked.';
comment on column public.plans.total is 'How many matched when it was requested. Null: more deliveries than were counted.';
comment on column public.plans.outcomes is
  'How many of each outcome: redriven; brought_forward (due before its slot); changed (the plan is not about it any more); held and error are of the present pass alone.';
comment on column public.plans.preview is 'The preview of a replay at the time of its proposal.';
comment on column public.plans.applied_at is 'When a proposed plan was begun: it is about events until then.';
comment on column public.plans.applied_xid is 'A transaction after that: until all before it have ended, the plan waits.';
comment on column public.plans.position is 'Where the next slice begins: {at, id} of the last delivery that was looked at. Null: at the beginning.';
comment on column public.plans.passes is 'Passes that are over. Another one follows while some deliveries were held or failed.';
comment on column public.plans.faults is 'Slices in a row that failed as a whole.';
alter table public.plans enable row level security;
revoke all on table public.plans from anon, authenticated, service_role;
revoke all on sequence public.plans_id_seq from anon, authenticated, service_role;
grant select on table public.plans to authenticated;
drop policy if exists "operators read" on public.plans;
create policy "operators read" on public.plans for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/deliver/subscribers.sql
comment on table private.subscribers is
  'Endpoints of other systems, with their states. A row is never deleted: deliveries and revisions name it.';
comment on column private.subscribers.request_id is 'Of the request that made it, minted by who asked: a repeated one is recognised by it.';
comment on column private.subscribers.in_flight_limit is
  'How many could send to it at once at limited_at; since then twice as many every ten seconds. Written only when it changes for the worse.';
comment on column private.subscribers.failing_since is 'Its first failure since its last success. Null: the last round succeeded.';
comment on column private.subscribers.read_token_sha256 is 'SHA-256 of its read token, as hex. Null: it is removed.';
comment on column private.subscribers.accepted_coding is
  'In which it has answered a compressed ping at its present URL. Null: in none, or it refused a compressed body since.';
comment on column private.subscribers.coding_refused_at is
  'When it refused a compressed body and took the same event uncompressed. Null: not since a check saw that it accepts them.';
alter table private.subscribers enable row level security;
revoke all on table private.subscribers from anon, authenticated, service_role;

-- supabase/sql/deliver/webhook_circuits.sql
comment on table public.webhook_circuits is
  'The circuit breaker, one row per endpoint. Written only when it opens, probes or closes.';
comment on column public.webhook_circuits.opened_at is 'Null: closed. Else open until probe_after, and half-open from then on.';
comment on column public.webhook_circuits.closed_at is 'Earlier attempts do not count.';
comment on column public.webhook_circuits.probe_lease_expires_at is 'Until then the probe is under way; a prober that died loses it.';
revoke all on table public.webhook_circuits from anon, authenticated, service_role;
grant select on table public.webhook_circuits to authenticated;

-- supabase/sql/deliver/webhook_deliveries.sql
comment on table public.webhook_deliveries is
  'The outbox: the duty to bring one event to one endpoint. private.move_delivery() is the one writer of its state.';
comment on column public.webhook_deliveries.plan is '0 is the live delivery; the others are replays.';
comment on column public.webhook_deliveries.position is
  'Of its event in the report, where it goes to a subscriber: a report''s next event is sent when the one before it has ended.';
comment on column public.webhook_deliveries.waits_for is
  'The delivery before it in its report. No claim looks at it until that has ended.';
comment on column public.webhook_deliveries.claimed_at is 'When its present or last round began.';
comment on column public.webhook_deliveries.body is 'full, or thin: without the content.';
comment on column public.webhook_deliveries.redrives is 'How often an operator redrove the delivery: a redriven one has no place in the order.';
comment on column public.webhook_deliveries.created_xid is
  'The transaction that made it, for subscribers: what is below pg_snapshot_xmin() will not get another neighbour.';
comment on column public.webhook_deliveries.format_version is 'Of the body: a delivery keeps the version it was made with.';
comment on column public.webhook_deliveries.attempts is 'POSTs made.';
comment on column public.webhook_deliveries.counted_on_arrival is
  'The endpoint counted one POST of the present round when it arrived; the sender''s record leaves that one out.';
comment on column public.webhook_deliveries.rounds is 'Recorded rounds that failed: the place in the durable schedule.';
comment on column public.webhook_deliveries.lease_token is 'Fencing token: raised by every claim.';
comment on column public.webhook_deliveries.claim_id is 'Of the last claim: a repeated call is recognised by it.';
comment on column public.webhook_deliveries.status_before_claim is
  'The status to show again when the lease of the last claim expires.';
revoke all on table public.webhook_deliveries from anon, authenticated, service_role;
revoke all on sequence public.webhook_deliveries_id_seq from anon, authenticated, service_role;
grant select on table public.webhook_deliveries to authenticated;

-- supabase/sql/deliver/webhook_endpoints.sql
comment on table public.webhook_endpoints is
  'The places that deliveries go to: our own two webhook functions, and subscribers. Never deleted.';
comment on column public.webhook_endpoints.stage is 'The stage whose events an internal endpoint takes.';
comment on column public.webhook_endpoints.expects is
  'The proof of a delivery: the answer of our own webhook functions for this job, or any 2xx.';
revoke all on table public.webhook_endpoints from anon, authenticated, service_role;
grant select on table public.webhook_endpoints to authenticated;

-- supabase/sql/observe/alert_deliveries.sql
comment on table public.alert_deliveries is
  'Alert messages: one row for each transition that is sent. Written in the transaction of the transition; no claim, limit or circuit of webhooks touches it.';
comment on column public.alert_deliveries.id is 'The webhook-id of each attempt: a receiver drops what it has seen.';
comment on column public.alert_deliveries.alert is 'The alert at that moment, from which the message is composed: every attempt has the same bytes.';
comment on column public.alert_deliveries.lease_token is 'Fencing token: raised by every claim and every recorded failure.';
comment on column public.alert_deliveries.dead_at is 'It could not be delivered for a day.';
comment on column public.alert_deliveries.error is 'Why the last attempt failed, in our own words.';
comment on column public.alert_deliveries.host is 'The host that confirmed it: the rest of an address may be what admits us.';
alter table public.alert_deliveries enable row level security;
revoke all on table public.alert_deliveries from anon, authenticated, service_role;
grant select on table public.alert_deliveries to authenticated;
drop policy if exists "operators read" on public.alert_deliveries;
create policy "operators read" on public.alert_deliveries for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/observe/alert_rules.sql
comment on table private.alert_rules is
  'The alert rules, one row for each private.alert_on_<rule>(). An operator changes a number, or turns a rule off, with one update.';
comment on column private.alert_rules.threshold is 'In this unit. Values beyond the threshold are bad.';
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
  'One row per incident: a rule that was broken, by one subject. Pending, firing, resolved; one that never fired is deleted. It holds only ids, counts and our own words.';
comment on column public.alerts.subject is 'The endpoint, stage (`none`: jobs without a report), table, address, secret or rule that it is about; empty where the rule has no subjects.';
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

-- supabase/sql/observe/function_usage.sql
comment on table private.function_usage is
  'Resources used by the instances of each function, since the first instance; see report_usage().';
comment on column private.function_usage.memory_bytes is
  'The most that an instance had at once, of those that reported within about 15 minutes before memory_at.';
alter table private.function_usage enable row level security;
revoke all on table private.function_usage from anon, authenticated, service_role;

-- supabase/sql/observe/latency_totals.sql
comment on table private.latency_totals is
  'How long attempts and requests of all time took that are rolled up, in the buckets of webhook_latencies.';
alter table private.latency_totals enable row level security;
revoke all on table private.latency_totals from anon, authenticated, service_role;

-- supabase/sql/observe/ping_results.sql
comment on table private.ping_results is
  'The pings that sweeps send the whole road of a webhook, one row each, for eight days.';
comment on column private.ping_results.address is 'An address of WEBHOOK_BASE_URL without https:// and /api/webhooks: host, port where one is given, and path.';
comment on column private.ping_results.error is 'The error, in our own words; null: delivered.';
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
  'Findings of verify_slice() that are not repaired yet.';
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

-- supabase/sql/observe/webhook_counts.sql
comment on table public.webhook_counts is
  'Attempts and requests by endpoint and outcome: in slots of 15 minutes for the last day, and of 120 for the last week.';
comment on column public.webhook_counts.slot is 'Its beginning.';
comment on column public.webhook_counts.report_type is 'Null: a request that named none, as refused ones do.';
comment on column public.webhook_counts.reports_failure is 'They bring the news of a failed generation.';
revoke all on table public.webhook_counts from anon, authenticated, service_role;
grant select on table public.webhook_counts to authenticated;

-- supabase/sql/observe/webhook_refusals.sql
comment on table public.webhook_refusals is
  'Requests a minute that were refused unverified or over their rate: beyond a cap they are only counted, so that nobody can fill the audit.';
comment on column public.webhook_refusals.part is 'A minute has up to eight rows, so that callers do not queue at one.';
revoke all on table public.webhook_refusals from anon, authenticated, service_role;
grant select on table public.webhook_refusals to authenticated;

-- supabase/sql/observe/webhook_totals.sql
comment on table private.webhook_totals is
  'Attempts and requests of all time that are rolled up, by endpoint and outcome. They only grow, also when audit rows and slots are pruned.';
alter table private.webhook_totals enable row level security;
revoke all on table private.webhook_totals from anon, authenticated, service_role;

-- What the server calls as service_role, it may call as the role of the direct store.
grant execute on function public.account_content(text) to polaris_store;
grant execute on function public.apply_plan(pg_catalog.int4, text) to polaris_store;
grant execute on function public.apply_report_event(text, text, text, text, text, pg_catalog.int4, pg_catalog.numeric, text, pg_catalog.int4, text, text) to polaris_store;
grant execute on function public.apply_report_events(jsonb, text, pg_catalog.int4) to polaris_store;
grant execute on function public.begin_endpoint_check(text, text, text, uuid) to polaris_store;
grant execute on function public.cancel_plan(pg_catalog.int4, text) to polaris_store;
grant execute on function public.cancel_report_job(text, text) to polaris_store;
grant execute on function public.change_endpoint(text, pg_catalog.int8, jsonb, text, text, text) to polaris_store;
grant execute on function public.claim_alert_delivery(pg_catalog.int4, uuid) to polaris_store;
grant execute on function public.claim_due_deliveries(pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, uuid, pg_catalog.int8[]) to polaris_store;
grant execute on function public.claim_due_delivery(pg_catalog.int4, uuid, pg_catalog.int8[]) to polaris_store;
grant execute on function public.claim_event_deliveries(text, pg_catalog.int4, uuid, pg_catalog.int4) to polaris_store;
grant execute on function public.claim_ping() to polaris_store;
grant execute on function public.claim_report_delivery(text, uuid, pg_catalog.int4, text, text, uuid) to polaris_store;
grant execute on function public.complete_report_job(text, text, pg_catalog.int4, pg_catalog.int8, text, text, text, text) to polaris_store;
grant execute on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) to polaris_store;
grant execute on function public.delivery_backlog() to polaris_store;
grant execute on function public.deployment_facts(pg_catalog.bool) to polaris_store;
grant execute on function public.due_report_jobs(pg_catalog.int4) to polaris_store;
grant execute on function public.endpoint_history(text) to polaris_store;
grant execute on function public.erase_due(pg_catalog.int4, uuid) to polaris_store;
grant execute on function public.erase_user(uuid, pg_catalog.int4) to polaris_store;
grant execute on function public.evaluate_alerts(pg_catalog.bool, timestamptz, jsonb, pg_catalog.bool) to polaris_store;
grant execute on function public.event_samples(pg_catalog.int4, text, text[], text) to polaris_store;
grant execute on function public.explain_fan_out(text, text, text[]) to polaris_store;
grant execute on function public.get_report_job(text, text) to polaris_store;
grant execute on function public.import_reports(pg_catalog.int4) to polaris_store;
grant execute on function public.keep_subscribers(pg_catalog.int4, pg_catalog.int4) to polaris_store;
grant execute on function public.list_endpoints(text, pg_catalog.bool) to polaris_store;
grant execute on function public.metrics() to polaris_store;
grant execute on function public.move_endpoint(text, text, text) to polaris_store;
grant execute on function public.pause_unreadable_endpoint(text) to polaris_store;
grant execute on function public.prune_expired(pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, jsonb, pg_catalog.int4) to polaris_store;
grant execute on function public.read_events(text, pg_catalog.int4, jsonb, text) to polaris_store;
grant execute on function public.record_alert_attempt(text, pg_catalog.int8, pg_catalog.bool, text, text) to polaris_store;
grant execute on function public.record_delivered_rounds(jsonb) to polaris_store;
grant execute on function public.record_delivery_attempts(pg_catalog.int8, pg_catalog.int8, text, jsonb, pg_catalog.numeric) to polaris_store;
grant execute on function public.record_endpoint_check(pg_catalog.int8, pg_catalog.bool, jsonb) to polaris_store;
grant execute on function public.record_ping(text) to polaris_store;
grant execute on function public.record_ping_results(jsonb) to polaris_store;
grant execute on function public.record_sweep(text) to polaris_store;
grant execute on function public.record_webhook_request(jsonb, pg_catalog.bool, pg_catalog.int4) to polaris_store;
grant execute on function public.redrive_deliveries(jsonb, text, pg_catalog.int4, uuid) to polaris_store;
grant execute on function public.release_deliveries(pg_catalog.int4) to polaris_store;
grant execute on function public.repeat_report_job(text, text, text, pg_catalog.int4, pg_catalog.int4, pg_catalog.bool, text[], pg_catalog.int4, pg_catalog.int4, text) to polaris_store;
grant execute on function public.replace_endpoint_secret(text, text, pg_catalog.int4, text) to polaris_store;
grant execute on function public.replace_read_token(text, text, text) to polaris_store;
grant execute on function public.report_job_progress(text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4) to polaris_store;
grant execute on function public.report_usage(text, pg_catalog.int4, pg_catalog.int8, pg_catalog.int8) to polaris_store;
grant execute on function public.request_plan(uuid, text, text, text, jsonb, text) to polaris_store;
grant execute on function public.request_report_job(text, text, text, pg_catalog.bool, pg_catalog.int4, pg_catalog.int4, text, uuid, text, pg_catalog.bool, text, text, pg_catalog.numeric, pg_catalog.int4, uuid, text, text[], pg_catalog.int4, pg_catalog.int4, text) to polaris_store;
grant execute on function public.roll_up_webhooks(pg_catalog.int4) to polaris_store;
grant execute on function public.subscriber_secrets() to polaris_store;
grant execute on function public.take_over_report_job(text, pg_catalog.int4, pg_catalog.int4, uuid, text[]) to polaris_store;
grant execute on function public.take_sender_token(text) to polaris_store;
grant execute on function public.user_is_operator(uuid) to polaris_store;
grant execute on function public.verify_reports() to polaris_store;
grant execute on function public.verify_slice() to polaris_store;
grant execute on function public.work_plan(pg_catalog.int4) to polaris_store;
