-- Why: one id leads through everything that came of a request for a report: its job, its event, each attempt and each answer, in
-- our records and in those of the systems around us (W3C Trace Context).

select private.lock_table('webhook_audit');
alter table public.webhook_audit
  add column trace_id text,
  add column span_id text;
alter table public.report_events add column trace_id text
  constraint event_trace_is_an_id check (trace_id ~ '^[0-9a-f]{32}$');
alter table private.job_runs add column trace_id text
  constraint job_trace_is_an_id check (trace_id ~ '^[0-9a-f]{32}$');
-- Events and jobs of before have no trace, so that these begin empty.
create index report_events_trace on public.report_events (trace_id) where trace_id is not null;
create index job_runs_trace on private.job_runs (trace_id) where trace_id is not null;
alter type private.incoming_result add attribute trace_id text;

-- A second function of a name, with more parameters, would leave the REST layer no choice between the two.
drop function public.apply_report_event(text, text, text, text, text, int, numeric, text, int);
drop function public.request_report_job(
  text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int);
drop function private.add_audit(
  text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/events/apply_report_event.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_event(
  p_event_id text, p_channel text default 'webhook', p_body text default null, p_endpoint_id text default null,
  p_body_sha256 text default null, p_body_bytes int default null, p_elapsed_ms numeric default 0,
  p_sender text default null, p_cap_per_minute int default null,
  p_trace_id text default null, p_span_id text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_started timestamptz := clock_timestamp();
  v_result private.incoming_result;
  v_event public.report_events;
  v_owner uuid;
  v_registered record;
  v_outcome text;
  v_is_forgotten boolean;
  v_answer jsonb;
  v_is_limited boolean := false;
  v_report text;
  v_asked record;
  v_refusal jsonb;
  v_unasked text;
begin
  if p_channel = 'webhook' and p_sender is not null then
    -- Our own sender holds a lease, and must arrive however noisy another sender is: its failures would open the circuit.
    v_is_limited := not exists (
      select from public.webhook_deliveries
      where event_id = p_event_id and endpoint_id = p_endpoint_id and lease_expires_at > clock_timestamp());
  end if;
  if v_is_limited then
    v_asked := private.ask_limit('sender', p_sender, false);
    v_refusal := v_asked.refusal;
    v_unasked := v_asked.failure;
  end if;
  if p_body is not null and v_refusal is null then
    v_result := private.read_body(p_body, p_endpoint_id);
    v_result.trace_id := p_trace_id;
    v_report := v_result.report_type || ':' || v_result.report_id;
    if v_is_limited then
      v_asked := private.ask_limit('report', v_report, false);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
  end if;
  if v_refusal is not null then
    perform public.record_webhook_request(
      jsonb_build_object(
        'id', gen_random_uuid(), 'endpoint', p_endpoint_id, 'endpoint_id', p_endpoint_id, 'method', 'POST', 'status', 429,
        'outcome', 'rate_limited', 'event_id', p_event_id, 'body_sha256', p_body_sha256, 'body_bytes', p_body_bytes,
        'detail', format('over the rate of its %s', v_refusal ->> 'policy'),
        'elapsed_ms', p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000,
        'trace_id', p_trace_id, 'span_id', p_span_id),
      false, p_cap_per_minute);
    return v_refusal;
  end if;
  if p_body is not null then
    -- One at a time for each id: copies of an event that is not known yet wait here, and then find it.
    perform pg_advisory_xact_lock(hashtextextended(p_event_id, 0));
  end if;
  v_event := private.find_event(p_event_id, v_result.job_id);
  if v_event.id is null and p_body is null then
    raise exception 'no event %', p_event_id using errcode = 'PL002';
  elsif v_event.erased_at is not null then
    -- Nothing is left that this content could be compared with.
    v_outcome := 'duplicate';
  elsif v_event.id is not null and p_body is not null and v_event.digest <> private.content_digest(v_result) then
    v_outcome := case when v_event.id = p_event_id then 'event_conflict' else 'job_conflict' end;
  else
    if v_event.id is not null then
      perform from public.webhook_deliveries
      where event_id = v_event.id and endpoint_id = private.internal_endpoint(v_event.stage) for update;
    end if;
    v_owner := private.lock_report(
      coalesce(v_event.report_type, v_result.report_type), coalesce(v_event.report_id, v_result.report_id));
    if v_owner is null then
      v_outcome := 'report_not_found';
      perform private.close_deliveries(v_event.id);
    else
      if v_event.id is null then
        v_registered := private.register_event(p_event_id, v_result, v_owner, p_channel);
        v_event := v_registered.event;
        v_outcome := coalesce(v_registered.problem, v_event.effect);
        if v_registered.problem is null then
          perform private.show_effect(v_event, v_owner);
        end if;
      else
        -- While this call waited for the locks, another may have applied the event.
        v_event := private.find_event(v_event.id, null);
        v_outcome := case when v_event.effect is null
          then private.take_effect(v_event, p_channel, v_owner) else 'duplicate' end;
      end if;
      if p_channel = 'webhook' and v_outcome in ('applied', 'superseded', 'duplicate') then
        perform private.confirm_delivery(v_event, v_outcome);
      end if;
    end if;
  end if;
  if v_is_limited then
    -- The last locks of the transaction, and held for as long as the audit row and the commit take.
    if v_owner is not null then
      v_asked := private.ask_limit('report', v_report, true);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
    if v_refusal is null then
      v_asked := private.ask_limit('sender', p_sender, true);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
    if v_refusal is not null then
      -- Others took the last tokens meanwhile. The endpoint answers this like the refusal above.
      raise exception 'over the rate of its %', v_refusal ->> 'policy'
        using errcode = 'PT429', detail = v_refusal::text;
    end if;
  end if;
  v_answer := jsonb_build_object(
    'outcome', v_outcome,
    'report_id', coalesce(v_result.report_id, v_event.report_id),
    'job_id', coalesce(v_result.job_id, v_event.job_id),
    'report_type', coalesce(v_result.report_type, v_event.report_type),
    'stage', coalesce(v_result.stage, v_event.stage),
    'status', split_part(coalesce(v_result.type, v_event.type), '.', 3),
    'timestamp', private.iso_time(clock_timestamp()));
  if p_channel = 'webhook' then
    -- What was erased, or has no report, must not come back through the audit.
    v_is_forgotten := v_event.erased_at is not null or v_outcome = 'report_not_found';
    perform private.add_audit(
      p_direction => 'in', p_outcome => v_outcome, p_endpoint_id => p_endpoint_id,
      p_event_id => coalesce(v_event.id, p_event_id), p_job_id => v_result.job_id, p_report_type => v_result.report_type,
      p_report_id => v_result.report_id,
      p_payload => jsonb_strip_nulls(jsonb_build_object(
        'id', p_event_id, 'type', v_result.type, 'data', jsonb_build_object(
          'job_id', v_result.job_id, 'report_id', v_result.report_id, 'report_type', v_result.report_type,
          -- A sender may repeat an error of 900 KB for ever; the event keeps it once.
          'research_status', split_part(v_result.type, '.', 3), 'error', case when not v_is_forgotten then "left"(v_result.error, 500) end,
          'requested_at', private.iso_time(v_result.requested_at)))),
      p_response_status => private.outcome_status(v_outcome), p_response_body => v_answer, p_error => v_unasked,
      p_body_sha256 => case when not v_is_forgotten then p_body_sha256 end, p_body_bytes => p_body_bytes,
      p_duration_ms => p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000,
      p_trace_id => coalesce(v_event.trace_id, p_trace_id), p_span_id => p_span_id);
  end if;
  return v_answer;
end
$$;

comment on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) is
  'The one write path of results. With a body, what a verified webhook says; without one, an event that is recorded already. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp}. p_sender: whose key signed the webhook; null is not limited. Over a rate: {outcome: rate_limited, …} of rate_refusal(), or PT429 with the same as its detail. p_cap_per_minute: that of record_webhook_request().';
revoke all on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) to service_role;

