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
