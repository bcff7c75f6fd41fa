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