-- supabase/sql/events/insert_event.sql
create or replace function private.insert_event(
  p_event_id text, p_result private.incoming_result, p_requested_at timestamptz, p_channel text,
  p_effect text default null)
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
  if p_channel is not null then
    -- With its effect at once: a second write of the row would enter all its indexes again.
    v_event.effect := coalesce(p_effect, private.decide_effect(v_event));
    v_event.position := private.next_position(v_event.report_type, v_event.report_id);
    v_event.applied_at := clock_timestamp();
  end if;
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
    trace_id)
  values (
    v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
    private.content_digest(p_result), p_result.error, p_channel, v_event.effect, v_event.position, v_event.applied_at,
    -- What is imported was never traced.
    case when p_channel is distinct from 'import' then coalesce(p_result.trace_id, private.new_trace_id()) end)
  on conflict do nothing
  returning * into v_event;
  if v_event.id is not null then
    insert into private.report_contents (event_id, research_report, research_metadata, final_data, lost_at)
    values (
      v_event.id, p_result.research_report, p_result.research_metadata, p_result.final_data,
      case when v_event.effect = 'superseded' or v_event.status = 'failed' then v_event.applied_at end);
  end if;
  return v_event;
end
$$;

comment on function private.insert_event(text, private.incoming_result, timestamptz, text, text) is
  'Records an event with its content, and with its effect where p_channel says who applies it now: p_effect, or what decide_effect() says. Null: its id or its job has one already.';
