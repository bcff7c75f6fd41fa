-- Why: results reach report rows through one function only, whoever brings them: webhook, direct update, retry or
-- redrive. What is true of one road is then true of all: one effect, one order, the audit row beside it.
-- Locks are always taken in one order: delivery, report, job.

create function private.as_object(p_value jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select case when jsonb_typeof(p_value) = 'string' then (p_value #>> '{}')::jsonb else p_value end
$$;
comment on function private.as_object(jsonb) is 'Some REST layers hand a jsonb argument over as a JSON string: take both.';

create function private.without_nulls(p_object jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_object) where value <> 'null'
$$;
comment on function private.without_nulls(jsonb) is 'The object without members that are null: a null says no more than nothing.';

create function private.content_digest(p_type text, p_data jsonb) returns text
language sql immutable set search_path = '' as $$
  -- jsonb's own text is canonical: one order of keys, one spelling of every value.
  select encode(sha256(convert_to(jsonb_build_object(
    'type', p_type, 'data', private.without_nulls(p_data - 'requested_at'))::text, 'UTF8')), 'hex')
$$;
comment on function private.content_digest(text, jsonb) is
  'SHA-256, in hexadecimal, of an event''s content: its type and its data without times.';

create function private.event_outranks(p_event public.report_events, p_other public.report_events) returns boolean
language sql immutable set search_path = '' as $$
  select p_other.id is null
    or (p_event.stage = 'final', p_event.requested_at, p_event.id collate "C")
     > (p_other.stage = 'final', p_other.requested_at, p_other.id collate "C")
$$;
comment on function private.event_outranks(public.report_events, public.report_events) is
  'The one order of events: stage, then the time of the request, then the id.';

create function private.report_table(p_report_type text) returns text
language sql stable set search_path = '' as $$
  select table_name from public.report_types where report_type = p_report_type
$$;

create function private.report_status(p_report_type text, p_report_id uuid) returns public.research_status
language sql stable set search_path = '' as $$
  select coalesce(
    (select request.status from (
      select
        case
          when job.status = 'queued' then 'pending'
          when job.status = 'running' then 'running'
          -- Finished, but its result is not in the row yet.
          when event.id is not null and event.effect is null then 'running'
          when job.status = 'succeeded' then 'completed'
          else 'failed'
        end as status,
        job.created_at::timestamptz(3) as requested_at,
        coalesce(event.id, job.job_id) as id
      from public.report_jobs job
      left join public.report_events event on event.id = job.event_id
      where job.report_id = p_report_id and job.report_type = p_report_type and job.status <> 'cancelled'
      union all
      select event.status, event.requested_at, event.id
      from public.report_events event
      where event.report_id = p_report_id and event.report_type = p_report_type
        and event.effect is not null and event.type <> 'report.owner.edited'
        and not exists (select from public.report_jobs job where job.job_id = event.job_id)
    ) request
    order by request.requested_at desc, request.id collate "C" desc
    limit 1),
    (select event.status from public.report_events event
      where event.report_id = p_report_id and event.report_type = p_report_type and event.effect is not null
      order by event.requested_at desc, event.id collate "C" desc
      limit 1),
    'pending'
  )::public.research_status
$$;
comment on function private.report_status(text, uuid) is
  'research_status: that of the newest request that was not cancelled, or of the newest event, or pending.';

create function private.show_report_status(p_report_type text, p_report_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_status public.research_status := private.report_status(p_report_type, p_report_id);
begin
  execute format(
    'update public.%I set research_status = $1, updated_at = now() where id = $2 and research_status <> $1',
    private.report_table(p_report_type))
  using v_status, p_report_id;
end $$;
comment on function private.show_report_status(text, uuid) is 'Brings research_status of a report''s row up to date.';

-- Webhook columns ------------------------------------------------------------------------------------------------

create function private.show_delivery() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (
    select from public.webhook_deliveries later
    where later.report_id = new.report_id and later.report_type = new.report_type and later.id > new.id)
  then
    return null;
  end if;
  execute format(
    'update public.%I set webhook_status = $1, webhook_attempts = $2, webhook_last_attempt = $3,
       webhook_response = $4, webhook_job_id = $5 where id = $6',
    private.report_table(new.report_type))
  using new.status, new.attempts, new.last_attempt, new.response, new.job_id, new.report_id;
  return null;
end $$;
comment on function private.show_delivery() is 'A report''s webhook columns are the state of its latest delivery.';
create trigger show_delivery after insert or update on public.webhook_deliveries
  for each row execute function private.show_delivery();

-- Effect ---------------------------------------------------------------------------------------------------------

create function private.take_effect(p_event public.report_events, p_channel text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_table text := private.report_table(p_event.report_type);
  v_winner_id text;
  v_winner public.report_events;
  v_owner uuid;
  v_effect text;
begin
  execute format('select user_id, winner_event_id from public.%I where id = $1', v_table)
  into v_owner, v_winner_id using p_event.report_id;
  select * into v_winner from public.report_events where id = v_winner_id;

  if p_event.status = 'completed' then
    v_effect := case when private.event_outranks(p_event, v_winner) then 'applied' else 'superseded' end;
  else
    -- A failure takes no part in the order of results: it shows only while nothing newer was asked for.
    v_effect := case when exists (
        select from public.report_jobs job
        where job.report_id = p_event.report_id and job.report_type = p_event.report_type
          and job.status <> 'cancelled' and job.job_id is distinct from p_event.job_id
          and job.created_at::timestamptz(3) > p_event.requested_at)
      or exists (
        select from public.report_events event
        where event.report_id = p_event.report_id and event.report_type = p_event.report_type
          and event.requested_at > p_event.requested_at and event.effect is not null)
      then 'superseded' else 'applied' end;
  end if;

  update public.report_events
  set effect = v_effect, channel = p_channel, applied_at = clock_timestamp()
  where id = p_event.id;

  if v_effect = 'applied' and p_event.status = 'completed' then
    execute format(
      'update public.%I set research_report = $1, research_metadata = $2, stage = $3, winner_event_id = $4,
         research_status = $5, updated_at = now() where id = $6', v_table)
    using p_event.research_report,
      coalesce(p_event.research_metadata, '{}') || coalesce(p_event.final_data, '{}'),
      p_event.stage, p_event.id,
      private.report_status(p_event.report_type, p_event.report_id), p_event.report_id;
    if p_event.stage = 'final' and p_channel in ('webhook', 'direct') then
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      values (v_owner, p_event.report_type, p_event.report_id, p_event.id);
    end if;
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
  return v_effect;
end $$;
comment on function private.take_effect(public.report_events, text) is
  'Applies an event that has no effect yet; its caller holds the report''s lock. Returns applied or superseded.';

-- Audit ----------------------------------------------------------------------------------------------------------

create function private.outcome_status(p_outcome text) returns int
language sql immutable set search_path = '' as $$
  select case
    when p_outcome in ('applied', 'duplicate', 'superseded') then 200
    when p_outcome in ('report_not_found', 'job_not_found') then 404
    when p_outcome in ('event_conflict', 'job_conflict', 'job_mismatch', 'job_cancelled') then 409
    when p_outcome = 'requested_in_future' then 400
    when p_outcome = 'busy' then 503
  end
$$;
comment on function private.outcome_status(text) is 'The HTTP status that a webhook endpoint answers an outcome with.';

-- Known or new? --------------------------------------------------------------------------------------------------

create function private.find_event(p_event_id text, p_job_id text) returns public.report_events
language sql stable set search_path = '' as $$
  select event from public.report_events event
  where event.id = p_event_id or event.job_id = p_job_id
  order by event.id = p_event_id desc
  limit 1
$$;
comment on function private.find_event(text, text) is 'The event with this id, else the one completion that the job has.';

create function private.close_delivery(p_event_id text) returns void
language sql security definer set search_path = '' as $$
  update public.webhook_deliveries
  set status = 'failed', dead_at = now(), dead_reason = 'report_deleted', next_attempt = null,
    lease_expires_at = null, lease_token = lease_token + 1
  where event_id = p_event_id and status <> 'success' and dead_at is null
$$;
comment on function private.close_delivery(text) is 'Ends the delivery of an event whose report was deleted.';

create function private.lock_report(p_report_type text, p_report_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_found boolean;
begin
  execute format('select true from public.%I where id = $1 for no key update', private.report_table(p_report_type))
  into v_found using p_report_id;
  return coalesce(v_found, false);
end $$;
comment on function private.lock_report(text, uuid) is 'Locks a report''s row. False: there is none.';

create function private.insert_event(
  p_envelope jsonb, p_requested_at timestamptz) returns public.report_events
language sql security definer set search_path = '' as $$
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest,
    research_report, research_metadata, final_data, error)
  select
    p_envelope ->> 'id', p_envelope ->> 'type', data ->> 'report_type', (data ->> 'report_id')::uuid,
    split_part(p_envelope ->> 'type', '.', 2), data ->> 'job_id', p_requested_at,
    private.content_digest(p_envelope ->> 'type', data),
    data ->> 'research_report', nullif(data -> 'research_metadata', 'null'), nullif(data -> 'final_data', 'null'),
    data ->> 'error'
  from (select p_envelope -> 'data' as data) envelope
  on conflict do nothing
  returning *
$$;
comment on function private.insert_event(jsonb, timestamptz) is 'Records an event. Null: its id or its job has one already.';

create function private.register_event(
  p_envelope jsonb, p_flat boolean, out event public.report_events, out problem text)
language plpgsql security definer set search_path = '' as $$
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
end $$;
comment on function private.register_event(jsonb, boolean) is
  'Records an event that was not known, and finishes its job. Its caller holds the report''s lock.';

create function private.confirm_delivery(p_event public.report_events, p_outcome text) returns void
language sql security definer set search_path = '' as $$
  insert into public.webhook_deliveries (
    event_id, webhook_type, report_type, report_id, job_id, status, attempts, counted_on_arrival, last_attempt,
    next_attempt, response)
  values (
    p_event.id, p_event.stage || '-report', p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1, false,
    now(), null, jsonb_build_object('status', 200, 'outcome', p_outcome))
  on conflict (event_id) do update
  set status = 'success', attempts = webhook_deliveries.attempts + 1, counted_on_arrival = true, last_attempt = now(),
    next_attempt = null, dead_at = null, dead_reason = null, response = excluded.response
  where webhook_deliveries.status <> 'success'
$$;
comment on function private.confirm_delivery(public.report_events, text) is
  'A verified request proves the delivery of its event: success, which nothing undoes. Its lease stays with its sender.';

-- Applies p_envelope, `{id, type, timestamp, data}`, for p_request, `{channel, webhook_type, flat, body_sha256,
-- body_bytes, elapsed_ms}`. An envelope of the id alone applies an event that is known already, as the fallback does.
create function public.apply_report_event(p_envelope jsonb, p_request jsonb default '{}') returns jsonb
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
      v_envelope #- '{data,research_report}', private.outcome_status(v_outcome), v_answer, v_outcome, 1,
      v_request ->> 'body_sha256', (v_request ->> 'body_bytes')::int,
      coalesce((v_request ->> 'elapsed_ms')::numeric, 0)
        + extract(epoch from clock_timestamp() - v_started) * 1000);
  end if;
  return v_answer;
end $$;
comment on function public.apply_report_event(jsonb, jsonb) is
  'The one write path of results. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp}.';
