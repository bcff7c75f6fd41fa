-- Why: Operators see alerts in the console, and owners what their notifications are about. A confirmed alert did not say where it went.
alter table public.alert_deliveries add column host text;
-- Both get a parameter.
drop function public.list_alerts(text, text, timestamptz, timestamptz, int, timestamptz, text);
drop function public.record_alert_attempt(text, bigint, boolean, text);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

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
    -- That it arrived is true whoever says so; that it did not, only its holder may say.
    and (p_delivered or lease_token = p_token and dead_at is null)
$$;

comment on function public.record_alert_attempt(text, bigint, boolean, text, text) is
  'What came of an attempt to deliver an alert. p_error: our own words. p_host: where it was delivered.';
revoke all on function public.record_alert_attempt(text, bigint, boolean, text, text) from public, anon, authenticated, service_role;
grant execute on function public.record_alert_attempt(text, bigint, boolean, text, text) to service_role;

-- supabase/sql/console/console_status.sql
-- Definer rights: nobody but our functions reads heartbeats and the leases of jobs; it asks who the caller is itself.
create or replace function public.console_status()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Attempts of an endpoint that are looked at for its last success and failure, newest first.
  c_looked constant int := 10000;
  c_counted constant int := 1000;
  c_alerts constant int := 200;
  c_recent constant interval := '5 minutes';
  -- A job whose lease ran out is the next sweep's; longer than this, sweeps do not get to it.
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
        where direction = 'out' and endpoint_id = endpoint.id and outcome <> 'skipped' and created_at > now() - c_recent) recent),
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
    'last_sweep', (select last_at from private.heartbeats where source = 'sweep'));
end
$$;

comment on function public.console_status() is
  'Whether results arrive, for the line on top of each operator''s view: {as_of, endpoints: [{endpoint_id, circuit, opened_at, probe_after, last_success, last_failure, failing_since, healthy_since, recent, recent_failed, waiting, next_attempt}], dead, jobs: {overdue, oldest}, alerts: {evaluated_at, firing: [{id, rule, subject, severity, fired_at}]}, last_sweep}. Silenced alerts are not among them, and at most 200. Counts end at 1,001. Times of success and failure are null where none is among the last 10,000 attempts.';
revoke all on function public.console_status() from public, anon, authenticated, service_role;
grant execute on function public.console_status() to authenticated;

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
    -- Row level security says the same; this condition lets the index find them.
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
  'What the caller was told of their reports, newest first: {rows, next, unread}. Each row has the title of its report; null: nothing names the report, or it is gone. `unread` is counted up to 100.';
revoke all on function public.list_notifications(boolean, int, bigint) from public, anon, authenticated, service_role;
grant execute on function public.list_notifications(boolean, int, bigint) to authenticated;

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

-- supabase/sql/observe/alert_deliveries.sql
comment on table public.alert_deliveries is
  'What is sent of alerts: one row for each transition that people hear of. Written in the transaction of the transition; no claim, limit or circuit of webhooks touches it.';
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