revoke all on function private.insert_event(text, private.incoming_result, timestamptz, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/new_trace_id.sql
create or replace function private.new_trace_id()
returns text
language plpgsql volatile set search_path = '' as $$
begin
  return replace(gen_random_uuid()::text, '-', '');
end
$$;

comment on function private.new_trace_id() is
  'The id of a trace that begins here: 32 hexadecimal digits (W3C Trace Context, trace-id).';
revoke all on function private.new_trace_id() from public, anon, authenticated, service_role;

-- supabase/sql/events/register_event.sql
create or replace function private.register_event(
  p_event_id text, p_result private.incoming_result, p_owner uuid, p_channel text, out event public.report_events,
  out problem text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_requested_at timestamptz;
begin
  select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
  if v_job.job_id is null then
    if p_result.requested_at is null then
      -- The platform's flat form has no time to order the event by.
      problem := 'job_not_found';
      return;
    elsif p_result.requested_at > now() + interval '5 minutes' then
      problem := 'requested_in_future';
      return;
    end if;
    v_requested_at := least(p_result.requested_at, clock_timestamp());
  else
    v_requested_at := v_job.created_at;
    p_result.trace_id := v_job.trace_id;
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
  event := private.insert_event(p_event_id, p_result, v_requested_at, p_channel);
  if event.id is null then
    -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
    problem := 'busy';
  elsif v_job.job_id is not null then
    update private.job_runs
    set status = case event.status when 'completed' then 'succeeded' else 'failed' end,
      event_id = event.id, error = event.error, percent = case event.status when 'completed' then 100 else percent end,
      eta_seconds = null, completed_at = clock_timestamp(), updated_at = clock_timestamp(),
      lease_token = lease_token + 1, lease_expires_at = null
    where job_id = v_job.job_id;
    perform private.show_job(v_job.job_id);
  end if;
end
$$;

comment on function private.register_event(text, private.incoming_result, uuid, text) is
  'Records an event that was not known, with its effect where p_channel says who applies it now, and finishes its job. The caller holds the lock of the report, whose owner is p_owner.';
revoke all on function private.register_event(text, private.incoming_result, uuid, text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/adopt_job.sql
-- Definer rights: the platform's functions insert with the service key, which has no rights on job_runs.
create or replace function private.adopt_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_named record := private.named_report(new.metadata, new.idempotency_key);
  v_owner uuid;
begin
  -- An id that no endpoint reads would stop the sweep, which could not name the job.
  if v_named.report_id is null or new.status not in ('queued', 'running') or not private.is_job_id(new.job_id) then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(v_named.report_type))
  into v_owner using v_named.report_id;
  if v_owner is null or new.user_id <> v_owner then
    return null;
  end if;
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status,
    lease_token, lease_expires_at, created_at, started_at, trace_id)
  values (
    new.job_id, v_named.report_type, v_named.report_id,
    case when 'final' in (new.metadata ->> 'stage', new.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    v_owner, new.summary_id, 'platform', new.prompt, new.model,
    -- As the import takes them: with others, the job could not be run or shown.
    case when new.temperature between 0 and 2 then new.temperature end, case when new.max_tokens > 0 then new.max_tokens end,
    new.status, 1, now() + interval '5 minutes', private.import_time(coalesce(new.created_at, now()), now()),
    private.import_time(new.started_at, now()), private.new_trace_id())
  on conflict (job_id) do nothing;
  return null;
end
$$;

comment on function private.adopt_job() is
  'A job that the platform''s functions insert and that names a report is watched: its runner has five minutes, then a sweep takes it.';
revoke all on function private.adopt_job() from public, anon, authenticated, service_role;

-- supabase/sql/jobs/complete_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.complete_report_job(
  p_job_id text, p_status text, p_delivery_lease_seconds int, p_lease_token bigint default null,
  p_research_report text default null, p_research_metadata text default null, p_final_data text default null,
  p_error text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_result private.incoming_result;
  v_event public.report_events;
  v_registered record;
  v_delivery public.webhook_deliveries;
  v_outcome text := 'completed';
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    return '{"outcome": "job_not_found"}';
  end if;
  if v_job.report_type is not null then
    v_owner := private.lock_report(v_job.report_type, v_job.report_id);
    if v_owner is null or not private.job_serves(v_job, v_owner) then
      return '{"outcome": "report_not_found"}';
    end if;
  elsif not private.job_serves(v_job, v_job.user_id) then
    return '{"outcome": "job_cancelled"}';
  end if;
  select * into v_job from private.job_runs where job_id = p_job_id for no key update;
  v_result.type := format('report.%s.%s', v_job.stage, p_status);
  v_result.report_type := v_job.report_type;
  v_result.report_id := v_job.report_id;
  v_result.stage := v_job.stage;
  v_result.job_id := v_job.job_id;
  v_result.research_report := p_research_report;
  v_result.research_metadata := nullif(p_research_metadata::jsonb, 'null');
  v_result.final_data := nullif(p_final_data::jsonb, 'null');
  v_result.error := p_error;
  v_result.trace_id := v_job.trace_id;
  v_result := private.fit_result(v_result);
  if v_job.report_type is null then
    return private.keep_job_result(v_job, v_result, p_lease_token);
  end if;
  if v_job.event_id is not null then
    select * into v_event from public.report_events where id = v_job.event_id;
    if v_event.erased_at is null and v_event.digest <> private.content_digest(v_result) then
      return '{"outcome": "job_conflict"}';
    end if;
    v_outcome := 'repeated';
    -- Completing raised the token by one: this is the same runner, whose first answer was lost. Nobody else sends yet.
    select * into v_delivery from public.webhook_deliveries
    where event_id = v_event.id and status = 'pending' and attempts = 0 and lease_token = 1
      and not private.lease_is_free(lease_expires_at) and p_lease_token = v_job.lease_token - 1;
    if v_delivery.id is null then
      return '{"outcome": "repeated"}';
    end if;
  elsif v_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> v_job.lease_token then
    return '{"outcome": "lease_lost"}';
  else
    v_registered := private.register_event(private.new_id('evt_'), v_result, v_owner, null);
    if v_registered.problem is not null then
      return jsonb_build_object('outcome', v_registered.problem);
    end if;
    v_event := v_registered.event;
    perform private.show_report_status(v_job.report_type, v_job.report_id);
    v_delivery := private.add_delivery(v_event, p_delivery_lease_seconds);
    if exists (select from public.webhook_circuits
        where endpoint_id = v_delivery.endpoint_id and opened_at is not null)
      and not private.take_probe(
        v_delivery.endpoint_id, v_delivery.id, v_delivery.lease_token, p_delivery_lease_seconds)
    then
      perform private.skip_delivery(v_delivery);
      return '{"outcome": "completed"}';
    end if;
  end if;
  return jsonb_build_object('outcome', v_outcome, 'delivery', private.sendable(v_delivery));
end
$$;

comment on function public.complete_report_job(text, text, int, bigint, text, text, text, text) is
  'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent; the result of a job without a report stays in the job. Returns {outcome, delivery}; without a delivery there is nothing to send. Without a lease token whoever holds the lease loses it.';
revoke all on function public.complete_report_job(text, text, int, bigint, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.complete_report_job(text, text, int, bigint, text, text, text, text) to service_role;

-- supabase/sql/jobs/request_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_report_job(
  p_job_id text, p_caller text, p_prompt text, p_generate boolean, p_lease_seconds int, p_quota int,
  p_report_type text default null, p_report_id uuid default null, p_stage text default null,
  p_once_per_report boolean default false, p_idempotency_key text default null, p_model text default null,
  p_temperature numeric default null, p_max_tokens int default null, p_summary_id uuid default null,
  p_metadata text default null, p_models text[] default null, p_user_budget int default null,
  p_project_budget int default null, p_trace_id text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_metadata jsonb := coalesce(nullif(p_metadata::jsonb, 'null'), '{}');
  -- Of the request as it was made: a deployment that offers other models later still recognises it.
  v_digest text := encode(sha256(convert_to(jsonb_build_array(
    p_report_type, p_report_id, p_stage, p_prompt, p_generate, p_model, p_temperature, p_max_tokens, p_summary_id,
    v_metadata)::text, 'UTF8')), 'hex');
  v_owner uuid;
  v_stage text;
  v_refusal jsonb;
  v_asked record;
  v_job private.job_runs;
  v_is_new boolean := true;
begin
  perform private.await_same_call(p_job_id);
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    v_is_new := v_job.job_id is null;
  end if;
  if v_job.job_id is null then
    if p_report_type is not null then
      v_owner := private.lock_report(p_report_type, p_report_id, p_summary_id);
      if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
        return '{"outcome": "report_not_found"}';
      end if;
      if p_once_per_report then
        -- Under the lock of the report: of simultaneous requests one begins the job, and the others find it here.
        select * into v_job from private.job_runs
        where report_id = p_report_id and report_type = p_report_type and stage = p_stage and caller = p_caller
          and status in ('queued', 'running')
        order by created_at desc, job_id desc limit 1;
        if v_job.job_id is not null then
          return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_job));
        end if;
      end if;
      execute format('select stage from public.%I where id = $1', private.report_table(p_report_type))
      into v_stage using p_report_id;
      if p_stage = 'prelim' and v_stage = 'final' then
        return '{"outcome": "final_exists"}';
      end if;
    elsif p_caller <> 'pipeline' then
      select id into v_owner from auth.users where id = p_caller::uuid for key share;
    end if;
    if p_caller <> 'pipeline' then
      -- A token outlives the account that it was made for by up to an hour.
      if not private.has_account(p_caller::uuid) then
        return '{"outcome": "unauthorized"}';
      end if;
      -- One at a time for each user: otherwise simultaneous requests would all count the same jobs. Across users there is no
      -- such lock, since one stuck request would stop all others: simultaneous requests may exceed the project's budget by
      -- their own number.
      perform pg_advisory_xact_lock(hashtextextended('quota ' || p_caller, 0));
    end if;
    if not exists (select from private.job_runs where caller = p_caller and caller_key = p_idempotency_key) then
      if p_caller <> 'pipeline'
        and private.taken_quota(p_caller) >= p_quota
      then
        return '{"outcome": "quota_exceeded"}';
      end if;
      v_refusal := private.spent_budget(p_caller, p_user_budget, p_project_budget);
      if v_refusal is not null then
        return v_refusal;
      end if;
      if p_caller <> 'pipeline' then
        -- The lock above makes the user's requests come one by one, so that nobody waits for the bucket.
        v_asked := private.ask_limit('job', p_caller, true);
        if v_asked.refusal is not null then
          return v_asked.refusal;
        elsif v_asked.failure is not null then
          raise warning '%', v_asked.failure;
        end if;
      end if;
    end if;
    insert into private.job_runs (
      job_id, report_type, report_id, stage, user_id, summary_id, caller, caller_key, request_digest, prompt, model,
      temperature, max_tokens, metadata, generate, lease_token, lease_expires_at, trace_id)
    values (
      p_job_id, p_report_type, p_report_id, p_stage, v_owner,
      (select id from public.polaris_summaries where id = p_summary_id and user_id = v_owner),
      p_caller, p_idempotency_key, v_digest, p_prompt,
      case when p_generate then private.choose_model(p_model, p_models) else p_model end,
      p_temperature, p_max_tokens, v_metadata, p_generate, 1,
      case when p_generate then now() + make_interval(secs => p_lease_seconds) end,
      coalesce(p_trace_id, private.new_trace_id()))
    on conflict do nothing
    returning * into v_job;
    if v_job.job_id is not null then
      -- Without the caller's prompt, metadata and key, which are not the owner's to read, and without an end, or the
      -- platform's clean-up would delete it while it runs.
      insert into public.report_jobs (
        job_id, user_id, summary_id, status, model, temperature, max_tokens, percent, metadata, created_at, updated_at,
        expires_at)
      values (
        v_job.job_id, v_owner, v_job.summary_id, v_job.status, v_job.model, p_temperature, p_max_tokens, 0,
        case when p_report_type is null then '{}'
          else jsonb_build_object('report_type', p_report_type, 'report_id', p_report_id, 'stage', p_stage) end,
        v_job.created_at, v_job.updated_at, null);
      perform private.show_report_status(p_report_type, p_report_id) where p_report_type is not null;
    else
      v_is_new := false;
      select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    end if;
  end if;
  if v_job.request_digest <> v_digest then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', case when v_is_new then 'created' else 'existing' end, 'job', private.job_view(v_job))
    || case when v_is_new and v_job.generate and v_job.lease_token = 1 and v_job.status = 'queued'
      then jsonb_build_object('run', private.run_context(v_job)) else '{}' end;
end
$$;

comment on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int, text) is
  'Creates a job under its creator''s lease, or answers the one that this caller''s key has made. A repeated call is recognised by p_job_id, which the calling function mints. p_once_per_report: while the report has an unfinished job of this caller for this stage, that job is answered. Without a report, type and stage it is a job of its own. p_models: those that the deployment offers, the default first. p_trace_id: of the request, where it came with one. Returns {outcome, job, run}.';
revoke all on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int, text) from public, anon, authenticated, service_role;
grant execute on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int, text) to service_role;

