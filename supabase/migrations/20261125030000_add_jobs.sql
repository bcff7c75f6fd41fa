-- Why: owners and the platform's servers can write every column of report_jobs. What decides about a job of ours therefore
-- stands in a table that only our functions can write; report_jobs shows its progress to the platform's clients.

select private.lock_table('report_jobs');

create table private.job_runs (
  job_id text primary key
    -- What the contract takes: no request could name another.
    constraint job_id_can_be_named check (char_length(job_id) between 1 and 200),
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
  result text,
  result_metadata jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  erased_at timestamptz,
  constraint erased_job_has_no_content check (
    erased_at is null or status in ('succeeded', 'failed', 'cancelled') and metadata = '{}'
      and num_nonnulls(caller_key, request_digest, prompt, model, error, result, result_metadata) = 0),
  constraint job_names_its_report_whole check (num_nulls(report_type, report_id, stage) in (0, 3)),
  constraint job_is_finished_with_a_time check ((status in ('queued', 'running')) = (completed_at is null)),
  constraint finished_job_has_no_lease check (status in ('queued', 'running') or lease_expires_at is null),
  -- Without a time to end its lease, no sweep would ever take it over.
  constraint unfinished_job_that_generates_has_a_lease check (
    not generate or status not in ('queued', 'running') or lease_expires_at is not null),
  constraint unfinished_job_has_no_event check (status in ('succeeded', 'failed') or event_id is null),
  constraint only_a_job_without_a_report_keeps_its_result check (report_id is null or num_nonnulls(result, result_metadata) = 0)
)
-- As for public.webhook_deliveries: each step of a job updates its row, and the sweep reads the index of unfinished jobs.
with (autovacuum_vacuum_scale_factor = 0.02);
create unique index job_runs_caller_key on private.job_runs (caller, caller_key) where caller_key is not null;
create unique index job_runs_event on private.job_runs (event_id) where event_id is not null;
create index job_runs_created_at on private.job_runs (created_at desc, job_id desc);
create index job_runs_caller on private.job_runs (caller, created_at desc);
create index job_runs_owner on private.job_runs (user_id, created_at desc, job_id desc);
create index job_runs_report on private.job_runs (report_id, report_type, created_at desc);
create index job_runs_lease on private.job_runs (lease_expires_at) where status in ('queued', 'running') and generate;
create index job_runs_deadline on private.job_runs (deadline) where status in ('queued', 'running') and not generate;
create index job_runs_unfinished_by_caller on private.job_runs (caller) where status in ('queued', 'running');
create index job_runs_finished on private.job_runs (completed_at) where status in ('succeeded', 'failed', 'cancelled');

-- Generated from supabase/sql/jobs: edited there, written by npm run db:migration.

