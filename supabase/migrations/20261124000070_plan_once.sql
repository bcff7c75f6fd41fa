-- Why: a function in SQL that pins its search path is planned at every call; in plpgsql its plans are kept for as long as the
-- connection, and connections are pooled. These run with every webhook. What they answer is unchanged.

create or replace function private.report_table(p_report_type text) returns text
language plpgsql stable set search_path = '' as $$
begin
  return (select table_name from public.report_types where report_type = p_report_type);
end $$;

create or replace function private.without_nulls(p_object jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_object) where value <> 'null');
end $$;

create or replace function private.content_digest(p_type text, p_data jsonb) returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- jsonb's own text is canonical: one order of keys, one spelling of every value.
  return encode(sha256(convert_to(jsonb_build_object(
    'type', p_type, 'data', private.without_nulls(p_data - 'requested_at'))::text, 'UTF8')), 'hex');
end $$;

create or replace function private.event_outranks(p_event public.report_events, p_other public.report_events) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_other.id is null
    or (p_event.stage = 'final', p_event.requested_at, p_event.id collate "C")
     > (p_other.stage = 'final', p_other.requested_at, p_other.id collate "C");
end $$;

create or replace function private.find_event(p_event_id text, p_job_id text) returns public.report_events
language plpgsql stable set search_path = '' as $$
declare
  v_event public.report_events;
begin
  select * into v_event from public.report_events where id = p_event_id;
  if v_event.id is null and p_job_id is not null then
    select * into v_event from public.report_events where job_id = p_job_id;
  end if;
  return v_event;
end $$;

create or replace function private.outcome_status(p_outcome text) returns int
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when p_outcome in ('applied', 'duplicate', 'superseded') then 200
    when p_outcome in ('report_not_found', 'job_not_found') then 404
    when p_outcome in ('event_conflict', 'job_conflict', 'job_mismatch', 'job_cancelled') then 409
    when p_outcome = 'requested_in_future' then 400
    when p_outcome = 'busy' then 503
  end;
end $$;

create or replace function private.report_status(p_report_type text, p_report_id uuid) returns public.research_status
language plpgsql stable set search_path = '' as $$
declare
  v_job record;
  v_event record;
begin
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
    coalesce(event.id, job.job_id) collate "C" as id
  into v_job
  from public.report_jobs job
  left join public.report_events event on event.id = job.event_id
  where job.report_id = p_report_id and job.report_type = p_report_type and job.status <> 'cancelled'
  order by 2 desc, 3 desc
  limit 1;

  -- The newest event of a request that is no job of ours.
  select event.status, event.requested_at, event.id collate "C" as id
  into v_event
  from public.report_events event
  where event.report_id = p_report_id and event.report_type = p_report_type
    and event.effect is not null and event.type <> 'report.owner.edited'
    and (event.job_id is null or not exists (select from public.report_jobs job where job.job_id = event.job_id))
  order by event.requested_at desc, event.id collate "C" desc
  limit 1;

  if v_job.status is not null
    and (v_event.id is null or (v_job.requested_at, v_job.id) > (v_event.requested_at, v_event.id))
  then
    return v_job.status;
  elsif v_event.id is not null then
    return v_event.status;
  end if;
  return coalesce(
    (select event.status from public.report_events event
      where event.report_id = p_report_id and event.report_type = p_report_type and event.effect is not null
      order by event.requested_at desc, event.id collate "C" desc
      limit 1),
    'pending');
end $$;

create or replace function private.insert_event(
  p_envelope jsonb, p_requested_at timestamptz) returns public.report_events
language plpgsql security definer set search_path = '' as $$
declare
  v_data jsonb := p_envelope -> 'data';
  v_type text := p_envelope ->> 'type';
  v_event public.report_events;
begin
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest,
    research_report, research_metadata, final_data, error)
  values (
    p_envelope ->> 'id', v_type, v_data ->> 'report_type', (v_data ->> 'report_id')::uuid,
    split_part(v_type, '.', 2), v_data ->> 'job_id', p_requested_at,
    private.content_digest(v_type, v_data),
    v_data ->> 'research_report', nullif(v_data -> 'research_metadata', 'null'), nullif(v_data -> 'final_data', 'null'),
    v_data ->> 'error')
  on conflict do nothing
  returning * into v_event;
  return v_event;
end $$;

create or replace function private.confirm_delivery(p_event public.report_events, p_outcome text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_deliveries (
    event_id, webhook_type, report_type, report_id, job_id, status, attempts, counted_on_arrival, last_attempt,
    next_attempt, response)
  values (
    p_event.id, p_event.stage || '-report', p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1, false,
    now(), null, jsonb_build_object('status', 200, 'outcome', p_outcome))
  on conflict (event_id) do update
  set status = 'success', attempts = webhook_deliveries.attempts + 1, counted_on_arrival = true, last_attempt = now(),
    next_attempt = null, dead_at = null, dead_reason = null, response = excluded.response
  where webhook_deliveries.status <> 'success';
end $$;

select private.apply_grants();
