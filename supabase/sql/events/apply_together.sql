-- Does what apply_at_once() does for one event, with one statement per kind of row: PostgreSQL prepares constraints, triggers
-- and plans once per statement. Events that this function leaves out are applied one by one.
create or replace function private.apply_together(
  p_records jsonb[], p_results private.incoming_result[], p_ids text[], p_known text[], p_owners uuid[], p_winners text[],
  p_is_limited boolean, p_started timestamptz)
returns jsonb[]
language plpgsql volatile set search_path = '' as $$
declare
  v_limit record;
  v_revision bigint := (select max(id) from private.endpoint_revisions);
  v_item record;
  v_event public.report_events;
  v_result private.incoming_result;
  v_events public.report_events[] := '{}';
  -- Per event: its owner, its result, its audit record, and its place in the batch.
  v_owners uuid[] := '{}';
  v_results private.incoming_result[] := '{}';
  v_records jsonb[] := '{}';
  v_places int[] := '{}';
  v_told text[] := '{}';
  v_taken int;
  v_answers jsonb[];
begin
  select tokens_per_minute, parts, step, ahead, beyond into strict v_limit from private.rate_limits where kind = 'report';
  if v_limit.parts <> 1 then
    return null;
  end if;
  for v_item in
    select item.*,
      (select winner from public.report_events winner where winner.id = item.winner_id) as winner,
      -- If true, the event's status is the report's (report_status()).
      not exists (
        select from private.job_runs other
        where other.report_id = item.report_id and other.report_type = item.report_type
          and other.created_at > item.requested_at - interval '1 millisecond')
      and not exists (
        select from public.report_events other
        where other.report_id = item.report_id and other.report_type = item.report_type
          and other.requested_at >= item.requested_at and other.effect is not null)
        as is_newest,
      (select coalesce(max(position), 0) + 1 from public.report_events
        where report_type = item.report_type and report_id = item.report_id) as position
    from (
      select result.ordinality::int as place, event_id, type, report_type, report_id, stage, job_id, trace_id, error, owner, winner_id,
        least(requested_at, clock_timestamp())::timestamptz(3) as requested_at
      from (
        select *, count(*) over (partition by report_type, report_id) as of_report,
          count(*) over (partition by event_id) as of_id, count(*) over (partition by job_id) as of_job
        from unnest(p_ids, p_known, p_owners, p_winners, p_results) with ordinality item (event_id, known_id, owner, winner_id)
        where event_id is not null) result
      where known_id is null and owner is not null and of_report = 1 and of_id = 1 and of_job = 1
        and type in ('report.prelim.completed', 'report.final.completed')
        and requested_at <= now() + interval '5 minutes'
        -- With `not exists`, a plan made while job_runs was small would read the whole table at each call.
        and (select job.job_id from private.job_runs job where job.job_id = result.job_id) is null
        and not exists (
          select from private.rate_buckets bucket
          where bucket.kind = 'report' and bucket.key = report_type || ':' || report_id and bucket.part = 0
            and bucket.full_at > clock_timestamp() + v_limit.ahead)) item
    order by item.place
  loop
    v_event := null;
    v_event.id := v_item.event_id;
    v_event.type := v_item.type;
    v_event.report_type := v_item.report_type;
    v_event.report_id := v_item.report_id;
    v_event.stage := v_item.stage;
    v_event.job_id := v_item.job_id;
    v_event.requested_at := v_item.requested_at;
    v_event.position := v_item.position;
    if v_item.is_newest and private.event_outranks(v_event, v_item.winner) then
      v_result := p_results[v_item.place];
      v_result.trace_id := coalesce(v_result.trace_id, private.new_trace_id());
      v_event.digest := private.content_digest(v_result);
      v_event.trace_id := v_result.trace_id;
      v_event.error := v_result.error;
      v_events := v_events || v_event;
      v_owners := v_owners || v_item.owner;
      v_results := v_results || v_result;
      v_records := v_records || p_records[v_item.place];
      v_places := v_places || v_item.place;
    end if;
  end loop;
  if v_places = '{}' then
    return null;
  end if;

  -- The id before the time: plans rely on no effect having both an earlier time and a later transaction id.
  perform pg_current_xact_id();
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
    applied_xid, settings_revision, trace_id)
  select id, type, report_type, report_id, stage, job_id, requested_at, digest, error, 'webhook', 'applied', position,
    clock_timestamp(), pg_current_xact_id(), v_revision, trace_id
  from unnest(v_events);
  insert into private.report_contents (event_id, research_report, research_metadata, final_data)
  select p_ids[place], research_report, research_metadata, final_data from unnest(v_places, v_results) applied (place);
  if v_revision is not null then
    for v_item in
      select event, applied.owner from unnest(v_places, v_owners) with ordinality applied (place, owner)
      join public.report_events event on event.id = p_ids[applied.place] order by applied.ordinality
    loop
      perform private.fan_out(v_item.event, v_item.owner);
    end loop;
    v_told := array(
      select id from unnest(v_events) event
      where exists (select from public.webhook_deliveries where event_id = event.id and webhook_deliveries.position is not null));
  end if;
  perform set_config('polaris.import', 'on', true);
  -- The same as confirm_delivery().
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  select id, private.internal_endpoint(stage), report_type, report_id, job_id, 'success', 1, now(), null,
    jsonb_build_object('status', 200, 'outcome', 'applied')
  from unnest(v_events);
  perform set_config('polaris.import', '', true);
  perform private.show_new_winners(report_type, array_agg(id)) from unnest(v_events) group by report_type order by report_type;
  -- The same as notify_owner().
  insert into public.report_notifications (user_id, report_type, report_id, event_id)
  select owner, report_type, report_id, id from unnest(v_owners, v_events) applied (owner) where stage = 'final';
  if p_is_limited and v_limit.tokens_per_minute is not null then
    -- The same as ask_limit().
    insert into private.rate_buckets as bucket (kind, key, part, full_at)
    select 'report', report_type || ':' || report_id, 0, clock_timestamp() + v_limit.step from unnest(v_events)
    on conflict (kind, key, part) do update
    set full_at = case
      when bucket.full_at between clock_timestamp() and clock_timestamp() + v_limit.beyond then bucket.full_at
      else clock_timestamp() end + v_limit.step
    where bucket.full_at <= clock_timestamp() + v_limit.ahead or bucket.full_at > clock_timestamp() + v_limit.beyond;
    get diagnostics v_taken = row_count;
    if v_taken < cardinality(v_events) then
      raise exception 'a report is over its rate' using errcode = 'PT429';
    end if;
  end if;
  with applied as (
    select *, p_ids[place] as id, jsonb_build_object(
      'outcome', 'applied', 'report_id', report_id, 'job_id', job_id, 'report_type', report_type, 'stage', stage,
      'status', 'completed', 'timestamp', private.iso_time(clock_timestamp())) as answer
    from unnest(v_places, v_records, v_results) applied (place, record)
  ), audited as (
    -- The same as apply_report_event() with add_audit().
    insert into public.webhook_audit (
      direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, request_payload, response_status,
      response_body, attempt_number, body_sha256, body_bytes, duration_ms, trace_id, span_id)
    select 'in', 'applied', record ->> 'endpoint_id', id, job_id, private.report_table(report_type), report_id,
      jsonb_strip_nulls(jsonb_build_object(
        'id', id, 'type', type, 'data', jsonb_build_object(
          'job_id', job_id, 'report_id', report_id, 'report_type', report_type, 'research_status', 'completed',
          'error', "left"(error, 500), 'requested_at', private.iso_time(requested_at)))),
      200, answer, 1, record ->> 'body_sha256', (record ->> 'body_bytes')::int,
      least(greatest(
        (record ->> 'elapsed_ms')::numeric + extract(epoch from clock_timestamp() - p_started) * 1000, 0), 999999999.999),
      trace_id, record ->> 'span_id'
    from applied
  )
  select array_agg(
    applied.answer || case when applied.id = any (v_told) then jsonb_build_object('outward', applied.id) else '{}' end
    order by given.place)
  into v_answers
  from generate_series(1, cardinality(p_ids)) given (place) left join applied using (place);
  return v_answers;
end
$$;

comment on function private.apply_together(jsonb[], private.incoming_result[], text[], text[], uuid[], text[], boolean, timestamptz) is
  'Applies the new completed results of a batch that win, each the only one of its report, its id and its job, and of no job of ours. What it raises, the caller undoes. p_records, p_results, p_ids, p_known: of each item what the audit says of it, its result, its id (null: left out) and the event that is known. p_owners, p_winners: of its report, which the caller has locked; without an owner it is left out. p_is_limited: reports pay a token. Returns the answer of each item, null where it was not applied.';
revoke all on function private.apply_together(jsonb[], private.incoming_result[], text[], text[], uuid[], text[], boolean, timestamptz) from public, anon, authenticated, service_role;