-- supabase/sql/jobs/run_context.sql
create or replace function private.run_context(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- What a prompt takes of each (src/server/generation/prompt.ts), and one character more, which says that there was more.
  c_previous_report constant int := 60001;
  c_summary constant int := 30001;
  v_report jsonb;
begin
  if p_job.report_type is not null then
    execute format(
      'select jsonb_build_object(''user_data'', private.bounded_intake(report.user_data),
         ''previous_report'', "left"(report.research_report, $3), ''summary'', "left"(summary.summary_content, $4))
       from public.%I report
       left join public.polaris_summaries summary
         on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
       where report.id = $1', private.report_table(p_job.report_type))
    into v_report using p_job.report_id, p_job.summary_id, c_previous_report, c_summary;
  end if;
  return coalesce(v_report, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs, 'trace_id', p_job.trace_id);
end
$$;

comment on function private.run_context(private.job_runs) is
  'What a runner needs to generate the result of a job it holds. Long texts are cut to what a prompt takes.';
revoke all on function private.run_context(private.job_runs) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/record_delivery_attempts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_delivery_attempts(
  p_delivery_id bigint, p_delivery_token bigint, p_result text, p_attempts jsonb,
  p_retry_after_seconds numeric default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_posts int := jsonb_array_length(p_attempts);
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
  v_attempt jsonb;
  v_number int := 0;
  v_effect text;
begin
  select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;
  select * into strict v_event from public.report_events where id = v_delivery.event_id;
  if exists (select from public.webhook_audit where delivery_id = p_delivery_id and round = p_delivery_token) then
    -- Repeated call: this round is already recorded.
    return jsonb_build_object(
      'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', v_event.effect);
  end if;
  if v_event.erased_at is not null then
    -- The answer may echo what was sent.
    select coalesce(jsonb_agg(attempt - '{response,error}'::text[] order by number), '[]') into p_attempts
    from jsonb_array_elements(p_attempts) with ordinality as sent (attempt, number);
  end if;
  for v_attempt in select value from jsonb_array_elements(p_attempts) loop
    v_number := v_number + 1;
    perform private.add_audit(
      p_direction => 'out', p_endpoint_id => v_delivery.endpoint_id, p_event_id => v_event.id,
      p_outcome => case
        when v_number = v_posts and p_result <> 'failed' then p_result
        -- The endpoint works and rejected the event: that does not count against the endpoint.
        when v_attempt -> 'authentic' = 'true' then 'rejected'
        else 'failed'
      end,
      p_job_id => v_delivery.job_id, p_report_type => v_delivery.report_type, p_report_id => v_delivery.report_id,
      p_delivery_id => p_delivery_id, p_round => p_delivery_token,
      p_payload => jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest),
      p_response_status => (v_attempt ->> 'status')::int, p_response_body => nullif(v_attempt -> 'response', 'null'),
      p_error => v_attempt ->> 'error',
      p_attempt_number => v_delivery.attempts + v_number - v_delivery.counted_on_arrival::int,
      p_duration_ms => (v_attempt ->> 'duration_ms')::numeric, p_trace_id => v_event.trace_id,
      p_span_id => v_attempt ->> 'span_id');
  end loop;
  v_delivery := private.move_delivery(
    p_delivery_id, p_result, p_token => p_delivery_token, p_posts => v_posts, p_response => p_attempts -> -1,
    p_retry_after_seconds => p_retry_after_seconds);
  if v_event.effect is null then
    v_effect := public.apply_report_event(v_event.id, 'direct') ->> 'outcome';
  end if;
  perform private.observe_attempts(v_delivery, p_delivery_token, p_attempts);
  return jsonb_build_object(
    'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', coalesce(v_effect, v_event.effect));
end
$$;

comment on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) is
  'Records a round of attempts, which ends as p_result (delivered, failed, unknown, refused) and schedules the next, and applies the event if nothing has: the direct update. A repeated call is recognised by the delivery and its token.';
