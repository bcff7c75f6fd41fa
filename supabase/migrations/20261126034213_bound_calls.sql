-- Why: A call through the REST layer ends before its caller gives it up.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/import_reports.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.import_reports(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type public.report_types;
  v_report_id uuid;
  v_imported int := 0;
  -- Writers of the batch's reports wait for its end, and texts may be large: a report of 10 MB takes half a second. Without this,
  -- a batch could last longer than REST lets a statement last, and each sweep would try the same one without effect.
  v_deadline timestamptz := clock_timestamp() + interval '1 second';
begin
  for v_type in select * from public.report_types loop
    exit when v_imported >= p_limit or clock_timestamp() > v_deadline;
    for v_report_id in
      execute format(
        'select report.id from private.reports_to_import marker
         join public.%I report on report.id = marker.report_id
         where marker.report_type = $1 order by marker.failed_at nulls first, marker.report_id limit $2
         for no key update of report skip locked',
        v_type.table_name)
      using v_type.report_type, p_limit - v_imported
    loop
      begin
        perform private.import_report(v_type.report_type, v_report_id);
        v_imported := v_imported + 1;
      exception when others then
        -- One report costs only itself: the others go on, and this one is tried last.
        update private.reports_to_import set failed_at = now(), error = sqlerrm
        where report_type = v_type.report_type and report_id = v_report_id;
      end;
      exit when clock_timestamp() > v_deadline;
    end loop;
    if not found then
      -- Markers of reports that are gone.
      execute format(
        'delete from private.reports_to_import marker
         where report_type = $1 and not exists (select from public.%I report where report.id = marker.report_id)',
        v_type.table_name)
      using v_type.report_type;
    end if;
  end loop;
  return jsonb_build_object('imported', v_imported, 'left', (select count(*) from private.reports_to_import));
end
$$;

comment on function public.import_reports(int) is
  'Imports up to p_limit reports from before the events, for about a second, skipping those that others hold. Returns {imported, left}.';
revoke all on function public.import_reports(int) from public, anon, authenticated, service_role;
grant execute on function public.import_reports(int) to service_role;

-- supabase/sql/reports/user_is_operator.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.user_is_operator(p_user_id uuid)
returns boolean
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select exists (select from public.operators where user_id = p_user_id)
$$;

comment on function public.user_is_operator(uuid) is
  'Whether this person is an operator now. Endpoints ask it for callers whom they have authenticated.';
revoke all on function public.user_is_operator(uuid) from public, anon, authenticated, service_role;
grant execute on function public.user_is_operator(uuid) to service_role;

-- supabase/sql/events/apply_report_event.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_report_event(
  p_event_id text, p_channel text default 'webhook', p_body text default null, p_endpoint_id text default null,
  p_body_sha256 text default null, p_body_bytes int default null, p_elapsed_ms numeric default 0)
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
begin
  if p_body is not null then
    v_result := private.read_body(p_body, p_endpoint_id);
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
      p_response_status => private.outcome_status(v_outcome), p_response_body => v_answer,
      p_body_sha256 => case when not v_is_forgotten then p_body_sha256 end, p_body_bytes => p_body_bytes,
      p_duration_ms => p_elapsed_ms + extract(epoch from clock_timestamp() - v_started) * 1000);
  end if;
  return v_answer;
end
$$;

comment on function public.apply_report_event(text, text, text, text, text, int, numeric) is
  'The one write path of results. With a body, what a verified webhook says; without one, an event that is recorded already. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp}.';
revoke all on function public.apply_report_event(text, text, text, text, text, int, numeric) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_event(text, text, text, text, text, int, numeric) to service_role;

-- supabase/sql/jobs/cancel_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_report_job(p_job_id text, p_caller text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_job_id, p_caller);
begin
  if v_job.job_id is null then
    return null;
  end if;
  v_job := private.cancel_job(p_job_id);
  perform private.show_job(p_job_id);
  return private.job_view(v_job);
end
$$;

comment on function public.cancel_report_job(text, text) is
  'Cancels a job that is not finished. Returns the job as it then stands. Null: there is none that the caller may see.';
revoke all on function public.cancel_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_report_job(text, text) to service_role;

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

-- supabase/sql/jobs/due_report_jobs.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.due_report_jobs(p_limit int)
returns setof text
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select job_id from private.due_jobs order by due_at limit p_limit
$$;

comment on function public.due_report_jobs(int) is
  'Jobs to be taken over or given up, longest due first.';
revoke all on function public.due_report_jobs(int) from public, anon, authenticated, service_role;
grant execute on function public.due_report_jobs(int) to service_role;

-- supabase/sql/jobs/get_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.get_report_job(p_job_id text, p_caller text)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.job_view(job) from private.job_for_caller(p_job_id, p_caller) job where job.job_id is not null
$$;

comment on function public.get_report_job(text, text) is
  'A job as GET answers it. Null: there is none that the caller may see.';
revoke all on function public.get_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.get_report_job(text, text) to service_role;

-- supabase/sql/jobs/report_job_progress.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.report_job_progress(
  p_job_id text, p_lease_token bigint, p_percent int, p_lease_seconds int, p_eta_seconds int default null)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.status = 'queued' and v_job.report_type is not null
    and private.lock_report(v_job.report_type, v_job.report_id) is null
  then
    return false;
  end if;
  update private.job_runs
  set status = 'running', percent = greatest(percent, p_percent), eta_seconds = p_eta_seconds,
    started_at = coalesce(started_at, now()), updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id and lease_token = p_lease_token and status in ('queued', 'running');
  if not found then
    return false;
  end if;
  perform private.show_job(p_job_id);
  if v_job.status = 'queued' and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return true;
end
$$;

comment on function public.report_job_progress(text, bigint, int, int, int) is
  'Records how far a running job is, and renews its lease. False: the job is no longer this runner''s, which must stop.';
