CREATE OR REPLACE FUNCTION private.register_event (
  p_envelope jsonb,
  p_flat     boolean,
  OUT        event public.report_events,
  OUT        problem text
)
  RETURNS record
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_data jsonb := p_envelope -> 'data';
  v_job public.report_jobs;
  v_requested_at timestamptz(3);
begin
  select * into v_job from public.report_jobs where job_id = v_data ->> 'job_id' for no key update;
  if v_job.id is null then
    if p_flat then
      problem := 'job_not_found';
      return;
    end if;
    v_requested_at := coalesce(v_data ->> 'requested_at', p_envelope ->> 'timestamp')::timestamptz;
    if v_requested_at > now() + interval '5 minutes' then
      problem := 'requested_in_future';
      return;
    end if;
  else
    v_requested_at := v_job.created_at;
    if v_job.status = 'cancelled' then
      problem := 'job_cancelled';
    elsif (v_job.report_type, v_job.report_id::text, v_job.stage) is distinct from
      (v_data ->> 'report_type', lower(v_data ->> 'report_id'), split_part(p_envelope ->> 'type', '.', 2))
    then
      problem := 'job_mismatch';
    elsif v_job.event_id is not null then
      problem := 'busy';
    end if;
    if problem is not null then
      return;
    end if;
  end if;

  event := private.insert_event(p_envelope, v_requested_at);
  if event.id is null then
    -- Another request recorded this job's completion while we waited for its locks. The sender comes again, and finds it.
    problem := 'busy';
  elsif v_job.id is not null then
    update public.report_jobs
    set status = case event.status when 'completed' then 'succeeded' else 'failed' end,
      event_id = event.id, error = event.error, percent = case event.status when 'completed' then 100 else percent end,
      eta_seconds = null, completed_at = clock_timestamp(), updated_at = clock_timestamp(),
      lease_token = lease_token + 1, lease_expires_at = null
    where id = v_job.id;
  end if;
end $function$;

COMMENT ON FUNCTION "private"."register_event"(jsonb, boolean) IS 'Records an event that was not known, and finishes its job. Its caller holds the report''s lock.';

REVOKE ALL ON FUNCTION "private"."register_event"(jsonb, boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."register_event"(jsonb, boolean) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."register_event"(jsonb, boolean) TO "postgres";
