-- Why: whoever sends a delivery holds it under a lease with a fencing token, and records what came of it in one
-- transaction with its consequence: a failed attempt applies its event directly, so that the result is in its row.

create view private.due_deliveries as
  select * from public.webhook_deliveries
  where status <> 'success' and dead_at is null
    and next_attempt <= now()
    and (lease_expires_at is null or lease_expires_at < now());
comment on view private.due_deliveries is
  'What a sweep takes from and get_failed_webhooks() lists; also what a process that died has left behind.';

create function private.claim(p_delivery_id bigint, p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
begin
  update public.webhook_deliveries
  set status = 'retrying', lease_token = lease_token + 1, counted_on_arrival = false,
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where id = p_delivery_id
  returning * into v_delivery;
  select * into v_event from public.report_events where id = v_delivery.event_id;
  return jsonb_build_object(
    'delivery_id', v_delivery.id, 'delivery_token', v_delivery.lease_token, 'event_id', v_event.id,
    'webhook_type', v_delivery.webhook_type, 'type', v_event.type,
    'data', private.without_nulls(jsonb_build_object(
      'job_id', v_event.job_id, 'report_id', v_event.report_id, 'report_type', v_event.report_type,
      'research_report', v_event.research_report, 'research_status', v_event.status,
      'requested_at', to_char(v_event.requested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'research_metadata', v_event.research_metadata, 'final_data', v_event.final_data, 'error', v_event.error)));
end $$;
comment on function private.claim(bigint, int) is 'Puts a delivery, whose lock the caller holds, under a new lease.';

create function public.claim_due_delivery(p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_id bigint;
begin
  select id into v_id from public.webhook_deliveries
  where id in (select id from private.due_deliveries order by next_attempt, id limit 64)
    -- Seen again under the lock: another sweep may have taken it since.
    and status <> 'success' and dead_at is null and (lease_expires_at is null or lease_expires_at < now())
  order by next_attempt, id
  limit 1
  for update skip locked;
  return case when v_id is not null then private.claim(v_id, p_lease_seconds) end;
end $$;
comment on function public.claim_due_delivery(int) is
  'Claims the delivery that has been due longest. Returns it with its event, or null: nothing is due.';

create function public.claim_report_delivery(
  p_report_type text, p_report_id uuid, p_webhook_type text, p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists is null then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_delivery from public.webhook_deliveries
  where report_type = p_report_type and report_id = p_report_id
    and (p_webhook_type is null or webhook_type = p_webhook_type)
  order by id desc
  limit 1
  for update;
  return case
    when v_delivery.id is null then '{"outcome": "delivery_not_found"}'
    when v_delivery.status = 'success' then '{"outcome": "already_succeeded"}'
    when v_delivery.lease_expires_at > now() then '{"outcome": "delivery_busy"}'
    else jsonb_build_object('outcome', 'claimed', 'delivery', private.claim(v_delivery.id, p_lease_seconds))
  end;
end $$;
comment on function public.claim_report_delivery(text, uuid, text, int) is
  'Claims a report''s latest delivery, due or not. Returns {outcome, delivery}.';

create function private.next_attempt(p_rounds int, p_retry_after_seconds int) returns timestamptz
language sql volatile set search_path = '' as $$
  select case when p_rounds <= 6 then now() + greatest(
    (array[interval '30 seconds', '2 minutes', '10 minutes', '1 hour', '6 hours', '24 hours'])[p_rounds]
      -- Deliveries that failed together must not come back together.
      * (0.8 + 0.4 * random()),
    make_interval(secs => least(coalesce(p_retry_after_seconds, 0), 3600))) end
$$;
comment on function private.next_attempt(int, int) is
  'The durable schedule: when the slot after p_rounds failed rounds is due. Null: there is none left.';

-- p_attempts: `[{status, duration_ms, error, response}]`, one for each POST that was made, none for one that was skipped.
-- p_result: `delivered` (an authentic answer proved it), `unknown` (no answer came), `failed` (follows the schedule) or
-- `refused` (hopeless: ends here). Returns `{status, dead, effect}`.
create function public.record_delivery_attempts(
  p_delivery_id bigint, p_delivery_token bigint, p_result text, p_attempts jsonb, p_retry_after_seconds int)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_attempts jsonb := private.as_object(p_attempts);
  v_last jsonb := v_attempts -> -1;
  v_posts int := jsonb_array_length(v_attempts);
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
  v_next timestamptz;
  v_effect text;
begin
  select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;
  select * into strict v_event from public.report_events where id = v_delivery.event_id;

  insert into public.webhook_audit (
    direction, webhook_type, job_id, report_id, report_table, event_id, request_payload, response_status,
    response_body, error_message, outcome, attempt_number, duration_ms)
  select
    'out', v_delivery.webhook_type, v_delivery.job_id, v_delivery.report_id,
    private.report_table(v_delivery.report_type), v_delivery.event_id,
    jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest),
    (attempt ->> 'status')::int, attempt -> 'response', attempt ->> 'error',
    case when attempt_number = v_posts then p_result else 'failed' end,
    v_delivery.attempts + attempt_number - v_delivery.counted_on_arrival::int, (attempt ->> 'duration_ms')::numeric
  from jsonb_array_elements(v_attempts) with ordinality as made (attempt, attempt_number);

  update public.webhook_deliveries
  set attempts = attempts + v_posts - (counted_on_arrival and v_posts > 0)::int,
    counted_on_arrival = false,
    last_attempt = case when v_posts > 0 then now() else last_attempt end,
    response = coalesce(v_last, response)
  where id = p_delivery_id
  returning * into v_delivery;

  if v_delivery.status = 'success' then
    -- Proven already. A late failure cannot undo it.
    update public.webhook_deliveries set lease_expires_at = null
    where id = p_delivery_id and lease_token = p_delivery_token;
  elsif p_result = 'delivered' then
    update public.webhook_deliveries
    set status = 'success', next_attempt = null, dead_at = null, dead_reason = null, lease_expires_at = null
    where id = p_delivery_id
    returning * into v_delivery;
  elsif v_delivery.lease_token = p_delivery_token and v_delivery.dead_at is null then
    v_next := case when p_result <> 'refused'
      then private.next_attempt(v_delivery.rounds + 1, p_retry_after_seconds) end;
    update public.webhook_deliveries
    set status = case when p_result = 'unknown' and v_next is not null then 'sent' else 'failed' end,
      rounds = rounds + 1, next_attempt = v_next, lease_expires_at = null,
      dead_at = case when v_next is null then now() end,
      dead_reason = case when v_next is null then
        case p_result when 'refused' then 'refused' else 'attempts_exhausted' end end
    where id = p_delivery_id
    returning * into v_delivery;
  end if;

  if v_event.effect is null then
    v_effect := public.apply_report_event(
      jsonb_build_object('id', v_event.id), '{"channel": "direct"}') ->> 'outcome';
  end if;
  return jsonb_build_object(
    'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', coalesce(v_effect, v_event.effect));
end $$;
comment on function public.record_delivery_attempts(bigint, bigint, text, jsonb, int) is
  'Records a round of attempts, schedules the next, and applies the event if nothing has: the direct update.';

create function public.record_webhook_refusal(
  p_refusal jsonb, p_verified boolean, p_cap_per_minute int) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_refusal jsonb := private.as_object(p_refusal);
  v_requests bigint := 0;
begin
  if not p_verified then
    insert into public.webhook_refusals as refusals (minute, requests) values (date_trunc('minute', now()), 1)
    on conflict (minute) do update set requests = refusals.requests + 1
    returning requests into v_requests;
  end if;
  if v_requests > p_cap_per_minute then
    return false;
  end if;
  insert into public.webhook_audit (
    direction, webhook_type, event_id, request_payload, response_status, outcome, error_message,
    body_sha256, body_bytes, duration_ms, attempt_number)
  values (
    'in', v_refusal ->> 'webhook_type', v_refusal ->> 'event_id',
    jsonb_build_object('endpoint', v_refusal ->> 'endpoint', 'method', v_refusal ->> 'method'),
    (v_refusal ->> 'status')::int, v_refusal ->> 'code', v_refusal ->> 'detail',
    v_refusal ->> 'body_sha256', (v_refusal ->> 'body_bytes')::int, (v_refusal ->> 'elapsed_ms')::numeric, 1);
  return true;
end $$;
comment on function public.record_webhook_refusal(jsonb, boolean, int) is
  'Audits a refused request without its body. False: over the cap of this minute, so it was only counted.';

create or replace function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
returns table (table_name text, record_id uuid, job_id text, webhook_attempts int, last_attempt timestamptz)
language sql stable security definer set search_path = '' as $$
  select private.report_table(due.report_type), due.report_id, due.job_id, due.attempts, due.last_attempt
  from private.due_deliveries due
  where due.attempts < max_attempts
    and (due.last_attempt is null or due.last_attempt <= now() - make_interval(mins => retry_after_minutes))
  order by due.next_attempt, due.id
$$;

create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}', increment_attempts boolean default true)
returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Only the latest delivery says what the webhook columns show, and success is absorbing.
  update public.webhook_deliveries delivery
  set status = new_status, response = private.as_object(response_data), last_attempt = now(),
    attempts = delivery.attempts + increment_attempts::int,
    next_attempt = case when new_status <> 'success' then coalesce(delivery.next_attempt, now()) end,
    dead_at = null, dead_reason = null
  where delivery.status <> 'success' and delivery.id = (
    select latest.id from public.webhook_deliveries latest
    join public.report_types type on type.report_type = latest.report_type
    where type.table_name = update_webhook_status.table_name and latest.report_id = record_id
    order by latest.id desc limit 1);
end $$;
