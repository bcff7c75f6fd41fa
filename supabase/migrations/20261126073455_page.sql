-- Why: Operators open one report's page: its whole history is read in one call. The answer of report_webhook_status() gains the title, for the owner's page.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/console/audit_step.sql
create or replace function private.audit_step(p_row public.webhook_audit)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_endpoint constant text := p_row.request_payload ->> 'endpoint';
begin
  return jsonb_build_object('at', p_row.created_at, 'audit_id', p_row.id) || case
    when p_row.outcome = 'redriven' then jsonb_build_object('kind', 'redriven', 'actor', p_row.actor)
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
  'An audit row as a step of a timeline: {kind, at, audit_id, …}, with the first 2,000 characters of its error. kind: attempt, request, retried, redriven, or job_action (an operator cancelled or repeated a job).';
revoke all on function private.audit_step(public.webhook_audit) from public, anon, authenticated, service_role;
grant execute on function private.audit_step(public.webhook_audit) to authenticated;

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
    'event', case when v_event.id is not null then to_jsonb(v_event) end,
    'job', v_job, 'delivery', v_delivery, 'steps', v_steps,
    'truncated', coalesce(jsonb_array_length(v_audit) > c_audit_rows, false));
end
$$;

comment on function public.event_timeline(text) is
  'What happened to an event, oldest first, and what comes next: {event, job, delivery, steps, truncated}. Null: nobody ever named this id.';
revoke all on function public.event_timeline(text) from public, anon, authenticated, service_role;
grant execute on function public.event_timeline(text) to authenticated;

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