revoke all on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) from public, anon, authenticated, service_role;
grant execute on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) to service_role;

-- supabase/sql/deliver/sendable.sql
create or replace function private.sendable(p_delivery public.webhook_deliveries)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'delivery_id', p_delivery.id, 'delivery_token', p_delivery.lease_token, 'event_id', event.id,
      'endpoint_id', p_delivery.endpoint_id, 'expects', endpoint.expects, 'job_id', event.job_id, 'trace_id', event.trace_id,
      'body', private.envelope(event))
    from public.report_events event, public.webhook_endpoints endpoint
    where event.id = p_delivery.event_id and endpoint.id = p_delivery.endpoint_id);
end
$$;

comment on function private.sendable(public.webhook_deliveries) is
  'What a sender needs of a delivery that it holds: the fencing token, where it goes, and the bytes to send.';
revoke all on function private.sendable(public.webhook_deliveries) from public, anon, authenticated, service_role;

-- supabase/sql/observe/add_audit.sql
create or replace function private.add_audit(
  p_direction text, p_outcome text, p_endpoint_id text default null, p_event_id text default null,
  p_job_id text default null, p_report_type text default null, p_report_id uuid default null,
  p_delivery_id bigint default null, p_round bigint default null, p_actor text default null,
  p_payload jsonb default null, p_response_status int default null, p_response_body jsonb default null,
  p_error text default null, p_attempt_number int default 1, p_body_sha256 text default null,
  p_body_bytes int default null, p_duration_ms numeric default null, p_id uuid default gen_random_uuid(), p_trace_id text default null,
  p_span_id text default null)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.webhook_audit (
    id, direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, delivery_id, round, actor,
    request_payload, response_status, response_body, error_message, attempt_number, body_sha256, body_bytes, duration_ms,
    trace_id, span_id)
  values (
    p_id, p_direction, p_outcome, p_endpoint_id, p_event_id, p_job_id, private.report_table(p_report_type), p_report_id,
    p_delivery_id, p_round, p_actor, p_payload, p_response_status, p_response_body, "left"(p_error, 10000), p_attempt_number,
    p_body_sha256, p_body_bytes,
    -- A clock that is set meanwhile makes any duration, and what does not fit the column would roll back the effect.
    case when p_duration_ms is not null then least(greatest(p_duration_ms, 0), 999999999.999) end,
    coalesce(p_trace_id, (select event.trace_id from public.report_events event where event.id = p_event_id)), p_span_id)
  on conflict (id) do nothing;
end
$$;

comment on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid, text, text) is
  'The one writer of our audit rows. p_payload is never a report''s text. Without p_trace_id the row has the trace of its event.';
revoke all on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/record_webhook_request.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_webhook_request(p_request jsonb, p_verified boolean, p_cap_per_minute int)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_requests bigint := 0;
  v_is_forgotten boolean;
