-- Why: a request to the retry endpoint is audited like one to a webhook endpoint, with who made it; a dead letter can be
-- retried; and who says again what was committed, because the answer was lost, neither counts twice nor loses its turn.

alter table public.webhook_audit add column actor text;
comment on column public.webhook_audit.actor is '`cron`, or the id of the operator who asked. Null: a sender.';

drop function public.record_webhook_refusal(jsonb, boolean, int);

-- p_request: `{endpoint, method, actor, webhook_type, event_id, report_type, report_id, status, outcome, detail, answer,
-- body_sha256, body_bytes, elapsed_ms}`, most of it optional.
create function public.record_webhook_request(
  p_request jsonb, p_verified boolean, p_cap_per_minute int) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_request jsonb := private.as_object(p_request);
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
    direction, webhook_type, event_id, report_id, report_table, actor, request_payload, response_status, response_body,
    outcome, error_message, body_sha256, body_bytes, duration_ms, attempt_number)
  values (
    'in', v_request ->> 'webhook_type', v_request ->> 'event_id', (v_request ->> 'report_id')::uuid,
    private.report_table(v_request ->> 'report_type'), v_request ->> 'actor',
    jsonb_build_object('endpoint', v_request ->> 'endpoint', 'method', v_request ->> 'method'),
    (v_request ->> 'status')::int, nullif(v_request -> 'answer', 'null'), v_request ->> 'outcome',
    v_request ->> 'detail', v_request ->> 'body_sha256', (v_request ->> 'body_bytes')::int,
    (v_request ->> 'elapsed_ms')::numeric, 1);
  return true;
end $$;
comment on function public.record_webhook_request(jsonb, boolean, int) is
  'Audits a request that applied nothing, without its body. False: over the cap of this minute, so it was only counted.';

create function public.is_operator(p_user_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.operators where user_id = p_user_id)
$$;
comment on function public.is_operator(uuid) is 'Whether this person is an operator now: endpoints ask, for callers they know.';

