create or replace function private.record_foreign(
  p_report_type text, p_report_id uuid, p_channel text, p_text text, p_metadata jsonb, p_failed boolean,
  p_stage text, p_winner_id text, p_job_id text, p_event_id text default null)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_winner public.report_events;
  v_known public.report_events;
  v_result private.incoming_result;
  v_event public.report_events;
  -- Not now(): a writer that waited for the report's lock must count as the later one.
  v_requested_at timestamptz(3) := clock_timestamp();
begin
  select * into v_winner from public.report_events where id = p_winner_id;
  v_result.stage := case
    when p_channel = 'platform' and p_metadata ->> 'processing_stage' in ('prelim', 'final')
      then p_metadata ->> 'processing_stage'
    else coalesce(p_stage, 'prelim') end;
  if p_channel = 'platform' and p_job_id is not null then
    select * into v_job from private.job_runs
    where job_id = p_job_id and report_type = p_report_type and report_id = p_report_id
    for no key update;
  end if;
  if v_job.job_id is null then
    v_requested_at := greatest(v_requested_at, v_winner.requested_at + interval '1 millisecond');
  else
    v_requested_at := least(v_requested_at, v_job.created_at);
    select * into v_known from public.report_events where job_id = v_job.job_id;
    if v_known.id is not null and (p_failed or exists (
      select from private.report_contents where event_id = v_known.id and research_report is not distinct from p_text))
    then
      -- The job's result was written again: the platform's webhook timed out, then its fallback wrote the same.
      return null;
    end if;
    if p_failed and v_job.status = 'cancelled' then
      -- It changes nothing: the report does not follow a cancelled job.
      return null;
    end if;
  end if;
  v_result.type := case p_channel when 'owner' then 'report.owner.edited'
    else format('report.%s.%s', v_result.stage, case when p_failed then 'failed' else 'completed' end) end;
  v_result.report_type := p_report_type;
  v_result.report_id := p_report_id;
  -- A job has only one completion: another text of a finished job becomes an event without the job, at the job's place in the
  -- order. So does one of a cancelled job.
  v_result.job_id := case when v_known.id is null and v_job.status <> 'cancelled' then v_job.job_id end;
  if p_failed then
    v_result.error := coalesce(p_metadata ->> 'error', 'The report could not be generated.');
  else
    v_result.research_report := p_text;
    v_result.research_metadata := p_metadata;
  end if;
  v_event.id := coalesce(p_event_id, private.new_id(case p_channel when 'owner' then 'own_' else 'plt_' end));
  v_event.stage := v_result.stage;
  v_event.requested_at := v_requested_at;
  v_event := private.insert_event(
    v_event.id, v_result, v_requested_at, p_channel,
    case when p_failed then null when private.event_outranks(v_event, v_winner) then 'applied' else 'superseded' end,
    p_is_printable => p_channel <> 'platform' or private.has_long_number(v_result.research_metadata) is not true);
  if v_result.job_id is not null then
    update private.job_runs
    set status = case when p_failed then 'failed' else 'succeeded' end, event_id = v_event.id, error = v_event.error,
      percent = case when p_failed then percent else 100 end, eta_seconds = null, completed_at = clock_timestamp(),
      updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
    where job_id = v_result.job_id and status in ('queued', 'running');
    perform private.show_job(v_result.job_id);
  end if;
  if p_channel = 'platform' then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when p_failed then 'failed' else v_event.effect end, p_event_id => v_event.id,
      p_job_id => p_job_id, p_report_type => p_report_type, p_report_id => p_report_id, p_actor => 'platform',
      p_payload => jsonb_build_object('endpoint', 'platform', 'type', v_event.type));
  end if;
  return v_event;
end
$$;

comment on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) is
  'Records what others wrote into a report as an event, decided under the lock of the row that their statement holds. Null: it is the result of a finished job once more, or the failure of a cancelled one.';
revoke all on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) from public, anon, authenticated, service_role;
