-- Why: a result's content belongs into its event and its report alone. The audit row of a request kept its final data and its
-- metadata as well, once for each time that it came, for as long as the audit is kept.

create or replace function public.apply_report_event(p_envelope jsonb, p_request jsonb default '{}') returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_started timestamptz := clock_timestamp();
  v_envelope jsonb := private.as_object(p_envelope);
  v_request jsonb := private.as_object(p_request);
  v_channel text := coalesce(v_request ->> 'channel', 'webhook');
  v_data jsonb := v_envelope -> 'data';
  v_event public.report_events;
  v_registered record;
  v_outcome text;
  v_answer jsonb;
begin
  if v_data is not null then
    -- One at a time for each id: the copies of an event that nobody knew wait here, and then find it.
    perform pg_advisory_xact_lock(hashtextextended(v_envelope ->> 'id', 0));
  end if;
  v_event := private.find_event(v_envelope ->> 'id', v_data ->> 'job_id');

  if v_event.id is null and v_data is null then
    raise exception 'no event %', v_envelope ->> 'id' using errcode = 'PL002';
  elsif v_event.id is not null and v_data is not null
    and v_event.digest <> private.content_digest(v_envelope ->> 'type', v_data)
  then
    v_outcome := case when v_event.id = v_envelope ->> 'id' then 'event_conflict' else 'job_conflict' end;
  else
    if v_event.id is not null then
      perform from public.webhook_deliveries where event_id = v_event.id for update;
    end if;
    if not private.lock_report(
      coalesce(v_event.report_type, v_data ->> 'report_type'),
      coalesce(v_event.report_id, (v_data ->> 'report_id')::uuid))
    then
      v_outcome := 'report_not_found';
      perform private.close_delivery(v_event.id);
    else
      if v_event.id is null then
        v_registered := private.register_event(v_envelope, coalesce((v_request ->> 'flat')::boolean, false));
        v_event := v_registered.event;
        v_outcome := v_registered.problem;
      else
        -- Waiting for the locks above may have let another caller apply it.
        v_event := private.find_event(v_event.id, null);
      end if;
      if v_outcome is null then
        v_outcome := case when v_event.effect is null then private.take_effect(v_event, v_channel) else 'duplicate' end;
        if v_channel = 'webhook' then
          perform private.confirm_delivery(v_event, v_outcome);
        end if;
      end if;
    end if;
  end if;

  v_answer := jsonb_build_object(
    'outcome', v_outcome,
    'report_id', coalesce(v_data ->> 'report_id', v_event.report_id::text),
    'job_id', coalesce(v_data ->> 'job_id', v_event.job_id),
    'report_type', coalesce(v_data ->> 'report_type', v_event.report_type),
    'stage', coalesce(split_part(v_envelope ->> 'type', '.', 2), v_event.stage),
    'status', coalesce(v_data ->> 'research_status', v_event.status),
    'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));

  if v_channel = 'webhook' then
    insert into public.webhook_audit (
      direction, webhook_type, job_id, report_id, report_table, event_id, request_payload, response_status,
      response_body, outcome, attempt_number, body_sha256, body_bytes, duration_ms)
    values (
      'in', v_request ->> 'webhook_type', v_data ->> 'job_id', (v_data ->> 'report_id')::uuid,
      private.report_table(v_data ->> 'report_type'), coalesce(v_event.id, v_envelope ->> 'id'),
      jsonb_set(v_envelope, '{data}', v_data - '{research_report,research_metadata,final_data}'::text[]), private.outcome_status(v_outcome), v_answer, v_outcome, 1,
      v_request ->> 'body_sha256', (v_request ->> 'body_bytes')::int,
      coalesce((v_request ->> 'elapsed_ms')::numeric, 0)
        + extract(epoch from clock_timestamp() - v_started) * 1000);
  end if;
  return v_answer;
end $$;

select private.apply_grants();