create or replace function private.claim(p_delivery_id bigint, p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
begin
  update public.webhook_deliveries
  set status = 'retrying', lease_token = lease_token + 1, counted_on_arrival = false,
    lease_expires_at = now() + make_interval(secs => p_lease_seconds),
    -- A dead letter that is retried is due again should its sender die before it records anything.
    dead_at = null, dead_reason = null, next_attempt = coalesce(next_attempt, now())
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

create or replace function public.complete_report_job(
  p_job_id text, p_lease_token bigint, p_result jsonb, p_delivery_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_result jsonb := private.as_object(p_result);
  v_job public.report_jobs;
  v_envelope jsonb;
  v_event public.report_events;
  v_registered record;
  v_delivery public.webhook_deliveries;
  v_outcome text := 'completed';
begin
  select * into v_job from public.report_jobs where job_id = p_job_id;
  if v_job.id is null then
    return '{"outcome": "job_not_found"}';
  elsif v_job.report_type is null or not private.lock_report(v_job.report_type, v_job.report_id) then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_job from public.report_jobs where job_id = p_job_id for no key update;

  v_envelope := jsonb_build_object(
    'id', 'evt_' || replace(gen_random_uuid()::text, '-', ''),
    'type', format('report.%s.%s', v_job.stage, v_result ->> 'status'),
    'data', private.without_nulls(jsonb_build_object(
      'job_id', v_job.job_id, 'report_id', v_job.report_id, 'report_type', v_job.report_type,
      'research_report', v_result -> 'research_report', 'research_status', v_result -> 'status',
      'research_metadata', v_result -> 'research_metadata', 'final_data', v_result -> 'final_data',
      'error', v_result -> 'error')));
  if v_job.event_id is not null then
    select * into v_event from public.report_events where id = v_job.event_id;
    if v_event.digest <> private.content_digest(v_envelope ->> 'type', v_envelope -> 'data') then
      return '{"outcome": "job_conflict"}';
    end if;
    v_outcome := 'repeated';
    -- Completing raised the token by one: this is the same runner, whose first answer was lost. Nobody else sends yet.
    select * into v_delivery from public.webhook_deliveries
    where event_id = v_event.id and status = 'pending' and attempts = 0 and lease_token = 1
      and lease_expires_at > now() and p_lease_token = v_job.lease_token - 1;
    if v_delivery.id is null then
      return '{"outcome": "repeated"}';
    end if;
  elsif v_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> v_job.lease_token then
    return '{"outcome": "lease_lost"}';
  else
    v_registered := private.register_event(v_envelope, false);
    if v_registered.problem is not null then
      return jsonb_build_object('outcome', v_registered.problem);
    end if;
    v_event := v_registered.event;
    perform private.show_report_status(v_job.report_type, v_job.report_id);
    insert into public.webhook_deliveries (
      event_id, webhook_type, report_type, report_id, job_id, lease_token, lease_expires_at)
    values (
      v_event.id, v_event.stage || '-report', v_event.report_type, v_event.report_id, v_event.job_id, 1,
      now() + make_interval(secs => p_delivery_lease_seconds))
    returning * into v_delivery;
  end if;
  return jsonb_build_object(
    'outcome', v_outcome,
    'delivery', jsonb_build_object(
      'delivery_id', v_delivery.id, 'delivery_token', v_delivery.lease_token, 'event_id', v_event.id,
      'webhook_type', v_delivery.webhook_type, 'type', v_event.type,
      -- Without the result, which its caller has: it would only travel back.
      'data', private.without_nulls(jsonb_build_object(
        'job_id', v_event.job_id, 'report_id', v_event.report_id, 'report_type', v_event.report_type,
        'research_status', v_event.status,
        'requested_at', to_char(v_event.requested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))));
end $$;
comment on function public.complete_report_job(text, bigint, jsonb, int) is
  'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent. Returns
{outcome, delivery}; without a lease token whoever holds the lease loses it.';

-- p_attempts: `[{status, duration_ms, error, response}]`, one for each POST that was made, none for one that was skipped.
-- p_result: `delivered` (an authentic answer proved it), `unknown` (no answer came), `failed` (follows the schedule) or
-- `refused` (hopeless: ends here). Returns `{status, dead, effect}`.
create or replace function public.record_delivery_attempts(
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
  if exists (
    select from public.webhook_audit
    where event_id = v_event.id and direction = 'out' and request_payload -> 'round' = to_jsonb(p_delivery_token))
  then
    -- Said again because the first answer was lost.
    return jsonb_build_object(
      'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', v_event.effect);
  end if;

  insert into public.webhook_audit (
    direction, webhook_type, job_id, report_id, report_table, event_id, request_payload, response_status,
    response_body, error_message, outcome, attempt_number, duration_ms)
  select
    'out', v_delivery.webhook_type, v_delivery.job_id, v_delivery.report_id,
    private.report_table(v_delivery.report_type), v_delivery.event_id,
    jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest, 'round', p_delivery_token),
    (attempt ->> 'status')::int, nullif(attempt -> 'response', 'null'), attempt ->> 'error',
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
    update public.webhook_deliveries set lease_token = lease_token + 1, lease_expires_at = null
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
      rounds = rounds + 1, next_attempt = v_next, lease_token = lease_token + 1, lease_expires_at = null,
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

create or replace function private.apply_grants() returns void
language plpgsql set search_path = '' as $$
declare
  v_table text;
  v_function record;
begin
  revoke all on all tables in schema public, private from public, anon, authenticated, service_role;
  revoke all on all sequences in schema public, private from public, anon, authenticated, service_role;
  revoke all on all functions in schema public, private from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on tables from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on sequences from public, anon, authenticated, service_role;
  alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
  alter default privileges revoke all on functions from public;

  grant usage on schema public to anon, authenticated, service_role;
  grant usage on schema private to authenticated;
  grant execute on function private.is_operator() to authenticated;

  for v_table in select table_name from public.report_types loop
    execute format('grant select, insert, update, delete on public.%I to authenticated', v_table);
    execute format('grant select on public.%I to service_role', v_table);
  end loop;
  grant select, insert, update, delete on public.polaris_summaries to authenticated;
  grant select on public.report_jobs, public.report_notifications, public.report_types, public.operators
    to authenticated;
  grant update (read_at) on public.report_notifications to authenticated;
  -- Row level security leaves these to operators.
  grant select on public.webhook_deliveries, public.webhook_audit, public.report_events, public.webhook_refusals
    to authenticated;

  -- A public function with definer's rights is the server's. One with its caller's rights is the console's: what it may
  -- see is what its caller may see.
  for v_function in
    select proc.oid::regprocedure as signature, proc.prosecdef
    from pg_catalog.pg_proc proc
    where proc.pronamespace = 'public'::regnamespace
      and not exists (select from pg_catalog.pg_depend where objid = proc.oid and deptype = 'e')
  loop
    execute format('grant execute on function %s to %I', v_function.signature,
      case when v_function.prosecdef then 'service_role' else 'authenticated' end);
  end loop;
end $$;

select private.apply_grants();
