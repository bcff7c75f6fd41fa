create or replace function private.register_event(
  p_event_id text, p_result private.incoming_result, p_owner uuid, p_channel text, p_trace_id text default null,
  out event public.report_events, out problem text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_requested_at timestamptz;
begin
  select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
  if v_job.job_id is null then
    if p_result.requested_at is null then
      -- The platform's flat form has no timestamp for ordering the event.
      problem := 'job_not_found';
      return;
    elsif p_result.requested_at > now() + interval '5 minutes' then
      problem := 'requested_in_future';
      return;
    end if;
    v_requested_at := least(p_result.requested_at, clock_timestamp());
  else
    v_requested_at := v_job.created_at;
    if v_job.status = 'cancelled' then
      problem := 'job_cancelled';
    elsif (v_job.report_type, v_job.report_id, v_job.stage)
        is distinct from (p_result.report_type, p_result.report_id, p_result.stage)
      or not private.job_serves(v_job, p_owner)
    then
      problem := 'job_mismatch';
    elsif v_job.event_id is not null then
      problem := 'busy';
    end if;
    if problem is not null then
      return;
    end if;
  end if;
  event := private.insert_event(
    p_event_id, p_result, v_requested_at, p_channel,
    p_trace_id => case when v_job.job_id is null then p_trace_id else v_job.trace_id end);
  if event.id is null then
    -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
    problem := 'busy';
  elsif v_job.job_id is not null then
    perform private.finish_job(event);
  end if;
end
$$;

comment on function private.register_event(text, private.incoming_result, uuid, text, text) is
  'Records an event that was not known, with its effect where p_channel says who applies it now, and finishes its job. The caller holds the lock of the report, whose owner is p_owner.';
revoke all on function private.register_event(text, private.incoming_result, uuid, text, text) from public, anon, authenticated, service_role;
