-- Why: an endpoint that is down should not be sent every new result, each of which would wait for its time-outs first. One
-- circuit per endpoint, shared by all function instances: while it is open, results take the direct update at once, and one
-- probe at a time asks whether the endpoint is back. The good path only reads it, in calls that it makes anyway.
-- Locks are taken in one order: delivery, report, job, circuit.

create table public.webhook_circuits (
  webhook_type text primary key check (webhook_type in ('prelim-report', 'final-report')),
  opened_at timestamptz,
  closed_at timestamptz not null default now(),
  probe_after timestamptz,
  probe_delivery_id bigint,
  probe_token bigint,
  probe_lease_expires_at timestamptz,
  check ((opened_at is null) = (probe_after is null))
);
comment on table public.webhook_circuits is 'The circuit breaker, one row per endpoint. Written only when it opens, probes or closes.';
comment on column public.webhook_circuits.opened_at is 'Null: closed. Else open until probe_after, and half-open from then on.';
comment on column public.webhook_circuits.closed_at is 'Attempts before this say nothing about the endpoint any more.';
comment on column public.webhook_circuits.probe_lease_expires_at is 'Until then the probe is under way; a prober that died loses it.';
alter table public.webhook_circuits enable row level security;
create policy "operators read" on public.webhook_circuits for select to authenticated
  using ((select private.is_operator()));
insert into public.webhook_circuits (webhook_type) values ('prelim-report'), ('final-report');

-- What the breaker counts, read from the index alone.
create index webhook_audit_attempts on public.webhook_audit (webhook_type, created_at) include (outcome)
  where direction = 'out';

create function private.take_probe(p_webhook_type text, p_delivery_id bigint, p_token bigint, p_lease_seconds int)
returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update public.webhook_circuits
  set probe_delivery_id = p_delivery_id, probe_token = p_token,
    probe_lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where webhook_type = p_webhook_type and opened_at is not null and probe_after <= now()
    and (probe_lease_expires_at is null or probe_lease_expires_at < now());
  return found;
end $$;
comment on function private.take_probe(text, bigint, bigint, int) is
  'Takes the one probe of a half-open circuit for this delivery. False: it is open, or another has the probe.';

