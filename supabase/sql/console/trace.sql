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
