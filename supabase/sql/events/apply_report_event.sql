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
