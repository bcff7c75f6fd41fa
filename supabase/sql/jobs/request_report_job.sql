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
  -- Digest of the request as received, so that it is recognised even if the deployment later offers other models. It is the
  -- text of one array, as released versions hashed it. Building the array with the metadata would copy it, which takes as
  -- long as parsing it.
  v_digest text := encode(sha256(convert_to(rtrim(jsonb_build_array(
    p_report_type, p_report_id, p_stage, p_prompt, p_generate, p_model, p_temperature, p_max_tokens, p_summary_id)::text, ']')
    || ', ' || v_metadata::text || ']', 'UTF8')), 'hex');
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
  if v_job.job_id is null and p_report_type is not null then
    v_owner := private.lock_report(p_report_type, p_report_id, p_summary_id);
    -- An earlier call of the same request, or the report's deletion, may have held the lock until now.
    select * into v_job from private.job_runs where caller = p_caller and caller_key = p_idempotency_key;
    v_is_new := v_job.job_id is null;
  end if;
  if v_job.job_id is null then
    if p_report_type is not null then
      if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
        return '{"outcome": "report_not_found"}';
      end if;
      if p_once_per_report then
        -- Under the report's lock: of simultaneous requests one creates the job, and the others find it here.
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
      -- A token is valid for up to an hour after its account was deleted.
      if not private.has_account(p_caller::uuid) then
        return '{"outcome": "unauthorized"}';
      end if;
      -- One request at a time per user: otherwise simultaneous requests would all count the same jobs. There is no such lock
      -- across users, since one stuck request would stop all others; so simultaneous requests may exceed the project's budget
      -- by their number.
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
      if p_caller <> 'pipeline' or p_report_id is not null then
        -- The lock of the user or the report serialises requests, so none waits for the bucket. The pipeline acts for many
        -- people: it is limited only per report, so that it cannot fill one report with jobs, each of which becomes an event.
        v_asked := private.ask_limit(
          case when p_caller = 'pipeline' then 'report' else 'job' end,
          case when p_caller = 'pipeline' then p_report_type || ':' || p_report_id else p_caller end, true);
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
      -- Without the caller's prompt, metadata and key, which the owner must not read, and without an expiry, by which the
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
