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
