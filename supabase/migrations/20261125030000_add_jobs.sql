-- Why: owners and the platform's servers can write every column of report_jobs. What decides about a job of ours therefore
-- stands in a table that only our functions can write; report_jobs shows its progress to the platform's clients.

create table private.job_runs (
  job_id text primary key,
  report_type text references public.report_types (report_type),
  report_id uuid,
  stage text
    constraint job_stage_is_known check (stage in ('prelim', 'final')),
  user_id uuid,
  summary_id uuid,
  caller text not null,
  caller_key text,
  request_digest text,
  prompt text,
  model text,
  temperature numeric(3, 2),
  max_tokens int,
  metadata jsonb not null default '{}',
  generate boolean not null default true,
  status text not null default 'queued'
    constraint job_status_is_known check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  percent int not null default 0
    constraint job_percent_is_a_percentage check (percent between 0 and 100),
  eta_seconds int,
  error text,
  lease_token bigint not null default 0,
  lease_expires_at timestamptz,
  claim_id uuid,
  take_overs int not null default 0,
  deadline timestamptz not null default now() + interval '7 days',
  event_id text references public.report_events (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  constraint job_names_its_report_whole check (num_nulls(report_type, report_id, stage) in (0, 3)),
  constraint job_is_finished_with_a_time check ((status in ('queued', 'running')) = (completed_at is null)),
  constraint finished_job_has_no_lease check (status in ('queued', 'running') or lease_expires_at is null),
  -- Without a time to end its lease, no sweep would ever take it over.
  constraint unfinished_job_that_generates_has_a_lease check (
    not generate or status not in ('queued', 'running') or lease_expires_at is not null),
  constraint unfinished_job_has_no_event check (status in ('succeeded', 'failed') or event_id is null)
);
create unique index job_runs_caller_key on private.job_runs (caller, caller_key) where caller_key is not null;
create unique index job_runs_event on private.job_runs (event_id) where event_id is not null;
create index job_runs_created_at on private.job_runs (created_at desc, job_id desc);
create index job_runs_owner on private.job_runs (user_id, created_at desc, job_id desc);
create index job_runs_report on private.job_runs (report_id, report_type, created_at desc);
create index job_runs_lease on private.job_runs (lease_expires_at) where status in ('queued', 'running') and generate;
create index job_runs_deadline on private.job_runs (deadline) where status in ('queued', 'running') and not generate;
create index job_runs_unfinished_by_caller on private.job_runs (caller) where status in ('queued', 'running');
create index job_runs_finished on private.job_runs (completed_at) where status in ('succeeded', 'failed', 'cancelled');

-- Generated from supabase/sql/jobs: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/jobs/cancel_job.sql
create or replace function private.cancel_job(p_job_id text)
returns private.job_runs
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  perform private.lock_report(v_job.report_type, v_job.report_id) where v_job.report_type is not null;
  update private.job_runs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, eta_seconds = null,
    completed_at = now(), updated_at = now()
  where job_id = p_job_id and status in ('queued', 'running');
  if found and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  select * into v_job from private.job_runs where job_id = p_job_id;
  return v_job;
end
$$;

comment on function private.cancel_job(text) is
  'Cancels a job that is not finished. Returns the job as it then stands.';
revoke all on function private.cancel_job(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/cancel_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_report_job(p_job_id text, p_caller text)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
language plpgsql volatile security definer set search_path = '' as $$
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
  v_owner := private.lock_report(v_job.report_type, v_job.report_id);
  if v_owner is null or not private.job_serves(v_job, v_owner) then
    return '{"outcome": "report_not_found"}';
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
  if v_job.event_id is not null then
    select * into v_event from public.report_events where id = v_job.event_id;
    if v_event.digest <> private.content_digest(v_result) then
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
  'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent. Returns {outcome, delivery}; without a delivery there is nothing to send. Without a lease token whoever holds the lease loses it.';
revoke all on function public.complete_report_job(text, text, int, bigint, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.complete_report_job(text, text, int, bigint, text, text, text, text) to service_role;

-- supabase/sql/jobs/due_report_jobs.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.due_report_jobs(p_limit int)
returns setof text
language sql stable security definer set search_path = '' as $$
  select job_id from private.due_jobs order by due_at limit p_limit
$$;

comment on function public.due_report_jobs(int) is
  'Jobs to be taken over or given up, longest due first.';
revoke all on function public.due_report_jobs(int) from public, anon, authenticated, service_role;
grant execute on function public.due_report_jobs(int) to service_role;

-- supabase/sql/jobs/fit_result.sql
create or replace function private.fit_result(p_result private.incoming_result)
returns private.incoming_result
language plpgsql stable set search_path = '' as $$
declare
  c_limit_kb constant int := 900;
  -- An escape of JSON has at most six bytes for one.
  c_escaped constant int := 6;
  v_metadata int := coalesce(octet_length(p_result.research_metadata::text), 0)
    + coalesce(octet_length(p_result.final_data::text), 0);
  v_text int := coalesce(octet_length(p_result.research_report), 0) + coalesce(octet_length(p_result.error), 0);
  v_bytes int;
begin
  if v_text * c_escaped + v_metadata <= c_limit_kb * 1024 then
    return p_result;
  end if;
  v_bytes := v_metadata + coalesce(octet_length(to_json(p_result.research_report)::text), 0)
    + coalesce(octet_length(to_json(p_result.error)::text), 0);
  if v_bytes > c_limit_kb * 1024 then
    p_result.type := format('report.%s.failed', p_result.stage);
    p_result.research_report := null;
    p_result.research_metadata := null;
    p_result.final_data := null;
    p_result.error := format('The result is %s KB; the limit is %s KB.', ceil(v_bytes / 1024.0), c_limit_kb);
  end if;
  return p_result;
end
$$;

comment on function private.fit_result(private.incoming_result) is
  'A result of more than 900 KB as JSON becomes a failure that says so: with its envelope it would not fit into the 1 MiB that an endpoint reads, and its delivery would fail for days.';
revoke all on function private.fit_result(private.incoming_result) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/get_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.get_report_job(p_job_id text, p_caller text)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select private.job_view(job) from private.job_for_caller(p_job_id, p_caller) job where job.job_id is not null
$$;

comment on function public.get_report_job(text, text) is
  'A job as GET answers it. Null: there is none that the caller may see.';
revoke all on function public.get_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.get_report_job(text, text) to service_role;

-- supabase/sql/jobs/guard_job.sql
-- Definer rights: an owner's statement fires it, and owners may not write job_runs.
create or replace function private.guard_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_job private.job_runs;
  v_may_cancel boolean;
  v_is_cancelled boolean;
begin
  if tg_op = 'INSERT' or new.job_id is distinct from old.job_id then
    if exists (select from private.job_runs where job_id = new.job_id) then
      -- Otherwise the row of somebody else would show this job's progress.
      raise exception 'this job id is in use' using errcode = 'unique_violation';
    end if;
  end if;
  if tg_op = 'INSERT' then
    return new;
  end if;
  select * into v_job from private.job_runs where job_id = old.job_id;
  if v_job.job_id is null then
    return case tg_op when 'DELETE' then old else new end;
  end if;
  v_may_cancel := current_setting('role', true) <> 'authenticated' or v_job.user_id = (select auth.uid());
  v_is_cancelled := v_may_cancel and (tg_op = 'DELETE' or new.status = 'cancelled');
  -- A finished job does not change any more, so that nothing is locked for it: statements about many rows would take the locks
  -- of many reports.
  if v_job.status in ('queued', 'running') then
    if v_is_cancelled then
      v_job := private.cancel_job(old.job_id);
    else
      -- Waits for who changes it now and passed over the row of report_jobs, which this statement holds: see show_job().
      select * into v_job from private.job_runs where job_id = old.job_id for share;
    end if;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  new := old;
  new.status := v_job.status;
  new.percent := v_job.percent;
  new.eta_seconds := v_job.eta_seconds;
  new.error := v_job.error;
  new.started_at := v_job.started_at;
  new.completed_at := v_job.completed_at;
  new.updated_at := v_job.updated_at;
  return new;
end
$$;

comment on function private.guard_job() is
  'What others write into a row of report_jobs that shows a job of ours has no effect, but for a cancellation by its owner.';
revoke all on function private.guard_job() from public, anon, authenticated, service_role;

-- supabase/sql/jobs/job_for_caller.sql
create or replace function private.job_for_caller(p_job_id text, p_caller text)
returns private.job_runs
language sql stable set search_path = '' as $$
  select * from private.job_runs
  where job_id = p_job_id and (p_caller = 'pipeline' or user_id::text = p_caller or caller = p_caller)
$$;

comment on function private.job_for_caller(text, text) is
  'The job, if the caller may see it: the pipeline sees all, a user their own.';
revoke all on function private.job_for_caller(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/job_serves.sql
create or replace function private.job_serves(p_job private.job_runs, p_owner uuid)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_job.caller in ('pipeline', 'platform') or p_job.caller = p_owner::text;
end
$$;

comment on function private.job_serves(private.job_runs, uuid) is
  'Whether a job may still write into a report of this owner: a job of a user serves only a report of that user.';
revoke all on function private.job_serves(private.job_runs, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/job_view.sql
create or replace function private.job_view(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'job_id', p_job.job_id,
      'report_type', p_job.report_type,
      'report_id', p_job.report_id,
      'stage', p_job.stage,
      'status', p_job.status,
      'percent', p_job.percent,
      'eta_seconds', p_job.eta_seconds,
      'result', content.research_report,
      'error', p_job.error,
      'webhook', jsonb_build_object(
        'status', delivery.status,
        'attempts', coalesce(delivery.attempts, 0),
        'last_attempt', delivery.last_attempt))
    from (select 1) always
    left join private.report_contents content on content.event_id = p_job.event_id
    left join public.webhook_deliveries delivery
      on delivery.event_id = p_job.event_id and delivery.endpoint_id = private.internal_endpoint(p_job.stage)
        and delivery.plan = 0);
end
$$;

comment on function private.job_view(private.job_runs) is
  'A job as GET answers it.';
revoke all on function private.job_view(private.job_runs) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/report_job_progress.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.report_job_progress(
  p_job_id text, p_lease_token bigint, p_percent int, p_lease_seconds int, p_eta_seconds int default null)
returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    return false;
  elsif v_job.status = 'queued' and private.lock_report(v_job.report_type, v_job.report_id) is null then
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
  if v_job.status = 'queued' then
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
  p_job_id text, p_caller text, p_report_type text, p_report_id uuid, p_stage text, p_prompt text,
  p_generate boolean, p_lease_seconds int, p_quota int, p_idempotency_key text default null,
  p_model text default null, p_temperature numeric default null, p_max_tokens int default null,
  p_summary_id uuid default null, p_metadata text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_metadata jsonb := coalesce(nullif(p_metadata::jsonb, 'null'), '{}');
  v_digest text := encode(sha256(convert_to(jsonb_build_array(
    p_report_type, p_report_id, p_stage, p_prompt, p_generate, p_model, p_temperature, p_max_tokens, p_summary_id,
    v_metadata)::text, 'UTF8')), 'hex');
  v_owner uuid;
  v_stage text;
  v_job private.job_runs;
  v_is_new boolean := true;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    v_is_new := v_job.job_id is null;
  end if;
  if v_job.job_id is null then
    v_owner := private.lock_report(p_report_type, p_report_id, p_summary_id);
    if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
      return '{"outcome": "report_not_found"}';
    end if;
    -- While this call waited for the lock, the one that it repeats may have created the job.
    select * into v_job from private.job_runs where job_id = p_job_id;
  end if;
  if v_job.job_id is null then
    execute format('select stage from public.%I where id = $1', private.report_table(p_report_type))
    into v_stage using p_report_id;
    if p_stage = 'prelim' and v_stage = 'final' then
      return '{"outcome": "final_exists"}';
    end if;
    if p_caller <> 'pipeline' then
      -- One at a time for each user: otherwise simultaneous requests would all count the same unfinished jobs.
      perform pg_advisory_xact_lock(hashtextextended('quota ' || p_caller, 0));
      if (select count(*) from private.job_runs where caller = p_caller and status in ('queued', 'running')) >= p_quota
        and not exists (select from private.job_runs where caller = p_caller and caller_key = p_idempotency_key)
      then
        return '{"outcome": "quota_exceeded"}';
      end if;
    end if;
    insert into private.job_runs (
      job_id, report_type, report_id, stage, user_id, summary_id, caller, caller_key, request_digest, prompt, model,
      temperature, max_tokens, metadata, generate, lease_token, lease_expires_at)
    values (
      p_job_id, p_report_type, p_report_id, p_stage, v_owner,
      (select id from public.polaris_summaries where id = p_summary_id and user_id = v_owner),
      p_caller, p_idempotency_key, v_digest, p_prompt, p_model, p_temperature, p_max_tokens, v_metadata, p_generate, 1,
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
        v_job.job_id, v_owner, v_job.summary_id, v_job.status, p_model, p_temperature, p_max_tokens, 0,
        jsonb_build_object('report_type', p_report_type, 'report_id', p_report_id, 'stage', p_stage),
        v_job.created_at, v_job.updated_at, null);
      perform private.show_report_status(p_report_type, p_report_id);
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

comment on function public.request_report_job(text, text, text, uuid, text, text, boolean, int, int, text, text, numeric, int, uuid, text) is
  'Creates a job under its creator''s lease, or answers the one that this caller''s key has made. A repeated call is recognised by p_job_id, which the calling function mints. Returns {outcome, job, run}.';
revoke all on function public.request_report_job(text, text, text, uuid, text, text, boolean, int, int, text, text, numeric, int, uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.request_report_job(text, text, text, uuid, text, text, boolean, int, int, text, text, numeric, int, uuid, text) to service_role;

-- supabase/sql/jobs/run_context.sql
create or replace function private.run_context(p_job private.job_runs)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_report jsonb;
begin
  execute format(
    'select jsonb_build_object(''user_data'', report.user_data, ''previous_report'', report.research_report,
       ''summary'', summary.summary_content)
     from public.%I report
     left join public.polaris_summaries summary
       on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
     where report.id = $1', private.report_table(p_job.report_type))
  into v_report using p_job.report_id, p_job.summary_id;
  return coalesce(v_report, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs);
end
$$;

comment on function private.run_context(private.job_runs) is
  'What a runner needs to generate the result of a job it holds.';
revoke all on function private.run_context(private.job_runs) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/show_job.sql
create or replace function private.show_job(p_job_id text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- A row that somebody else holds is skipped, since waiting would reverse the order of locks: guard_job(), which runs in
  -- their statement, reads the state of the job once more.
  update public.report_jobs shown
  set status = job.status, percent = job.percent, eta_seconds = job.eta_seconds, error = job.error,
    started_at = job.started_at, completed_at = job.completed_at, updated_at = job.updated_at
  from private.job_runs job
  where job.job_id = p_job_id and shown.job_id in (
    select job_id from public.report_jobs where job_id = p_job_id for update skip locked);
end
$$;

comment on function private.show_job(text) is
  'Shows a job''s state in report_jobs, which the platform''s clients read. It decides nothing there.';
revoke all on function private.show_job(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/take_over_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_over_report_job(
  p_job_id text, p_lease_seconds int, p_max_take_overs int, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_error text;
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.report_type is null then
    return '{"outcome": "not_due"}';
  end if;
  v_owner := private.lock_report(v_job.report_type, v_job.report_id);
  -- Asked under both locks: while this call waited, its runner may have told of progress, another process may have taken the
  -- job, or the call that this one repeats.
  select * into v_job from private.job_runs where job_id = p_job_id for no key update;
  if v_job.claim_id = p_claim_id and not private.lease_is_free(v_job.lease_expires_at) then
    return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
  elsif not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_owner is null or not private.job_serves(v_job, v_owner) then
    perform private.cancel_job(p_job_id);
    perform private.show_job(p_job_id);
    return '{"outcome": "given_up"}';
  end if;
  v_error := case
    when not v_job.generate then 'No result was submitted before the job expired.'
    when v_job.take_overs >= p_max_take_overs then
      format('The report could not be finished: its generation was interrupted %s times.', v_job.take_overs + 1)
  end;
  if v_error is not null then
    -- Nobody sends here: the delivery is due at once.
    return case public.complete_report_job(
        p_job_id, 'failed', 0, p_lease_token => v_job.lease_token, p_error => v_error) ->> 'outcome'
      when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
  end if;
  update private.job_runs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, claim_id = p_claim_id, updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id
  returning * into v_job;
  return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
end
$$;

comment on function public.take_over_report_job(text, int, int, uuid) is
  'Takes over a job whose lease has run out, or ends it: with a failure after p_max_take_overs or past its deadline, cancelled when it serves no report any more. A repeated call is recognised by p_claim_id.';
revoke all on function public.take_over_report_job(text, int, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.take_over_report_job(text, int, int, uuid) to service_role;

-- supabase/sql/jobs/due_jobs.sql
create or replace view private.due_jobs with (security_invoker = true) as
  select job_id, case when generate then lease_expires_at else deadline end as due_at
  from private.job_runs
  where status in ('queued', 'running') and report_id is not null
    and (generate and lease_expires_at < now() or not generate and deadline < now());

comment on view private.due_jobs is
  'Jobs whose runner is silent, and jobs whose result did not come from elsewhere in time.';
revoke all on table private.due_jobs from public, anon, authenticated, service_role;

-- supabase/sql/jobs/job_rows.sql
create or replace view private.job_rows with (security_invoker = true) as
  select job_id as id, job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, error, event_id,
    take_overs, created_at, started_at, completed_at
  from private.job_runs;

comment on view private.job_rows is 'A job in a list: without prompt, metadata, keys and tokens.';
revoke all on table private.job_rows from public, anon, authenticated, service_role;
grant select on table private.job_rows to authenticated;

-- supabase/sql/jobs/job_runs.sql
comment on table private.job_runs is
  'A job of ours, whole: report_jobs only shows its progress, since owners and the platform can write there.';
comment on column private.job_runs.user_id is 'The owner of the report when the job was requested.';
comment on column private.job_runs.caller is '`pipeline`, the id of the user who asked, or `platform` for an imported job.';
comment on column private.job_runs.caller_key is 'The caller''s Idempotency-Key, unique per caller.';
comment on column private.job_runs.request_digest is 'SHA-256 of the request: the same key with another body is a conflict.';
comment on column private.job_runs.generate is 'False: the result is generated elsewhere and arrives by PATCH.';
comment on column private.job_runs.lease_token is
  'Fencing token: raised whenever another runner takes the job, and shown by every completion.';
comment on column private.job_runs.claim_id is 'Of the last take-over: a repeated call is recognised by it.';
comment on column private.job_runs.deadline is 'Until when a result from elsewhere is waited for.';
comment on column private.job_runs.event_id is 'The event that finished the job.';
alter table private.job_runs enable row level security;
revoke all on table private.job_runs from anon, authenticated, service_role;
grant select (
  job_id, report_type, report_id, user_id, caller, stage, status, percent, eta_seconds, error, event_id, take_overs,
  created_at, started_at, completed_at) on table private.job_runs to authenticated;
drop policy if exists "operators read" on private.job_runs;
create policy "operators read" on private.job_runs for select to authenticated
  using ((select private.is_operator()));
drop policy if exists "owners read" on private.job_runs;
create policy "owners read" on private.job_runs for select to authenticated
  using (user_id = (select auth.uid()));

-- supabase/sql/jobs/report_jobs.sql
drop policy if exists "operators read" on public.report_jobs;
create policy "operators read" on public.report_jobs for select to authenticated
  using ((select private.is_operator()));
-- Our own functions run as the owner of the table; everybody else's writes are guarded.
create or replace trigger guard_job before insert or update or delete on public.report_jobs
  for each row when (current_user <> 'postgres') execute function private.guard_job();