-- p_attempts as record_delivery_attempts() takes them.
create function private.observe_attempts(p_delivery public.webhook_deliveries, p_token bigint, p_attempts jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_circuit public.webhook_circuits;
  v_authentic boolean := p_attempts @> '[{"authentic": true}]';
  v_total int;
  v_failed int;
begin
  select * into v_circuit from public.webhook_circuits where webhook_type = p_delivery.webhook_type;
  if v_circuit.opened_at is null then
    if v_authentic or p_attempts = '[]' then
      return;
    end if;
    select count(*), count(*) filter (where outcome in ('failed', 'unknown')) into v_total, v_failed
    from public.webhook_audit
    where direction = 'out' and webhook_type = p_delivery.webhook_type and outcome <> 'skipped'
      and created_at > greatest(now() - interval '1 minute', v_circuit.closed_at);
    if v_total >= 10 and v_failed * 2 >= v_total then
      update public.webhook_circuits set opened_at = now(), probe_after = now() + interval '30 seconds'
      where webhook_type = p_delivery.webhook_type and opened_at is null;
    end if;
  elsif v_authentic then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where webhook_type = p_delivery.webhook_type and opened_at is not null;
  else
    update public.webhook_circuits
    set probe_after = now() + interval '30 seconds', probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where webhook_type = p_delivery.webhook_type and probe_delivery_id = p_delivery.id and probe_token = p_token;
  end if;
end $$;
comment on function private.observe_attempts(public.webhook_deliveries, bigint, jsonb) is
  'Opens, closes or keeps open an endpoint''s circuit, by what came of a round. The last lock of its transaction.';

create function private.skip_delivery(p_delivery public.webhook_deliveries) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_audit (
    direction, webhook_type, job_id, report_id, report_table, event_id, request_payload, outcome, error_message,
    attempt_number)
  values (
    'out', p_delivery.webhook_type, p_delivery.job_id, p_delivery.report_id,
    private.report_table(p_delivery.report_type), p_delivery.event_id, jsonb_build_object('id', p_delivery.event_id),
    'skipped', 'circuit open', p_delivery.attempts);
  -- It was not sent, so it has its whole schedule yet.
  update public.webhook_deliveries
  set status = 'failed', next_attempt = private.next_attempt(1, null), lease_token = lease_token + 1,
    lease_expires_at = null, response = '{"error": "not sent: circuit open"}'
  where id = p_delivery.id;
  perform public.apply_report_event(jsonb_build_object('id', p_delivery.event_id), '{"channel": "direct"}');
end $$;
comment on function private.skip_delivery(public.webhook_deliveries) is
  'What an open circuit makes of a delivery: not sent, its event applied directly, its first slot still to come.';

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
    if exists (select from public.webhook_circuits
        where webhook_type = v_delivery.webhook_type and opened_at is not null)
      and not private.take_probe(
        v_delivery.webhook_type, v_delivery.id, v_delivery.lease_token, p_delivery_lease_seconds)
    then
      perform private.skip_delivery(v_delivery);
      return '{"outcome": "completed"}';
    end if;
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
{outcome, delivery}; without a delivery there is nothing to send. Without a lease token whoever holds the lease loses it.';

-- p_attempts: `[{status, duration_ms, error, response, authentic}]`, one for each POST that was made; authentic where the
-- endpoint itself answered, below 500.
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
    case
      when attempt_number = v_posts and p_result <> 'failed' then p_result
      -- The endpoint is well, and would not have it: that says nothing against the endpoint.
      when attempt -> 'authentic' = 'true' then 'rejected'
      else 'failed'
    end,
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
  perform private.observe_attempts(v_delivery, p_delivery_token, v_attempts);
  return jsonb_build_object(
    'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', coalesce(v_effect, v_event.effect));
end $$;

create or replace function public.claim_due_delivery(p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_type text;
  v_id bigint;
  v_token bigint;
begin
  -- The probes of half-open circuits first: due or not, or an endpoint whose deliveries all wait for hours stayed shut.
  for v_type in
    select webhook_type from public.webhook_circuits
    where opened_at is not null and probe_after <= now()
      and (probe_lease_expires_at is null or probe_lease_expires_at < now())
  loop
    select id, lease_token + 1 into v_id, v_token from public.webhook_deliveries
    where webhook_type = v_type and status <> 'success' and dead_at is null
      and (lease_expires_at is null or lease_expires_at < now())
    order by attempts, id
    limit 1
    for update skip locked;
    if v_id is not null and private.take_probe(v_type, v_id, v_token, p_lease_seconds) then
      return private.claim(v_id, p_lease_seconds);
    end if;
  end loop;

  select id into v_id from public.webhook_deliveries
  where id in (
      select due.id from private.due_deliveries due
      where not exists (
        select from public.webhook_circuits circuit
        where circuit.webhook_type = due.webhook_type and circuit.opened_at is not null)
      order by due.next_attempt, due.id limit 64)
    -- Seen again under the lock: another sweep may have taken it since.
    and status <> 'success' and dead_at is null and (lease_expires_at is null or lease_expires_at < now())
  order by next_attempt, id
  limit 1
  for update skip locked;
  return case when v_id is not null then private.claim(v_id, p_lease_seconds) end;
end $$;
comment on function public.claim_due_delivery(int) is
  'Claims a half-open circuit''s probe, else the delivery that has been due longest and whose circuit is closed. Returns it
with its event, or null: there is nothing to send.';

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
  grant select on public.webhook_deliveries, public.webhook_audit, public.report_events, public.webhook_refusals,
    public.webhook_circuits
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