begin
  if exists (select from public.webhook_audit where id = (p_request ->> 'id')::uuid) then
    -- Repeated call: this request is audited.
    return true;
  end if;
  if not p_verified then
    -- Eight rows a minute, so that callers do not queue at one.
    insert into public.webhook_refusals as refusals (minute, part, requests)
    values (date_trunc('minute', now()), floor(random() * 8), 1)
    on conflict (minute, part) do update set requests = refusals.requests + 1;
    select sum(requests) into v_requests from public.webhook_refusals where minute = date_trunc('minute', now());
  end if;
  if v_requests > p_cap_per_minute then
    return false;
  end if;
  -- An answer names the faults of a body, whose event may be one that was erased.
  v_is_forgotten := exists (
    select from public.report_events where id = p_request ->> 'event_id' and erased_at is not null);
  perform private.add_audit(
    p_id => (p_request ->> 'id')::uuid, p_direction => 'in', p_outcome => p_request ->> 'outcome',
    p_endpoint_id => p_request ->> 'endpoint_id', p_event_id => p_request ->> 'event_id',
    p_report_type => p_request ->> 'report_type', p_report_id => (p_request ->> 'report_id')::uuid,
    p_actor => p_request ->> 'actor',
    p_payload => jsonb_build_object('endpoint', p_request ->> 'endpoint', 'method', p_request ->> 'method'),
    p_response_status => (p_request ->> 'status')::int,
    p_response_body => case when not v_is_forgotten then nullif(p_request -> 'answer', 'null') end,
    p_error => case when not v_is_forgotten then p_request ->> 'detail' end,
    p_body_sha256 => case when not v_is_forgotten then p_request ->> 'body_sha256' end,
    p_trace_id => p_request ->> 'trace_id', p_span_id => p_request ->> 'span_id',
    p_body_bytes => (p_request ->> 'body_bytes')::int, p_duration_ms => (p_request ->> 'elapsed_ms')::numeric);
  return true;
end
$$;

comment on function public.record_webhook_request(jsonb, boolean, int) is
  'Audits a request that applied nothing, without its body. p_request.id, minted by the endpoint, recognises a repeated call. p_verified: it is not counted, and has no cap. False: over the cap of this minute, so that it was only counted; requests at the same moment may exceed the cap by their own number.';
revoke all on function public.record_webhook_request(jsonb, boolean, int) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_request(jsonb, boolean, int) to service_role;