revoke all on function public.report_job_progress(text, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function public.report_job_progress(text, bigint, int, int, int) to service_role;

-- supabase/sql/jobs/request_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_report_job(
  p_job_id text, p_caller text, p_prompt text, p_generate boolean, p_lease_seconds int, p_quota int,
  p_report_type text default null, p_report_id uuid default null, p_stage text default null,
  p_once_per_report boolean default false, p_idempotency_key text default null, p_model text default null,
  p_temperature numeric default null, p_max_tokens int default null, p_summary_id uuid default null,
  p_metadata text default null, p_models text[] default null, p_user_budget int default null,
  p_project_budget int default null)
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
    end if;
    insert into private.job_runs (
      job_id, report_type, report_id, stage, user_id, summary_id, caller, caller_key, request_digest, prompt, model,
      temperature, max_tokens, metadata, generate, lease_token, lease_expires_at)
    values (
      p_job_id, p_report_type, p_report_id, p_stage, v_owner,
      (select id from public.polaris_summaries where id = p_summary_id and user_id = v_owner),
      p_caller, p_idempotency_key, v_digest, p_prompt,
      case when p_generate then private.choose_model(p_model, p_models) else p_model end,
      p_temperature, p_max_tokens, v_metadata, p_generate, 1,
      case when p_generate then now() + make_interval(secs => p_lease_seconds) end)
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

comment on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int) is
  'Creates a job under its creator''s lease, or answers the one that this caller''s key has made. A repeated call is recognised by p_job_id, which the calling function mints. p_once_per_report: while the report has an unfinished job of this caller for this stage, that job is answered. Without a report, type and stage it is a job of its own. p_models: those that the deployment offers, the default first. Returns {outcome, job, run}.';
revoke all on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int) from public, anon, authenticated, service_role;
grant execute on function public.request_report_job(text, text, text, boolean, int, int, text, uuid, text, boolean, text, text, numeric, int, uuid, text, text[], int, int) to service_role;