set check_function_bodies = off;

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
    lease_token, lease_expires_at, created_at, started_at)
  values (
    new.job_id, v_named.report_type, v_named.report_id,
    case when 'final' in (new.metadata ->> 'stage', new.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    v_owner, new.summary_id, 'platform', new.prompt, new.model,
    -- As the import takes them: with others, the job could not be run or shown.
    case when new.temperature between 0 and 2 then new.temperature end, case when new.max_tokens > 0 then new.max_tokens end,
    new.status, 1, now() + interval '5 minutes', private.import_time(coalesce(new.created_at, now()), now()),
    private.import_time(new.started_at, now()))
  on conflict (job_id) do nothing;
  return null;
end
$$;

comment on function private.adopt_job() is
  'A job that the platform''s functions insert and that names a report is watched: its runner has five minutes, then a sweep takes it.';
revoke all on function private.adopt_job() from public, anon, authenticated, service_role;

-- supabase/sql/jobs/bounded_intake.sql
create or replace function private.bounded_intake(p_user_data jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  -- What a prompt takes (src/server/generation/prompt.ts), which is also what an owner may store.
  c_characters constant int := 300000;
  v_text text;
begin
  if private.has_long_number(p_user_data) then
    return null;
  end if;
  v_text := p_user_data::text;
  -- Not the whole text, which may be many megabytes. One character more says to the prompt that there was more.
  v_text := "left"(v_text, c_characters + 1);
  return case when char_length(v_text) > c_characters then to_jsonb(v_text) else p_user_data end;
end
$$;

comment on function private.bounded_intake(jsonb) is
  'A report''s user_data as a runner gets it: whole, or of more than 300,000 characters the beginning of its text. Null where a number in it could not be printed within reason. Rows from before the limit, and those of servers, may be of any size.';
revoke all on function private.bounded_intake(jsonb) from public, anon, authenticated, service_role;

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

-- supabase/sql/jobs/choose_model.sql
create or replace function private.choose_model(p_model text, p_models text[])
returns text
language sql immutable set search_path = '' as $$
  select case when p_models is null or p_model = any (p_models) then p_model else p_models[1] end
$$;

comment on function private.choose_model(text, text[]) is
  'The model that a job is generated with: the one that was asked for where the deployment offers it, else the first of p_models. Null where p_models is empty, since no model generates then; unchanged where p_models is null.';
revoke all on function private.choose_model(text, text[]) from public, anon, authenticated, service_role;

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

-- supabase/sql/jobs/forget_job.sql
create or replace function private.forget_job(p_job_id text)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_job private.job_runs;
begin
  select * into v_job from private.job_runs where job_id = p_job_id for no key update nowait;
  if v_job.erased_at is not null then
    return true;
  end if;
  update private.job_runs
  set erased_at = now(), caller_key = null, request_digest = null, prompt = null, model = null, metadata = '{}', error = null,
    result = null, result_metadata = null,
    -- Its runner finds that the job is no longer its own.
    status = case when status in ('queued', 'running') then 'cancelled' else status end,
    completed_at = coalesce(completed_at, now()), eta_seconds = null, lease_token = lease_token + 1, lease_expires_at = null,
    updated_at = now()
  where job_id = p_job_id;
  perform from public.report_jobs where job_id = p_job_id for update nowait;
  if v_job.caller = 'platform' then
    -- The row is the platform's to remove: only what we write into it is emptied.
    perform private.show_job(p_job_id);
  else
    delete from public.report_jobs where job_id = p_job_id;
  end if;
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.forget_job(text) is
  'Erases what a job was asked with and what it brought, cancels it where it is unfinished, and removes our row of report_jobs. The job itself stays until its retention ends. False: another transaction holds it.';
revoke all on function private.forget_job(text) from public, anon, authenticated, service_role;

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
    -- The order of locks; the foreign keys would take the summary first.
    perform from auth.users where id = new.user_id for key share;
    return new;
  end if;
  select * into v_job from private.job_runs where job_id = old.job_id;
  if v_job.job_id is null then
    return case tg_op when 'DELETE' then old else new end;
  end if;
  if v_job.caller = 'platform' and tg_op = 'UPDATE' and coalesce(current_setting('role', true), '') not in ('anon', 'authenticated')
  then
    -- The platform's own functions go on with the jobs that they inserted. What they report as a result is taken by the sweep,
    -- when the runner has been silent: here the job would be locked before its report.
    update private.job_runs
    set status = 'running', started_at = coalesce(started_at, now()), percent = greatest(percent, coalesce(new.percent, 0)),
      lease_expires_at = now() + interval '5 minutes', updated_at = now()
    where job_id = old.job_id and new.status = 'running' and status in ('queued', 'running');
    new.job_id := old.job_id;
    return new;
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

-- supabase/sql/jobs/is_job_id.sql
create or replace function private.is_job_id(p_job_id text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return char_length(p_job_id) between 1 and 200;
end
$$;

comment on function private.is_job_id(text) is
  'Whether the contract''s endpoints read this as the id of a job: 1 to 200 characters.';
revoke all on function private.is_job_id(text) from public, anon, authenticated, service_role;

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
language plpgsql stable set search_path = '' as $$
begin
  return p_job.caller in ('pipeline', 'platform') or p_job.caller = p_owner::text and private.has_account(p_owner);
end
$$;

comment on function private.job_serves(private.job_runs, uuid) is
  'Whether a job may still write into a report of this owner, or without a report into itself: a job of a user serves only that user, and only while the account exists.';
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
      'result', coalesce(content.research_report, p_job.result),
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

-- supabase/sql/jobs/keep_job_result.sql
create or replace function private.keep_job_result(
  p_job private.job_runs, p_result private.incoming_result, p_lease_token bigint)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_status text := case when p_result.type like '%.failed' then 'failed' else 'succeeded' end;
  v_metadata jsonb := coalesce(p_result.research_metadata, '{}') || coalesce(p_result.final_data, '{}');
begin
  if p_job.erased_at is not null then
    -- Nothing is left that this result could be compared with.
    return '{"outcome": "repeated"}';
  elsif p_job.status in ('succeeded', 'failed') then
    -- As text: jsonb takes 1.0 and 1.00 for equal, and their digits differ.
    return case when (p_job.status, p_job.result, p_job.error, p_job.result_metadata::text)
        is not distinct from (v_status, p_result.research_report, p_result.error, v_metadata::text)
      then '{"outcome": "repeated"}' else '{"outcome": "job_conflict"}' end;
  elsif p_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> p_job.lease_token then
    return '{"outcome": "lease_lost"}';
  end if;
  update private.job_runs
  set status = v_status, result = p_result.research_report, result_metadata = v_metadata, error = p_result.error,
    percent = case v_status when 'succeeded' then 100 else percent end, eta_seconds = null,
    completed_at = clock_timestamp(), updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
  where job_id = p_job.job_id;
  perform private.show_job(p_job.job_id);
  return '{"outcome": "completed"}';
end
$$;

comment on function private.keep_job_result(private.job_runs, private.incoming_result, bigint) is
  'Finishes a job without a report: its result stays in the job, without event and delivery. The caller holds the lock of the job.';
revoke all on function private.keep_job_result(private.job_runs, private.incoming_result, bigint) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/named_report.sql
create or replace function private.named_report(p_metadata jsonb, p_key text, out report_type text, out report_id uuid)
returns record
language plpgsql stable set search_path = '' as $$
declare
  v_type text := p_metadata ->> 'report_type';
  v_id text := p_metadata ->> 'report_id';
begin
  if v_type is null or v_id is null then
    v_type := split_part(p_key, ':', 1);
    v_id := split_part(p_key, ':', 2);
  end if;
  v_type := case v_type when 'organization' then 'org' when 'requirements' then 'requirement' else v_type end;
  if private.report_table(v_type) is not null and v_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    report_type := v_type;
    report_id := v_id;
  end if;
end
$$;

comment on function private.named_report(jsonb, text) is
  'The report that a job of the platform names, in its metadata or by a key of the form greeting:<report id>.';
revoke all on function private.named_report(jsonb, text) from public, anon, authenticated, service_role;

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
language plpgsql volatile security definer set search_path = '' as $$
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
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs);
end
$$;

comment on function private.run_context(private.job_runs) is
  'What a runner needs to generate the result of a job it holds. Long texts are cut to what a prompt takes.';
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

-- supabase/sql/jobs/spent_budget.sql
create or replace function private.spent_budget(p_caller text, p_user_budget int, p_project_budget int)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_day constant interval := '1 day';
  v_budget text;
  v_free_at timestamptz;
begin
  -- The budget is spent when the job that many places back was requested within the last day, and free when its day ends.
  if p_user_budget is not null and p_caller <> 'pipeline' then
    v_budget := 'user';
    select created_at + v_day into v_free_at from private.job_runs
    where caller = p_caller and created_at > now() - v_day
    order by created_at desc offset p_user_budget - 1 limit 1;
  end if;
  if p_project_budget is not null and v_free_at is null then
    v_budget := 'project';
    -- Nobody asked us for what the platform's functions or the import brought: users could insert rows of report_jobs without
    -- end, and spend the budget of all.
    select created_at + v_day into v_free_at from private.job_runs
    where created_at > now() - v_day and caller <> 'platform'
    order by created_at desc offset p_project_budget - 1 limit 1;
  end if;
  return case when v_free_at is not null then jsonb_build_object(
    'outcome', 'budget_exceeded', 'budget', v_budget,
    'retry_after_seconds', greatest(1, ceil(extract(epoch from v_free_at - now()))::int)) end;
end
$$;

comment on function private.spent_budget(text, int, int) is
  'Null while the caller may request a job; else {outcome, budget, retry_after_seconds}. Jobs of the last 24 hours count, whatever became of them. The pipeline has no budget of its own; the project''s counts the jobs of all callers but the platform''s functions.';
revoke all on function private.spent_budget(text, int, int) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/take_over_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_over_report_job(
  p_job_id text, p_lease_seconds int, p_max_take_overs int, p_claim_id uuid default null,
  p_models text[] default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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

-- supabase/sql/jobs/taken_quota.sql
create or replace function private.taken_quota(p_caller text)
returns bigint
language plpgsql stable set search_path = '' as $$
declare
  -- A runner notices within this time that its job was cancelled.
  c_cancelled constant interval := '1 minute';
begin
  return (select count(*) from private.job_runs where caller = p_caller and status in ('queued', 'running'))
    + (select count(*) from private.job_runs
      where caller = p_caller and status = 'cancelled' and completed_at > now() - c_cancelled);
end
$$;

comment on function private.taken_quota(text) is
  'How much of the quota of unfinished jobs a caller has taken. A cancelled job counts for a minute more: otherwise requesting and cancelling in turn would start runners without end.';
revoke all on function private.taken_quota(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/due_jobs.sql
create or replace view private.due_jobs with (security_invoker = true) as
  select job_id, case when generate then lease_expires_at else deadline end as due_at
  from private.job_runs
  where status in ('queued', 'running')
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
-- Before the row is locked, since guard_job() cancels under the locks of the user and the report.
create or replace trigger lock_owner before update or delete on public.report_jobs
  for each statement when (current_user in ('anon', 'authenticated')) execute function private.lock_owner();
create or replace trigger adopt_job after insert on public.report_jobs
  for each row when (current_user not in ('anon', 'authenticated', 'postgres')) execute function private.adopt_job();