-- supabase/sql/observe/verify_reports.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.verify_reports()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type public.report_types;
begin
  for v_type in select * from public.report_types loop
    return query execute format($query$
      select fault.problem, %2$L, report.id, coalesce(fault.event_id, winner.id), null
      from public.%1$I report
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.report_contents content on content.event_id = winner.id
      left join lateral (
        select * from public.webhook_deliveries delivery
        where delivery.report_id = report.id and delivery.report_type = %2$L
          and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
        order by delivery.id desc limit 1) latest on true
      cross join lateral (
        select 'content differs from the winning event' as problem, null as event_id
        where winner.id is not null and (
          report.research_report is distinct from content.research_report
          or report.stage is distinct from winner.stage
          -- As text: digits are content, and equal values may have different ones.
          or report.research_metadata::text is distinct from private.shown_metadata(content)::text)
        union all
        select 'the winning event is not an applied result of this report', null
        where winner.id is not null
          and (winner.report_id, winner.report_type, winner.status, winner.effect)
            is distinct from (report.id, %2$L, 'completed', 'applied')
        union all
        select 'content without an event', null
        where winner.id is null and not private.is_blank(report.research_report)
        union all
        select 'an applied event outranks the winner', better.id
        from public.report_events better
        where better.report_id = report.id and better.report_type = %2$L
          and better.status = 'completed' and better.effect is not null and better.id is distinct from winner.id
          and (winner.id is null
            or (better.stage = 'final', better.requested_at, better.id collate "C")
              > (winner.stage = 'final', winner.requested_at, winner.id collate "C"))
        union all
        select 'webhook columns differ from the latest delivery', latest.event_id
        where (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
            report.webhook_job_id)
          is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
          and latest.id is not null
        union all
        select 'research_status differs from the newest request', null
        where report.research_status is distinct from private.report_status(%2$L, report.id)
      ) fault
      -- One that is not imported yet has no history that could be compared.
      where not exists (
        select from private.reports_to_import marker where marker.report_type = %2$L and marker.report_id = report.id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select fault.problem, event.report_type, event.report_id, event.id, event.job_id
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      left join public.webhook_deliveries delivery
        on delivery.event_id = event.id and delivery.endpoint_id = private.internal_endpoint(event.stage) and delivery.plan = 0
      cross join lateral (
        select 'an event without a delivery' as problem
        where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
          and event.channel is distinct from 'import' and delivery.id is null
        union all
        select 'an event whose content is missing, or an erased one that still has it'
        where (event.erased_at is null) = (content.event_id is null)
        union all
        select 'a content that does not fit its digest'
        where content.event_id is not null and event.digest <> private.content_digest(row(
          event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
          content.research_metadata, content.final_data, event.error, null)::private.incoming_result)
        union all
        select 'a winner whose content is taken for lost, or a loser whose content is not'
        where content.event_id is not null
          and (content.lost_at is not null) <> (
            event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
            or event.effect = 'applied' and event.status = 'completed' and not exists (
              select from public.%1$I report where report.id = event.report_id and report.winner_event_id = event.id))
        union all
        select 'a gap in the positions of a report'
        where event.position > 1 and not exists (
          select from public.report_events previous
          where previous.report_id = event.report_id and previous.report_type = event.report_type
            and previous.position = event.position - 1)
        union all
        -- An event is committed before it is sent, so that it may wait for its effect for a while.
        select 'an event without an effect'
        where event.effect is null
          and (delivery.id is null or delivery.dead_at is not null or delivery.status = 'success'
            or greatest(delivery.next_attempt, delivery.lease_expires_at) < now() - interval '5 minutes')
        union all
        select 'a completed final without its notification'
        where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
          and event.channel in ('webhook', 'direct')
          and not exists (select from public.report_notifications notification where notification.event_id = event.id)
        union all
        select 'a notification of an event that was not applied'
        where (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
          and exists (select from public.report_notifications notification where notification.event_id = event.id)
        union all
        select 'a notification of another report'
        from public.report_notifications notification
        where notification.event_id = event.id
          and (notification.report_type, notification.report_id) <> (event.report_type, event.report_id)
        union all
        select 'a delivery of another report'
        where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
        union all
        select 'a job that differs from its event'
        from private.job_runs job
        where job.job_id = event.job_id
          -- What the platform's functions write does not always agree with their jobs.
          and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
          and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
            is distinct from (event.id, event.report_type, event.report_id, event.stage,
              case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at)
      ) fault
      where event.report_type = %2$L
        -- A report that was deleted takes its events out of the account.
        and exists (select from public.%1$I report where report.id = event.report_id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select 'an unfinished job of a report that is gone', job.report_type, job.report_id, job.event_id, job.job_id
      from private.job_runs job
      where job.report_type = %2$L and job.status in ('queued', 'running')
        and not exists (select from public.%1$I report where report.id = job.report_id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select 'content of a deleted report', event.report_type, event.report_id, event.id, event.job_id
      from public.report_events event
      where event.report_type = %2$L and event.erased_at is null
        and not exists (select from public.%1$I report where report.id = event.report_id)
        and not exists (
          select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
      union all
      select 'content of a deleted report', job.report_type, job.report_id, job.event_id, job.job_id
      from private.job_runs job
      where job.report_type = %2$L and job.erased_at is null
        and not exists (select from public.%1$I report where report.id = job.report_id)
        and not exists (
          select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)$query$,
      v_type.table_name, v_type.report_type);

    return query execute format($query$
      select 'a finished job without its event', job.report_type, job.report_id, job.event_id, job.job_id
      from private.job_runs job
      left join public.report_events event on event.id = job.event_id and event.job_id = job.job_id
      where job.report_type = %2$L and event.id is null
        -- Imported jobs may have ended without one.
        and job.status in ('succeeded', 'failed') and job.caller <> 'platform'
        and exists (select from public.%1$I report where report.id = job.report_id)$query$,
      v_type.table_name, v_type.report_type);
  end loop;

  return query
  select 'a job without a report whose result does not fit its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'a job of a deleted account that still has content', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and job.user_id is not null and job.erased_at is null
    and not exists (select from auth.users account where account.id = job.user_id and account.deleted_at is null)
    and not exists (select from private.erasures due where due.user_id = job.user_id and due.report_id is null)
  union all
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'an erased event that a delivery would still send', event.report_type, event.report_id, event.id, event.job_id
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id
  where event.erased_at is not null and delivery.dead_at is null
    and delivery.status not in ('success', 'superseded', 'cancelled');
end
$$;

comment on function public.verify_reports() is
  'Every row that breaks an invariant, with its problem. No row: all invariants hold.';
revoke all on function public.verify_reports() from public, anon, authenticated, service_role;
grant execute on function public.verify_reports() to service_role;

-- supabase/sql/console/trace.sql
create or replace function public.trace(p_id text)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_traces constant int := 20;
  c_spans constant int := 500;
  v_id constant text := btrim(p_id);
  v_traces text[];
  v_found jsonb;
  v_is_truncated boolean;
begin
  perform private.require_operator();
  -- The newest of a report, which may have many; any other id has one.
  select array_agg(trace_id) into v_traces
  from (
    select trace_id
    from (
      select trace_id, created_at from private.job_runs where job_id = v_id
      union all
      select trace_id, created_at from private.job_runs where trace_id = lower(v_id)
      union all
      select trace_id, created_at from private.job_runs
      where report_id = case when v_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then v_id::uuid end
      union all
      select trace_id, created_at from public.report_events where id = v_id
      union all
      select trace_id, created_at from public.report_events where trace_id = lower(v_id)
      union all
      select trace_id, created_at from public.report_events
      where report_id = case when v_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then v_id::uuid end) named
    where trace_id is not null
    group by trace_id order by max(created_at) desc limit c_traces) newest;
  with spans as materialized (
    select trace_id, 'job:' || job_id as id, null as parent, 'job' as kind, created_at as started_at,
      completed_at as ended_at, jsonb_build_object(
        'job_id', job_id, 'status', status, 'stage', stage, 'report_type', report_type, 'report_id', report_id, 'error', error,
        'take_overs', take_overs, 'waited_ms', round(extract(epoch from started_at - created_at) * 1000)) as facts
    from private.job_runs where trace_id = any (v_traces)
    union all
    select event.trace_id, 'event:' || event.id,
      case when exists (select from private.job_runs job where job.job_id = event.job_id and job.trace_id = event.trace_id)
        then 'job:' || event.job_id end,
      'event', event.created_at, event.applied_at, jsonb_build_object(
        'event_id', event.id, 'type', event.type, 'effect', event.effect, 'channel', event.channel,
        'report_type', event.report_type, 'report_id', event.report_id)
    from public.report_events event where event.trace_id = any (v_traces)
    union all
    select audit.trace_id, coalesce('attempt:' || audit.span_id, 'audit:' || audit.id), 'event:' || audit.event_id,
      case when audit.outcome = 'skipped' then 'skipped' else 'attempt' end,
      audit.ended_at - make_interval(secs => coalesce(audit.duration_ms, 0)::float8 / 1000), audit.ended_at,
      jsonb_build_object(
        'outcome', audit.outcome, 'endpoint_id', audit.endpoint_id, 'status', audit.response_status,
        'attempt', audit.attempt_number, 'error', audit.error_message, 'audit_id', audit.id)
    from (
      -- The attempts of a round are recorded together, when the last of them is over.
      select sent.*, sent.created_at - make_interval(secs => coalesce(sum(duration_ms) over (
        partition by delivery_id, round order by attempt_number
        rows between 1 following and unbounded following), 0)::float8 / 1000) as ended_at
      from public.report_events event
      join public.webhook_audit sent on sent.event_id = event.id and sent.trace_id = event.trace_id
      where event.trace_id = any (v_traces) and sent.direction = 'out') audit
    union all
    select audit.trace_id, 'request:' || audit.id,
      case when sent.id is not null then 'attempt:' || sent.span_id else 'event:' || audit.event_id end, 'request',
      audit.created_at, audit.created_at + make_interval(secs => coalesce(audit.duration_ms, 0)::float8 / 1000),
      jsonb_build_object(
        'outcome', audit.outcome, 'endpoint_id', coalesce(audit.endpoint_id, audit.request_payload ->> 'endpoint'),
        'status', audit.response_status, 'actor', audit.actor, 'error', audit.error_message, 'audit_id', audit.id)
    from public.report_events event
    join public.webhook_audit audit on audit.event_id = event.id and audit.trace_id = event.trace_id
    left join lateral (
      select id, span_id from public.webhook_audit other
      where other.event_id = event.id and other.direction = 'out' and other.span_id = audit.span_id limit 1) sent on true
    where event.trace_id = any (v_traces) and audit.direction = 'in'
  ), bounded as (
    select * from spans order by started_at, id limit c_spans
  )
  select
    jsonb_agg(jsonb_build_object('trace_id', trace_id, 'started_at', began, 'spans', traced) order by began desc),
    (select count(*) > c_spans from spans)
  into v_found, v_is_truncated
  from (
    select trace_id, min(started_at) as began, jsonb_agg(jsonb_build_object(
      'id', id, 'parent', parent, 'kind', kind, 'started_at', started_at, 'ended_at', ended_at, 'facts', jsonb_strip_nulls(facts))
      order by started_at, id) as traced
    from bounded group by trace_id) traces;
  return jsonb_build_object('traces', coalesce(v_found, '[]'), 'truncated', v_is_truncated);
end
$$;

comment on function public.trace(text) is
  'What came of one request, as a tree with times: {traces: [{trace_id, started_at, spans: [{id, parent, kind, started_at, ended_at, facts}]}], truncated}. p_id: of a trace, a job, an event or a report, of which the newest 20 traces are shown.';
revoke all on function public.trace(text) from public, anon, authenticated, service_role;
grant execute on function public.trace(text) to authenticated;

-- supabase/sql/events/report_events.sql
comment on table public.report_events is
  'The immutable fact that a job finished or that an owner edited a text. The content stands in private.report_contents.';
comment on column public.report_events.requested_at is 'The order among events of a report: (stage, requested_at, id).';
comment on column public.report_events.digest is 'SHA-256 of type, subject and content, without times; random once the content is erased.';
comment on column public.report_events.channel is 'Who applied it first.';
comment on column public.report_events.effect is 'What applying it did. Null: it is known and not applied yet.';
comment on column public.report_events.position is '1, 2, … in its report, in the order of effects.';
comment on column public.report_events.erased_at is 'When forget_event() erased its content. Id, order and audit stay.';
comment on column public.report_events.trace_id is 'Of its job, or of the request that brought it. Null: from before there were traces.';
alter table public.report_events enable row level security;
revoke all on table public.report_events from anon, authenticated, service_role;
grant select on table public.report_events to authenticated;
drop policy if exists "operators read" on public.report_events;
create policy "operators read" on public.report_events for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_event before update or delete on public.report_events
  for each row execute function private.keep_event();

-- supabase/sql/jobs/job_runs.sql
comment on table private.job_runs is
  'A job of ours, whole: report_jobs only shows its progress, since owners and the platform can write there.';
comment on column private.job_runs.user_id is
  'The owner of the report when the job was requested; of a job without a report the user who asked, null for the pipeline.';
comment on column private.job_runs.caller is '`pipeline`, the id of the user who asked, or `platform` for an imported job.';
comment on column private.job_runs.caller_key is 'The caller''s Idempotency-Key, unique per caller.';
comment on column private.job_runs.request_digest is 'SHA-256 of the request: the same key with another body is a conflict.';
comment on column private.job_runs.model is
  'The model that generates, null where none does. Of a job whose result is generated elsewhere: the model that was asked for.';
comment on column private.job_runs.generate is 'False: the result is generated elsewhere and arrives by PATCH.';
comment on column private.job_runs.lease_token is
  'Fencing token: raised whenever another runner takes the job, and shown by every completion.';
comment on column private.job_runs.claim_id is 'Of the last take-over: a repeated call is recognised by it.';
comment on column private.job_runs.deadline is 'Until when a result from elsewhere is waited for.';
comment on column private.job_runs.event_id is 'The event that finished the job.';
comment on column private.job_runs.result is
  'The text of a job without a report, which has no event. It is erased with the job, when retention removes that.';
comment on column private.job_runs.result_metadata is 'How that text was made, such as the tokens used.';
comment on column private.job_runs.erased_at is 'When forget_job() erased what its caller and its result said.';
comment on column private.job_runs.trace_id is 'Of the request that made it, or one that began here.';
alter table private.job_runs enable row level security;
revoke all on table private.job_runs from anon, authenticated, service_role;
grant select (
  job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, error, event_id, take_overs,
  created_at, started_at, completed_at, trace_id) on table private.job_runs to authenticated;
drop policy if exists "operators read" on private.job_runs;
create policy "operators read" on private.job_runs for select to authenticated
  using ((select private.is_operator()));
drop policy if exists "owners read" on private.job_runs;
create policy "owners read" on private.job_runs for select to authenticated
  using (user_id = (select auth.uid()));

-- supabase/sql/observe/webhook_audit.sql
comment on column public.webhook_audit.trace_id is 'Of its event, or else of the request (W3C Trace Context).';
comment on column public.webhook_audit.span_id is
  'An attempt''s own span, which it sends; of a received request the span that it came with. So the two name each other.';
drop policy if exists "operators read" on public.webhook_audit;
create policy "operators read" on public.webhook_audit for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_audit before update or delete on public.webhook_audit
  for each row execute function private.keep_audit();
create or replace trigger keep_audit_whole before truncate on public.webhook_audit
  for each statement execute function private.keep_audit();
create or replace trigger strip_audit before insert on public.webhook_audit
  for each row when (current_user <> 'postgres') execute function private.strip_audit();