-- supabase/sql/jobs/take_over_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_over_report_job(
  p_job_id text, p_lease_seconds int, p_max_take_overs int, p_claim_id uuid default null,
  p_models text[] default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_shown public.report_jobs;
  v_error text;
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.claim_id = p_claim_id and not private.lease_is_free(v_job.lease_expires_at) then
    return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
  elsif not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_job.report_type is not null then
    if not private.try_lock_report(v_job.report_type, v_job.report_id) then
      return '{"outcome": "held"}';
    end if;
    v_owner := private.lock_report(v_job.report_type, v_job.report_id);
  end if;
  -- Asked again under both locks: while this call waited, the runner may have told of progress, or another process may have
  -- taken the job.
  select * into v_job from private.job_runs where job_id = p_job_id for no key update skip locked;
  if not found or not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_job.report_type is not null and v_owner is null
    or not private.job_serves(v_job, coalesce(v_owner, v_job.user_id))
  then
    perform private.cancel_job(p_job_id);
    perform private.show_job(p_job_id);
    return '{"outcome": "given_up"}';
  end if;
  if v_job.caller = 'platform' then
    -- The platform's runner may have reported its result in report_jobs and died before it wrote the report.
    select * into v_shown from public.report_jobs where job_id = p_job_id;
    if v_shown.status in ('succeeded', 'failed') then
      return case public.complete_report_job(
          p_job_id, case when private.is_blank(v_shown.result) then 'failed' else 'completed' end, 0,
          p_lease_token => v_job.lease_token,
          p_research_report => case when not private.is_blank(v_shown.result) then btrim(v_shown.result) end,
          p_error => case when private.is_blank(v_shown.result)
            then coalesce(v_shown.error, 'The report could not be generated.') end) ->> 'outcome'
        when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
    end if;
  end if;
  v_error := case
    when not v_job.generate then 'No result was submitted before the job expired.'
    when v_job.take_overs >= p_max_take_overs then
      format('The %s could not be finished: its generation was interrupted %s times.',
        case when v_job.report_type is null then 'result' else 'report' end, v_job.take_overs + 1)
  end;
  if v_error is not null then
    -- Nobody sends here: the delivery is due at once.
    return case public.complete_report_job(
        p_job_id, 'failed', 0, p_lease_token => v_job.lease_token, p_error => v_error) ->> 'outcome'
      when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
  end if;
  update private.job_runs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, claim_id = p_claim_id, updated_at = now(),
    model = private.choose_model(model, p_models), lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id
  returning * into v_job;
  return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
end
$$;

comment on function public.take_over_report_job(text, int, int, uuid, text[]) is
  'Takes over a job whose lease has run out, or ends it: with a failure after p_max_take_overs or past its deadline, cancelled when it serves no report any more. Waits for no lock: held when another transaction has its report. A repeated call is recognised by p_claim_id. p_models: those that the deployment offers, as for request_report_job.';
revoke all on function public.take_over_report_job(text, int, int, uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function public.take_over_report_job(text, int, int, uuid, text[]) to service_role;

-- supabase/sql/deliver/claim_due_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_delivery(
  p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_held public.webhook_deliveries;
  v_candidate record;
  v_claim jsonb;
  v_left_out jsonb := '[]';
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_held from public.webhook_deliveries where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_held.id is not null then
    return jsonb_build_object('delivery', private.sendable(v_held), 'left_out', '[]'::jsonb);
  end if;
  for v_candidate in
    -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
    (select circuit.endpoint_id as probe_of, probe.id
      from public.webhook_circuits circuit
      cross join lateral (
        select delivery.id, delivery.attempts from public.webhook_deliveries delivery
        where delivery.endpoint_id = circuit.endpoint_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null and private.lease_is_free(delivery.lease_expires_at) and delivery.id <> all (p_left_out)
        order by delivery.attempts, delivery.id limit 16) probe
      where circuit.opened_at is not null and circuit.probe_after <= now()
        and private.lease_is_free(circuit.probe_lease_expires_at)
      order by circuit.endpoint_id, probe.attempts, probe.id)
    union all
    -- The endpoint first that has the fewest senders now: one that is slow or has a backlog takes no turn of another.
    (select null, due.id
      from public.webhook_endpoints endpoint
      cross join lateral (
        select count(*) as senders from public.webhook_deliveries held
        where held.endpoint_id = endpoint.id and held.lease_expires_at >= now()) load
      cross join lateral (
        select id, next_attempt from private.due_deliveries
        where endpoint_id = endpoint.id and id <> all (p_left_out)
        order by next_attempt, id limit 16) due
      where not exists (
        select from public.webhook_circuits circuit where circuit.endpoint_id = endpoint.id and circuit.opened_at is not null)
      order by load.senders, due.next_attempt, due.id)
  loop
    v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, v_candidate.probe_of);
    if v_claim ? 'left_out' then
      v_left_out := v_left_out || v_claim;
    elsif v_claim is not null then
      return jsonb_build_object('delivery', v_claim, 'left_out', v_left_out);
    end if;
  end loop;
  return jsonb_build_object('delivery', null, 'left_out', v_left_out);
end
$$;

comment on function public.claim_due_delivery(int, uuid, bigint[]) is
  'Claims a half-open circuit''s probe, else the delivery that has been due longest, of the endpoint with the fewest senders whose circuit is closed. Waits for no lock. Returns {delivery, left_out: [{delivery_id, event_id, left_out: held|error, error?}]}; delivery null: there is nothing to send. p_left_out: deliveries that an earlier call of this sweep left out. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_delivery(int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid, bigint[]) to service_role;

-- supabase/sql/deliver/claim_report_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_report_delivery(
  p_report_type text, p_report_id uuid, p_lease_seconds int, p_endpoint_id text default null,
  p_event_id text default null, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists is null then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_delivery from public.webhook_deliveries delivery
  where report_type = p_report_type and report_id = p_report_id
    and (p_endpoint_id is null or endpoint_id = p_endpoint_id)
    and (p_event_id is null or event_id = p_event_id)
    and exists (select from public.webhook_endpoints where id = delivery.endpoint_id and kind = 'internal')
  order by id desc
  limit 1
  for update;
  return case
    when v_delivery.id is null then '{"outcome": "delivery_not_found"}'
    when v_delivery.claim_id = p_claim_id and not private.lease_is_free(v_delivery.lease_expires_at) then
      jsonb_build_object('outcome', 'claimed', 'delivery', private.sendable(v_delivery))
    when v_delivery.status = 'success' then '{"outcome": "already_succeeded"}'
    when private.is_closed(v_delivery.dead_reason) then '{"outcome": "delivery_closed"}'
    when not private.lease_is_free(v_delivery.lease_expires_at) then '{"outcome": "delivery_busy"}'
    else jsonb_build_object(
      'outcome', 'claimed', 'delivery', private.claim_delivery(v_delivery.id, p_lease_seconds, p_claim_id))
  end;
end
$$;

comment on function public.claim_report_delivery(text, uuid, int, text, text, uuid) is
  'Claims the delivery of an event of this report to our own endpoint, or its latest one, due or not. Returns {outcome, delivery}. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_report_delivery(text, uuid, int, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_report_delivery(text, uuid, int, text, text, uuid) to service_role;

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
      p_duration_ms => (v_attempt ->> 'duration_ms')::numeric);
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

-- supabase/sql/deliver/redrive_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.redrive_deliveries(
  p_filter jsonb, p_actor text, p_limit int, p_claim_id uuid default null)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_redriven int;
begin
  perform private.await_same_call(p_claim_id::text);
  -- The audit tells what the first call did: a sweep may have claimed its deliveries since.
  select count(*) into v_redriven from public.webhook_audit
  where outcome = 'redriven' and request_payload ->> 'claim_id' = p_claim_id::text
    and created_at > now() - interval '1 hour';
  if v_redriven > 0 then
    return v_redriven;
  end if;
  for v_delivery in
    -- In the order of their reports, whose locks each takes: two redrives must not wait for each other.
    select * from (
      select * from public.webhook_deliveries
      where dead_at is not null and not private.is_closed(dead_reason)
        and (p_filter -> 'event_ids' is null or p_filter -> 'event_ids' ? event_id)
        and (p_filter -> 'report_type' is null or report_type = p_filter ->> 'report_type')
        and (p_filter -> 'endpoint_id' is null or endpoint_id = p_filter ->> 'endpoint_id')
        and (p_filter -> 'dead_reason' is null or dead_reason = p_filter ->> 'dead_reason')
        and (p_filter -> 'error' is null or strpos(lower(response ->> 'error'), lower(p_filter ->> 'error')) > 0)
        and (p_filter -> 'dead_after' is null or dead_at >= (p_filter ->> 'dead_after')::timestamptz)
        and (p_filter -> 'dead_before' is null or dead_at < (p_filter ->> 'dead_before')::timestamptz)
      order by dead_at, id
      limit p_limit
      -- One that another process holds is being retried or redriven now.
      for update skip locked) picked
    order by report_type, report_id, id
  loop
    perform private.move_delivery(v_delivery.id, 'redriven');
    perform private.add_audit(
      p_direction => 'in', p_outcome => 'redriven', p_endpoint_id => v_delivery.endpoint_id,
      p_event_id => v_delivery.event_id, p_job_id => v_delivery.job_id, p_report_type => v_delivery.report_type,
      p_report_id => v_delivery.report_id, p_actor => p_actor,
      p_payload => jsonb_build_object(
        'endpoint', 'redrive', 'dead_at', v_delivery.dead_at, 'dead_reason', v_delivery.dead_reason,
        'claim_id', p_claim_id),
      p_error => v_delivery.response ->> 'error', p_attempt_number => v_delivery.attempts);
    v_redriven := v_redriven + 1;
  end loop;
  return v_redriven;
end
$$;

comment on function public.redrive_deliveries(jsonb, text, int, uuid) is
  'Puts dead letters back on schedule, at its beginning, and audits each with who did it. Returns how many. A repeated call is recognised by p_claim_id.';
revoke all on function public.redrive_deliveries(jsonb, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.redrive_deliveries(jsonb, text, int, uuid) to service_role;

-- supabase/sql/deliver/release_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.release_deliveries(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_id bigint;
  v_released int := 0;
begin
  for v_id in
    select id from public.webhook_deliveries
    where status = 'retrying' and lease_expires_at < now()
    order by lease_expires_at limit p_limit
  loop
    v_released := v_released + private.try_release(v_id)::int;
  end loop;
  return v_released;
end
$$;

comment on function public.release_deliveries(int) is
  'Deliveries that nobody holds any more, since their holder died, show again what they were. Waits for no lock. Returns how many.';
revoke all on function public.release_deliveries(int) from public, anon, authenticated, service_role;
grant execute on function public.release_deliveries(int) to service_role;

-- supabase/sql/observe/deployment_facts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.deployment_facts(p_with_rights boolean default false)
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select jsonb_build_object(
    'database_time', private.iso_time(clock_timestamp()),
    'server_version', current_setting('server_version'),
    'migrations', to_jsonb(private.applied_migrations()),
    'connections', jsonb_build_object(
      -- Sums, which every role may read: pg_stat_activity hides the sessions of others.
      'used', (select coalesce(sum(numbackends), 0) from pg_catalog.pg_stat_database),
      'most', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int),
    'heartbeats', (
      select jsonb_object_agg(source, jsonb_build_object(
        'beats', beats, 'seconds_ago', round(extract(epoch from clock_timestamp() - last_at), 3)))
      from private.heartbeats),
    'unfinished', array(select name from private.unfinished_tables order by name),
    'realtime', (
      select jsonb_build_object('all_tables', puballtables, 'tables', array(
        select tablename::text from pg_catalog.pg_publication_tables
        where pubname = 'supabase_realtime' and schemaname = 'public' order by tablename))
      from pg_catalog.pg_publication where pubname = 'supabase_realtime'),
    'accounts_guarded', private.accounts_are_guarded(),
    'rights', case when p_with_rights then (
      select jsonb_agg(jsonb_build_object('on', object, 'column', column_name, 'grantee', grantee, 'privilege', privilege)
        order by object, grantee, privilege, column_name)
      from private.held_rights) end)
$$;

comment on function public.deployment_facts(boolean) is
  'What the health check and the doctor judge: time, migrations, connections, signs of life, what npm run upgrade has left to build, Realtime, the guard of account deletions and, with p_with_rights, every right on objects of public and private.';
revoke all on function public.deployment_facts(boolean) from public, anon, authenticated, service_role;
grant execute on function public.deployment_facts(boolean) to service_role;

-- supabase/sql/observe/erase_due.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_due(p_limit int, p_user_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_longest constant interval := '2 seconds';
  v_started timestamptz := clock_timestamp();
  v_due private.erasures;
  -- Of accounts: nothing is left but what stands in the queue of reports.
  v_accounts bigint[] := '{}';
  v_reports int := 0;
  v_users jsonb;
  v_errors jsonb := '[]';
begin
  for v_due in
    select * from private.erasures
    where report_id is null and (p_user_id is null or user_id = p_user_id)
    -- What was tried last and is not done comes last.
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when clock_timestamp() > v_started + c_longest;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      if private.erase_account(v_due.user_id, p_limit) then
        v_accounts := v_accounts || v_due.id;
      end if;
    exception
      when lock_not_available then
        null;
      when others then
        -- One erasure costs only itself.
        v_errors := v_errors || jsonb_build_object('user_id', v_due.user_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  for v_due in
    select * from private.erasures
    where report_id is not null and (p_user_id is null or user_id = p_user_id)
    order by tried_at nulls first, id
    limit p_limit
    for update skip locked
  loop
    exit when clock_timestamp() > v_started + c_longest;
    update private.erasures set tried_at = clock_timestamp() where id = v_due.id;
    begin
      if private.erase_report(v_due.report_type, v_due.report_id, p_limit) then
        delete from private.erasures where id = v_due.id;
        v_reports := v_reports + 1;
      end if;
    exception
      when lock_not_available then
        null;
      when others then
        v_errors := v_errors || jsonb_build_object('report_id', v_due.report_id, 'error', "left"(sqlerrm, 200));
    end;
  end loop;
  with done as (
    delete from private.erasures account
    where id = any (v_accounts)
      and not exists (
        select from private.erasures report where report.user_id = account.user_id and report.report_id is not null)
    returning user_id)
  select coalesce(jsonb_agg(user_id), '[]') into v_users from done;
  return jsonb_build_object(
    'reports', v_reports, 'users', v_users, 'errors', v_errors,
    'left', exists (select from private.erasures where p_user_id is null or user_id = p_user_id));
end
$$;

comment on function public.erase_due(int, uuid) is
  'Erases the content of reports and accounts that were deleted, up to p_limit of each and for about two seconds; only those of p_user_id where it is given. Waits for no lock: the next call goes on. Returns {reports: how many are done, users: [user id] whose accounts are done, errors: [{user_id or report_id, error}], left: whether any waits}.';
revoke all on function public.erase_due(int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.erase_due(int, uuid) to service_role;

-- supabase/sql/observe/get_failed_webhooks.sql
-- Definer rights: the platform's functions call it with the service key, which has no rights on our tables.
create or replace function public.get_failed_webhooks(max_attempts int default 3, retry_after_minutes int default 5)
returns table (table_name text, record_id uuid, job_id text, webhook_attempts int, last_attempt timestamptz)
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.report_table(due.report_type), due.report_id, due.job_id, due.attempts, due.last_attempt
  from private.due_deliveries due
  where due.attempts < max_attempts
    and exists (select from public.webhook_endpoints where id = due.endpoint_id and kind = 'internal')
    and (due.last_attempt is null or due.last_attempt <= now() - make_interval(mins => retry_after_minutes))
  order by due.next_attempt, due.id
$$;

comment on function public.get_failed_webhooks(int, int) is
  'Reports whose webhook failed fewer than max_attempts times, the last retry_after_minutes ago or longer.';
revoke all on function public.get_failed_webhooks(int, int) from public, anon, authenticated, service_role;
grant execute on function public.get_failed_webhooks(int, int) to service_role;

-- supabase/sql/observe/prune_expired.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Content that lost waits for its open deliveries, but no longer than this.
  c_longest_hold constant interval := '30 days';
  -- What comes first of each kind. With `p_after is null or …` no plan could begin at p_after in an index.
  v_after jsonb := coalesce(p_after, '{
    "audit": {"at": "-infinity", "id": "00000000-0000-0000-0000-000000000000"},
    "payloads": {"at": "-infinity", "id": ""}, "jobs": {"at": "-infinity", "id": ""}}');
  -- Of each kind the range that this call looks at: up to p_limit rows in order of age, kept ones among them. Whether a row is
  -- needed is asked by a query with `limit 1`: for `exists`, PostgreSQL may read all open deliveries at each call.
  v_audit record;
  v_payloads record;
  v_finished record;
  v_audit_pruned int;
  v_refusals int;
  v_event_id text;
  v_erased int := 0;
  v_jobs text[];
  -- Of these jobs, those whose row of report_jobs is locked here.
  v_shown text[];
  v_pruned int;
begin
  perform set_config('polaris.retention', 'on', true);
  select coalesce(array_agg(id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', created_at, 'id', id) order by created_at, id))[p_limit] as last
  into v_audit
  from (
    select audit.id, audit.created_at,
      -- The history of a delivery that is not settled yet tells a person why.
      (select true from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and private.is_closed(delivery.dead_reason) is not true
        limit 1) is not null as needed
    from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      and (created_at, id) > ((v_after #>> '{audit,at}')::timestamptz, (v_after #>> '{audit,id}')::uuid)
    order by created_at, id
    limit p_limit) range;
  delete from public.webhook_audit where id in (
    select id from public.webhook_audit where id = any (v_audit.ids) for update skip locked);
  get diagnostics v_audit_pruned = row_count;
  delete from public.webhook_refusals where minute in (
    select minute from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute limit p_limit);
  get diagnostics v_refusals = row_count;
  select coalesce(array_agg(event_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', lost_at, 'id', event_id) order by lost_at, event_id))[p_limit] as last
  into v_payloads
  from (
    select content.event_id, content.lost_at,
      -- A delivery that is still to be sent is sent from this content. A dead letter is not: nothing sends it by itself.
      content.lost_at >= now() - c_longest_hold and (
        select true from public.webhook_deliveries delivery
        where delivery.event_id = content.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null
        limit 1) is not null as needed
    from private.report_contents content
    where content.lost_at < now() - make_interval(days => p_payload_days)
      and (content.lost_at, content.event_id) > ((v_after #>> '{payloads,at}')::timestamptz, v_after #>> '{payloads,id}')
    order by content.lost_at, content.event_id
    limit p_limit) range;
  foreach v_event_id in array v_payloads.ids loop
    v_erased := v_erased + private.forget_event(v_event_id)::int;
  end loop;
  select coalesce(array_agg(job_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', completed_at, 'id', job_id) order by completed_at, job_id))[p_limit] as last
  into v_finished
  from (
    select job.job_id, job.completed_at,
      -- Of a job that ended without an event nothing else would say how its report stands.
      (job.event_id is null and job.status <> 'cancelled' and job.report_id is not null and job.erased_at is null)
      or (select true from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id
          -- Of an erased one without an effect the report is gone.
          and (event.effect is null and event.erased_at is null
            or delivery.status not in ('success', 'superseded', 'cancelled')
              and private.is_closed(delivery.dead_reason) is not true)
        limit 1) is not null as needed
    from private.job_runs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      and (job.completed_at, job.job_id) > ((v_after #>> '{jobs,at}')::timestamptz, v_after #>> '{jobs,id}')
    order by job.completed_at, job.job_id
    limit p_limit) range;
  select coalesce(array_agg(job_id), '{}') into v_jobs from (
    select job_id from private.job_runs where job_id = any (v_finished.ids) for update skip locked) expired;
  -- Whoever writes a row of report_jobs waits in guard_job() for the job: this skips the row instead of waiting for it, and
  -- leaves both for the next time.
  select coalesce(array_agg(job_id), '{}') into v_shown from (
    select job_id from public.report_jobs where job_id = any (v_jobs) for update skip locked) shown;
  delete from public.report_jobs
  -- Rows that the platform wrote are the platform's to remove.
  where job_id in (select job_id from private.job_runs where job_id = any (v_shown) and caller <> 'platform');
  delete from private.job_runs job
  where job_id = any (v_jobs)
    and (job_id = any (v_shown) or not exists (select from public.report_jobs shown where shown.job_id = job.job_id));
  get diagnostics v_pruned = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object(
    'audit', v_audit_pruned, 'refusals', v_refusals, 'payloads', v_erased, 'jobs', v_pruned,
    'after', case when v_refusals = p_limit or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Returns {audit, refusals, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb) to service_role;

-- supabase/sql/observe/record_ping.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_ping(p_ping_id text)
returns jsonb
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  select jsonb_build_object('pings', ping.beats, 'database_time', private.iso_time(ping.last_at))
  from private.record_heartbeat('ping', p_ping_id) ping
$$;

comment on function public.record_ping(text) is
  'Counts a verified ping, and changes nothing else. Returns how many pings came so far, and the time of the database.';
revoke all on function public.record_ping(text) from public, anon, authenticated, service_role;
grant execute on function public.record_ping(text) to service_role;

-- supabase/sql/observe/record_sweep.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_sweep(p_sweep_id text)
returns bigint
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  select beats from private.record_heartbeat('sweep', p_sweep_id)
$$;

comment on function public.record_sweep(text) is
  'Counts a sweep that the cron asked for, so that the health check can say whether the cron works. Returns how many came so far.';
revoke all on function public.record_sweep(text) from public, anon, authenticated, service_role;
grant execute on function public.record_sweep(text) to service_role;

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
    insert into public.webhook_refusals as refusals (minute, requests) values (date_trunc('minute', now()), 1)
    on conflict (minute) do update set requests = refusals.requests + 1
    returning requests into v_requests;
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
    p_body_bytes => (p_request ->> 'body_bytes')::int, p_duration_ms => (p_request ->> 'elapsed_ms')::numeric);
  return true;
end
$$;

comment on function public.record_webhook_request(jsonb, boolean, int) is
  'Audits a request that applied nothing, without its body. p_request.id, minted by the endpoint, recognises a repeated call. False: over the cap of this minute, so that it was only counted.';
revoke all on function public.record_webhook_request(jsonb, boolean, int) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_request(jsonb, boolean, int) to service_role;

-- supabase/sql/observe/roll_up_webhooks.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.roll_up_webhooks(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_quarter constant interval := '15 minutes';
  -- created_at is when a transaction began: one that takes longer than this would be left out of the figures, not of the
  -- audit. The REST layer gives up after seconds.
  c_margin constant interval := '5 minutes';
  -- Of each length; twice what a window shows.
  c_slots_kept constant int := 192;
  v_until timestamptz;
  v_quarter timestamptz;
  v_quarters int := 0;
  v_minutes int;
  v_slot timestamptz;
begin
  select rolled_up_until into v_until from public.webhook_roll_up where only_row for update skip locked;
  if not found then
    -- Another sweep is counting.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin;
    foreach v_minutes in array '{15,120}'::int[] loop
      v_slot := date_bin(make_interval(mins => v_minutes), v_quarter, 'epoch');
      insert into public.webhook_counts as kept (slot_minutes, slot, direction, endpoint_id, report_type, outcome, requests)
      select v_minutes, v_slot, direction, endpoint_id, report_type, outcome, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, endpoint_id, report_type, outcome
      on conflict (slot_minutes, slot, direction, endpoint_id, report_type, outcome)
        do update set requests = kept.requests + excluded.requests;
      insert into public.webhook_latencies as kept (slot_minutes, slot, direction, endpoint_id, bucket, requests)
      select v_minutes, v_slot, direction, endpoint_id, bucket, count(*)
      from private.webhook_measures
      where created_at >= v_quarter and created_at < v_quarter + c_quarter and bucket is not null
      group by direction, endpoint_id, bucket
      on conflict (slot_minutes, slot, direction, endpoint_id, bucket)
        do update set requests = kept.requests + excluded.requests;
    end loop;
    v_until := v_quarter + c_quarter;
    v_quarters := v_quarters + 1;
  end loop;
  if v_quarters > 0 then
    update public.webhook_roll_up set rolled_up_until = v_until where only_row;
  end if;
  foreach v_minutes in array '{15,120}'::int[] loop
    v_slot := now() - make_interval(mins => v_minutes * c_slots_kept);
    delete from public.webhook_counts where slot_minutes = v_minutes and slot < v_slot;
    delete from public.webhook_latencies where slot_minutes = v_minutes and slot < v_slot;
  end loop;
  return v_quarters;
end
$$;

comment on function public.roll_up_webhooks(int) is
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and removes counts that no window shows any more. Returns how many quarters.';
revoke all on function public.roll_up_webhooks(int) from public, anon, authenticated, service_role;
grant execute on function public.roll_up_webhooks(int) to service_role;

-- supabase/sql/observe/update_webhook_status.sql
-- Definer rights: the platform's functions call it with the service key, which has no rights on our functions.
create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}',
  increment_attempts boolean default true)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type text;
  v_exists boolean;
begin
  select report_type into v_type from public.report_types type where type.table_name = update_webhook_status.table_name;
  -- A push registers the first version's tables one by one, after this function.
  if v_type is null and table_name not in ('greeting_reports', 'org_reports', 'requirement_reports') then
    raise exception 'no table of reports: %', table_name using errcode = 'undefined_table';
  end if;
  execute format('select true from public.%I where id = $1', table_name) into v_exists using record_id;
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'reported', p_report_type => v_type, p_report_id => record_id,
    p_payload => jsonb_build_object('endpoint', 'update_webhook_status', 'status', new_status),
    -- Content of a report that was deleted is not kept.
    p_response_body => case when v_exists then response_data end, p_attempt_number => increment_attempts::int);
end
$$;

comment on function public.update_webhook_status(text, uuid, text, jsonb, boolean) is
  'What the platform''s functions report of a webhook of theirs. It is audited and moves no delivery: webhook columns are the state of our own deliveries.';
revoke all on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;

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
          content.research_metadata, content.final_data, event.error)::private.incoming_result)
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

-- supabase/sql/console/event_timeline.sql
create or replace function public.event_timeline(p_event_id text)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_audit_rows constant int := 200;
  v_event public.report_events;
  v_job jsonb;
  v_delivery jsonb;
  v_audit jsonb;
  v_steps jsonb;
begin
  perform private.require_operator();
  select * into v_event from public.report_events where id = p_event_id;
  select to_jsonb(job) into v_job from private.job_rows job where job_id = v_event.job_id;
  select to_jsonb(delivery) || jsonb_build_object('id', id::text) into v_delivery
  from private.delivery_rows delivery
  where event_id = p_event_id
  order by delivery.endpoint_id = private.internal_endpoint(v_event.stage) desc, id
  limit 1;
  select jsonb_agg(jsonb_build_object('at', created_at, 'audit_id', id) || case
    when outcome = 'redriven' then jsonb_build_object('kind', 'redriven', 'actor', actor)
    when request_payload ->> 'endpoint' = 'retry' then jsonb_build_object(
      'kind', 'retried', 'actor', actor, 'outcome', outcome, 'response_status', response_status, 'duration_ms', duration_ms,
      'error', error_message)
    else jsonb_build_object(
        'outcome', outcome, 'response_status', response_status, 'duration_ms', duration_ms, 'error', error_message)
      || case direction when 'out' then jsonb_build_object('kind', 'attempt', 'attempt_number', attempt_number)
        else jsonb_build_object('kind', 'request', 'body_bytes', body_bytes) end
    end)
  into v_audit
  from (
    select * from public.webhook_audit where event_id = p_event_id order by created_at desc limit c_audit_rows + 1) newest;
  if v_event.id is null and v_audit is null then
    return null;
  end if;

  select jsonb_agg(step order by (step ->> 'at')::timestamptz, place) into v_steps
  from (
    select 1, jsonb_build_object(
      'kind', 'job_requested', 'at', v_job -> 'created_at', 'job_id', v_job -> 'job_id', 'caller', v_job -> 'caller')
    where v_job is not null
    union all
    select 2, jsonb_build_object('kind', 'job_started', 'at', v_job -> 'started_at', 'take_overs', v_job -> 'take_overs')
    where v_job ->> 'started_at' is not null
    union all
    select 3, jsonb_build_object('kind', 'event_committed', 'at', v_event.created_at, 'type', v_event.type,
      'digest', v_event.digest)
    where v_event.id is not null
    union all
    select 4, jsonb_build_object(
      'kind', 'job_finished', 'at', v_job -> 'completed_at', 'status', v_job -> 'status', 'error', v_job -> 'error')
    where v_job ->> 'completed_at' is not null
    union all
    select 5, step from jsonb_array_elements(v_audit - c_audit_rows) audited (step)
    union all
    select 6, jsonb_build_object(
      'kind', 'effect', 'at', v_event.applied_at, 'effect', v_event.effect, 'channel', v_event.channel,
      -- As take_effect() decides it; notifications themselves are their owner's.
      'notified', v_event.effect = 'applied' and v_event.status = 'completed' and v_event.stage = 'final'
        and v_event.channel in ('webhook', 'direct'))
    where v_event.effect is not null
    union all
    select 7, jsonb_build_object('kind', 'dead_letter', 'at', v_delivery -> 'dead_at', 'dead_reason', v_delivery -> 'dead_reason')
    where v_delivery ->> 'dead_at' is not null
    union all
    select 8, jsonb_build_object('kind', 'next_attempt', 'at', v_delivery -> 'next_attempt')
    where v_delivery ->> 'next_attempt' is not null and v_delivery ->> 'dead_at' is null
  ) steps (place, step);
  return jsonb_build_object(
    'event', case when v_event.id is not null then to_jsonb(v_event) end,
    'job', v_job, 'delivery', v_delivery, 'steps', v_steps,
    'truncated', coalesce(jsonb_array_length(v_audit) > c_audit_rows, false));
end
$$;

comment on function public.event_timeline(text) is
  'What happened to an event, oldest first, and what comes next: {event, job, delivery, steps, truncated}. Null: nobody ever named this id.';
revoke all on function public.event_timeline(text) from public, anon, authenticated, service_role;
grant execute on function public.event_timeline(text) to authenticated;

-- supabase/sql/console/list_open_deliveries.sql
create or replace function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null, p_after timestamptz default null,
  p_before timestamptz default null, p_limit int default 50, p_cursor_at timestamptz default null,
  p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status not in ('success', 'superseded', 'cancelled')$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(lower(error), lower($5)) > 0' end,
    case when p_after is not null then v_time || ' >= $6' end,
    case when p_before is not null then v_time || ' < $7' end);
  v_rows jsonb;
  v_count int;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) || jsonb_build_object(''id'', id::text) order by %1$s desc, id desc) from (
       select * from private.delivery_rows where %2$s %3$s order by %1$s desc, id desc limit $8 + 1) page',
    v_time, v_where,
    case when p_cursor_at is not null then format('and (%s, id) < ($9, $10::bigint)', v_time) end)
  into v_rows
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  execute format('select count(*) from (select from private.delivery_rows where %s limit $8 + 1) counted', v_where)
  into v_count
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, c_counted;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object(
    'total', jsonb_build_object('count', least(v_count, c_counted), 'capped', v_count > c_counted));
end
$$;

comment on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as redrive_deliveries() matches them.';
revoke all on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_report_jobs.sql
create or replace function public.list_report_jobs(
  p_scope text default 'mine', p_report_type text default null, p_report_id uuid default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_report_id is not null then 'report_id = $2 and report_type = $3' end,
    case when p_cursor_at is not null then '(created_at, id) < ($4, $5)' end);
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.job_rows where %s order by created_at desc, id desc limit $1 + 1) page', v_where)
  into v_rows using p_limit, p_report_id, p_report_type, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) is
  'Jobs without prompt and result, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_reports.sql
create or replace function public.list_reports(
  p_scope text default 'mine', p_report_type text default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    -- Row level security hides the reports of others; this condition lets an index find one's own.
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_cursor_at is not null then '(created_at, id) < ($2, $3::uuid)' end);
  -- The title is the first member that may name what the report is about, else the first text. Reading the members at once
  -- decompresses a long intake once, not once for each of them.
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id,
          left(coalesce(
            (select coalesce(full_name, requirement_title, title, name, organisation_name)
              from jsonb_to_record(case when jsonb_typeof(user_data) = ''object'' then user_data end)
                as named (full_name text, requirement_title text, title text, name text, organisation_name text)),
            jsonb_path_query_first(user_data, ''strict $.* ? (@ like_regex "\\S")'', ''{}'', true) #>> ''{}''), 300) as title,
          stage, research_status, webhook_status, webhook_attempts,
          webhook_last_attempt, webhook_job_id, created_at, updated_at
        from public.%I where %s order by created_at desc, id desc limit $1 + 1)',
      report_type, table_name, v_where), ' union all ')
    from public.report_types where p_report_type is null or report_type = p_report_type);
  v_rows jsonb;
begin
  if v_query is not null then
    execute format(
      'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
         select * from (%s) every order by created_at desc, id desc limit $1 + 1) page', v_query)
    into v_rows using p_limit, p_cursor_at, p_cursor_id;
  end if;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_reports(text, text, int, timestamptz, text) is
  'Reports without their content, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_reports(text, text, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_reports(text, text, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_webhook_audit.sql
create or replace function public.list_webhook_audit(
  p_search text default null, p_outcome text default null, p_direction text default null,
  p_response_status text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case
      when p_search ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then '(event_id = $1 or job_id = $1 or report_id = $1::uuid)'
      when p_search is not null then '(event_id = $1 or job_id = $1)'
    end,
    case when p_outcome is not null then 'outcome = $2' end,
    case when p_direction is not null then 'direction = $3' end,
    case when p_response_status = 'none' then 'response_status is null'
      when p_response_status is not null then 'response_status = $4::int' end,
    case when p_after is not null then 'created_at >= $5' end,
    case when p_before is not null then 'created_at < $6' end,
    case when p_cursor_at is not null then '(created_at, id) < ($8, $9::uuid)' end);
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.audit_rows where %s order by created_at desc, id desc limit $7 + 1) page', v_where)
  into v_rows
  using p_search, p_outcome, p_direction, p_response_status, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'The audit log, newest first. p_search is the whole id of a report, a job or an event; p_response_status is a number or none.';
revoke all on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

-- supabase/sql/console/report_results.sql
-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.report_results(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_owner uuid;
begin
  if private.report_table(p_report_type) is null then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(p_report_type))
  into v_owner using p_report_id;
  if v_owner is null or v_owner is distinct from (select auth.uid()) and not private.is_operator() then
    return null;
  end if;
  return (
    select coalesce(jsonb_agg(newest order by newest.stage desc), '[]')
    from unnest('{prelim,final}'::text[]) stages (stage)
    cross join lateral (
      select event.stage, event.job_id, event.requested_at, content.research_report
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      where event.report_id = p_report_id and event.report_type = p_report_type and event.stage = stages.stage
        and event.status = 'completed' and event.type <> 'report.owner.edited'
      order by event.requested_at desc, event.id collate "C" desc
      limit 1) newest);
end
$$;

comment on function public.report_results(text, uuid) is
  'The newest completed result of each stage, prelim first, to compare them. Null: there is no such report that the caller may see.';
revoke all on function public.report_results(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_results(text, uuid) to authenticated;

-- supabase/sql/console/report_webhook_status.sql
create or replace function public.report_webhook_status(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_table text := (select table_name from public.report_types where report_type = p_report_type);
  v_report jsonb;
begin
  if v_table is null then
    return null;
  end if;
  execute format(
    'select jsonb_build_object(
       ''report_type'', $1, ''report_id'', id, ''research_status'', research_status, ''stage'', stage,
       ''winner_event_id'', winner_event_id, ''webhook_status'', webhook_status, ''webhook_attempts'', webhook_attempts,
       ''webhook_last_attempt'', webhook_last_attempt, ''webhook_response'', webhook_response,
       ''webhook_job_id'', webhook_job_id, ''updated_at'', updated_at)
     from public.%I where id = $2', v_table)
  into v_report using p_report_type, p_report_id;
  return v_report || jsonb_build_object('delivery', (
    select to_jsonb(latest) from (
      select event_id, endpoint_id, status, attempts, last_attempt, next_attempt, dead_at, dead_reason,
        response ->> 'error' as error
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1) latest));
end
$$;

comment on function public.report_webhook_status(text, uuid) is
  'How a report and its webhook stand, for operators with its latest delivery. Null: there is none that the caller may see.';
revoke all on function public.report_webhook_status(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_webhook_status(text, uuid) to authenticated;

-- supabase/sql/console/webhook_statistics.sql
create or replace function public.webhook_statistics(p_window text default 'hour')
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_succeeded constant text[] := '{delivered,applied,duplicate,superseded}';
  v_bucket interval;
  v_span interval;
  v_slot_minutes int;
  v_from timestamptz;
  v_rolled timestamptz;
  -- Audit rows are read from here on; what came before is in slots. An hour is read whole: it has no slots.
  v_split timestamptz;
  v_traffic jsonb;
  v_open jsonb;
begin
  perform private.require_operator();
  case p_window
    when 'hour' then v_bucket := '1 minute'; v_span := '1 hour';
    when 'day' then v_bucket := '15 minutes'; v_span := '1 day'; v_slot_minutes := 15;
    when 'week' then v_bucket := '2 hours'; v_span := '7 days'; v_slot_minutes := 120;
    else raise exception 'p_window is hour, day or week' using errcode = 'invalid_parameter_value';
  end case;
  v_from := date_bin(v_bucket, now(), 'epoch') - v_span + v_bucket;
  select rolled_up_until into strict v_rolled from public.webhook_roll_up where only_row;
  v_split := case p_window when 'hour' then v_from else greatest(v_from, v_rolled) end;

  with fresh as materialized (
    select date_bin(v_bucket, created_at, 'epoch') as at, direction, report_type, outcome, bucket, count(*) as requests
    from private.webhook_measures where created_at >= v_split
    group by 1, 2, 3, 4, 5
  ), counts as materialized (
    select at, direction, report_type, outcome, sum(requests)::bigint as requests
    from (
      select at, direction, report_type, outcome, requests from fresh
      union all
      select slot, direction, report_type, outcome, requests
      from public.webhook_counts where slot_minutes = v_slot_minutes and slot >= v_from) parts
    group by 1, 2, 3, 4
  ), latencies as (
    -- Of each bucket of the series, and (at null) of the whole window.
    select at, direction, bucket, sum(requests::int)::int as requests
    from (
      select at, direction, bucket, requests from fresh where bucket is not null
      union all
      select slot, direction, bucket, requests
      from public.webhook_latencies where slot_minutes = v_slot_minutes and slot >= v_from) parts
    group by grouping sets ((at, direction, bucket), (direction, bucket))
  ), ranked as (
    select at, direction, bucket,
      sum(requests) over (partition by at, direction order by bucket) as up_to,
      sum(requests) over (partition by at, direction) as total
    from latencies
  ), percentiles as (
    select at, direction,
      min(bucket) filter (where up_to >= 0.50 * total) as p50,
      min(bucket) filter (where up_to >= 0.95 * total) as p95,
      min(bucket) filter (where up_to >= 0.99 * total) as p99
    from ranked group by at, direction
  ), totals as (
    select at, direction,
      sum(requests) filter (where outcome <> 'skipped')::bigint as total,
      coalesce(sum(requests) filter (where outcome = any (c_succeeded)), 0)::bigint as succeeded,
      coalesce(sum(requests) filter (where outcome = 'skipped'), 0)::bigint as skipped
    from counts group by grouping sets ((at, direction), (direction))
  ), traffic as (
    select totals.at, totals.direction,
      private.traffic(total, succeeded, p50, p95, p99)
        || case totals.direction when 'out' then jsonb_build_object('skipped', skipped) else '{}' end as figures
    from totals
    left join percentiles on percentiles.direction = totals.direction
      and coalesce(percentiles.at, '-infinity') = coalesce(totals.at, '-infinity')
  ), nothing as (
    select private.traffic(0, 0, null, null, null) as received,
      private.traffic(0, 0, null, null, null) || '{"skipped": 0}' as sent
  )
  select jsonb_build_object(
    'sent', coalesce((select figures from traffic where at is null and direction = 'out'), sent),
    'received', coalesce((select figures from traffic where at is null and direction = 'in'), received),
    'series', (
      select jsonb_agg(jsonb_build_object(
        'at', bucket.at, 'sent', coalesce(outgoing.figures, sent), 'received', coalesce(incoming.figures, received))
        order by bucket.at)
      from generate_series(v_from, now(), v_bucket) bucket (at)
      left join traffic outgoing on outgoing.at = bucket.at and outgoing.direction = 'out'
      left join traffic incoming on incoming.at = bucket.at and incoming.direction = 'in'),
    'by_outcome', (
      select coalesce(jsonb_agg(to_jsonb(summed) order by direction desc, count desc, outcome), '[]')
      from (select direction, outcome, sum(requests)::bigint as count from counts group by 1, 2) summed),
    'attempts', (
      select coalesce(jsonb_object_agg(report_type, private.traffic(total, succeeded, null, null, null)), '{}')
      from (
        select report_type, sum(requests)::bigint as total,
          coalesce(sum(requests) filter (where outcome = 'delivered'), 0)::bigint as succeeded
        from counts where direction = 'out' and outcome <> 'skipped' and report_type is not null
        group by 1) attempted))
  into v_traffic from nothing;

  select jsonb_object_agg(report_type, to_jsonb(open) - 'report_type') into v_open
  from (
    select report_type,
      count(*) filter (where dead_at is null) as waiting,
      -- Nobody can do anything about those that are closed.
      count(*) filter (where dead_at is not null and not private.is_closed(dead_reason)) as dead,
      count(*) filter (where status = 'pending') as pending,
      count(*) filter (where status = 'sent') as sent,
      count(*) filter (where status = 'retrying') as retrying,
      count(*) filter (where status = 'failed' and dead_at is null) as failed,
      count(*) filter (where dead_at is null and next_attempt <= now()
        and (lease_expires_at is null or lease_expires_at < now())) as due,
      min(created_at) filter (where dead_at is null) as oldest
    from public.webhook_deliveries where status not in ('success', 'superseded', 'cancelled')
    group by report_type) open;

  return (
    select jsonb_build_object(
      'window', p_window, 'as_of', now(), 'from', v_from, 'bucket_seconds', extract(epoch from v_bucket)::int,
      'rolled_up_until', nullif(v_rolled, '-infinity'),
      'by_status', jsonb_build_object(
        'pending', coalesce(sum(pending), 0), 'sent', coalesce(sum(open.sent), 0),
        'retrying', coalesce(sum(retrying), 0), 'failed', coalesce(sum(open.failed), 0),
        'dead', coalesce(sum(dead), 0), 'success', v_traffic -> 'sent' -> 'succeeded'),
      'queue', jsonb_build_object(
        'depth', coalesce(sum(waiting), 0), 'due', coalesce(sum(due), 0), 'oldest_waiting', min(oldest)),
      'by_report_type', jsonb_agg(jsonb_build_object(
        'report_type', type.report_type, 'waiting', coalesce(waiting, 0), 'dead', coalesce(dead, 0))
        || (coalesce(v_traffic -> 'attempts' -> type.report_type, private.traffic(0, 0, null, null, null))
          - '{p50_ms,p95_ms,p99_ms}'::text[]) order by type.report_type),
      'circuits', (
        select jsonb_agg(jsonb_build_object(
          'endpoint_id', endpoint_id, 'opened_at', opened_at, 'probe_after', probe_after,
          'state', case when opened_at is null then 'closed' when probe_after > now() then 'open' else 'half_open' end)
          order by endpoint_id desc)
        from public.webhook_circuits))
      || (v_traffic - 'attempts')
    from public.report_types type
    left join lateral jsonb_to_record(v_open -> type.report_type) as open (
      waiting bigint, dead bigint, pending bigint, sent bigint, retrying bigint, failed bigint, due bigint,
      oldest timestamptz) on true);
end
$$;

comment on function public.webhook_statistics(text) is
  'How webhooks fared in the last hour, day or week, in buckets of a minute, a quarter of an hour or two hours, and what waits now. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
revoke all on function public.webhook_statistics(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_statistics(text) to authenticated;
