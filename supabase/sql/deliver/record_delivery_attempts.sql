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
