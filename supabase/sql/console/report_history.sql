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
