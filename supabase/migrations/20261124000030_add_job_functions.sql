-- Why: a job's request, its lease, its completion and its cancellation each change several rows that belong together.
-- Each is one function and one transaction, so that no process that dies leaves half of it.

create function private.job_view(p_job public.report_jobs) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'job_id', p_job.job_id,
    'report_type', p_job.report_type,
    'report_id', p_job.report_id,
    'stage', p_job.stage,
    'status', p_job.status,
    'percent', coalesce(p_job.percent, 0),
    'eta_seconds', p_job.eta_seconds,
    'result', coalesce(event.research_report, p_job.result),
    'error', p_job.error,
    'webhook', jsonb_build_object(
      'status', delivery.status,
      'attempts', coalesce(delivery.attempts, 0),
      'last_attempt', delivery.last_attempt))
  from (select 1) always
  left join public.report_events event on event.id = p_job.event_id
  left join public.webhook_deliveries delivery on delivery.event_id = p_job.event_id
$$;
comment on function private.job_view(public.report_jobs) is 'A job as GET answers it.';

create function private.job_for_caller(p_job_id text, p_caller text) returns public.report_jobs
language sql stable set search_path = '' as $$
  select * from public.report_jobs
  where job_id = p_job_id and (p_caller = 'pipeline' or user_id::text = p_caller or caller = p_caller)
$$;
comment on function private.job_for_caller(text, text) is 'The job, if the caller may see it: the pipeline all, a user their own.';

create function private.job_run(p_job public.report_jobs) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_run jsonb;
begin
  execute format(
    'select jsonb_build_object(''user_data'', report.user_data, ''previous_report'', report.research_report,
       ''summary'', summary.summary_content)
     from public.%I report
     left join public.polaris_summaries summary
       on summary.id = coalesce($2, report.summary_id) and summary.user_id = report.user_id
     where report.id = $1', private.report_table(p_job.report_type))
  into v_run using p_job.report_id, p_job.summary_id;
  return coalesce(v_run, '{"user_data": {}, "previous_report": null, "summary": null}')
    || jsonb_build_object(
      'job_id', p_job.job_id, 'lease_token', p_job.lease_token, 'report_type', p_job.report_type,
      'report_id', p_job.report_id, 'stage', p_job.stage, 'prompt', p_job.prompt, 'model', p_job.model,
      'temperature', p_job.temperature, 'max_tokens', p_job.max_tokens, 'take_overs', p_job.take_overs);
end $$;
comment on function private.job_run(public.report_jobs) is 'What a runner needs to generate the result of a job it holds.';

-- p_request is the body of POST; p_caller `pipeline` or a user's id. Returns `{outcome, job, run}`; outcome `created`,
-- `existing`, or the code of a refusal. `run` is there where the caller is to generate the result now.
create function public.request_report_job(
  p_request jsonb, p_caller text, p_idempotency_key text, p_lease_seconds int, p_quota int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_request jsonb := private.as_object(p_request);
  v_digest text := encode(sha256(convert_to(v_request::text, 'UTF8')), 'hex');
  v_report_type text := v_request ->> 'report_type';
  v_report_id uuid := (v_request ->> 'report_id')::uuid;
  v_owner uuid;
  v_stage text;
  v_job public.report_jobs;
begin
  select * into v_job from public.report_jobs where caller = p_caller and caller_key = p_idempotency_key;
  if v_job.id is null then
    execute format(
      'select user_id, stage from public.%I where id = $1 for no key update', private.report_table(v_report_type))
    into v_owner, v_stage using v_report_id;
    if v_owner is null or (p_caller <> 'pipeline' and v_owner::text <> p_caller) then
      return '{"outcome": "report_not_found"}';
    elsif v_request ->> 'stage' = 'prelim' and v_stage = 'final' then
      return '{"outcome": "final_exists"}';
    end if;
    if p_caller <> 'pipeline' then
      -- One at a time for each user, or simultaneous requests would all count the same unfinished jobs.
      perform pg_advisory_xact_lock(hashtextextended('quota ' || p_caller, 0));
      if (select count(*) from public.report_jobs where caller = p_caller and status in ('queued', 'running')) >= p_quota
        and not exists (select from public.report_jobs where caller = p_caller and caller_key = p_idempotency_key)
      then
        return '{"outcome": "quota_exceeded"}';
      end if;
    end if;

    insert into public.report_jobs (
      job_id, user_id, summary_id, status, model, prompt, temperature, max_tokens, percent, metadata,
      report_type, report_id, stage, caller, caller_key, request_digest, generate, lease_token, lease_expires_at)
    values (
      'job_' || replace(gen_random_uuid()::text, '-', ''), v_owner,
      (select id from public.polaris_summaries
        where id = (v_request ->> 'summary_id')::uuid and user_id = v_owner),
      'queued', v_request ->> 'model', v_request ->> 'prompt',
      (v_request ->> 'temperature')::numeric, (v_request ->> 'max_tokens')::int, 0,
      coalesce(nullif(v_request -> 'metadata', 'null'), '{}')
        || jsonb_build_object('report_type', v_report_type, 'report_id', v_report_id),
      v_report_type, v_report_id, v_request ->> 'stage', p_caller, p_idempotency_key, v_digest,
      (v_request ->> 'generate')::boolean, 1,
      case when (v_request ->> 'generate')::boolean then now() + make_interval(secs => p_lease_seconds) end)
    on conflict (caller, caller_key) where caller_key is not null do nothing
    returning * into v_job;
    if v_job.id is not null then
      perform private.show_report_status(v_report_type, v_report_id);
      return jsonb_build_object('outcome', 'created', 'job', private.job_view(v_job))
        || case when v_job.generate then jsonb_build_object('run', private.job_run(v_job)) else '{}' end;
    end if;
    select * into v_job from public.report_jobs where caller = p_caller and caller_key = p_idempotency_key;
  end if;
  if v_job.request_digest <> v_digest then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_job));
end $$;
comment on function public.request_report_job(jsonb, text, text, int, int) is
  'Creates a job under its creator''s lease, or answers the one that this caller''s key has made already.';

create function public.get_report_job(p_job_id text, p_caller text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select private.job_view(job) from private.job_for_caller(p_job_id, p_caller) job where job.id is not null
$$;
comment on function public.get_report_job(text, text) is 'A job as GET answers it; null if the caller may not see it.';

create function public.report_job_progress(
  p_job_id text, p_lease_token bigint, p_percent int, p_eta_seconds int, p_lease_seconds int) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_job public.report_jobs;
begin
  select * into v_job from public.report_jobs where job_id = p_job_id;
  if v_job.status = 'queued' and not private.lock_report(v_job.report_type, v_job.report_id) then
    return false;
  end if;
  update public.report_jobs
  set status = 'running', percent = greatest(percent, p_percent), eta_seconds = p_eta_seconds,
    started_at = coalesce(started_at, now()), updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id and lease_token = p_lease_token and status in ('queued', 'running');
  if not found then
    return false;
  end if;
  if v_job.status = 'queued' then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return true;
end $$;
comment on function public.report_job_progress(text, bigint, int, int, int) is
  'Tells how far a running job is, and renews its lease. False: the job is no longer this runner''s, which must stop.';

create function public.due_report_jobs(p_limit int) returns setof text
language sql stable security definer set search_path = '' as $$
  select job_id from public.report_jobs
  where status in ('queued', 'running') and generate and lease_expires_at < now() and report_id is not null
  order by lease_expires_at
  limit p_limit
$$;
comment on function public.due_report_jobs(int) is 'Jobs whose lease has run out, longest ago first.';

create function public.take_over_report_job(p_job_id text, p_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_job public.report_jobs;
begin
  update public.report_jobs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, updated_at = now(),
    lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where id = (
    select id from public.report_jobs
    where job_id = p_job_id and status in ('queued', 'running') and generate and lease_expires_at < now()
    for update skip locked)
  returning * into v_job;
  return case when v_job.id is not null then private.job_run(v_job) end;
end $$;
comment on function public.take_over_report_job(text, int) is
  'Takes a job whose lease has run out. Returns what its runner needs, or null: it is not to be had.';

-- p_result is `{status, research_report, research_metadata, final_data, error}`. Without p_lease_token, whoever holds the
-- lease loses it. Returns `{outcome, event_id, requested_at, delivery_id, delivery_token}`; outcome `completed`,
-- `repeated` (the same result again), or the code of a refusal.
create function public.complete_report_job(
  p_job_id text, p_lease_token bigint, p_result jsonb, p_delivery_lease_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_result jsonb := private.as_object(p_result);
  v_job public.report_jobs;
  v_envelope jsonb;
  v_event public.report_events;
  v_registered record;
  v_delivery public.webhook_deliveries;
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
    return jsonb_build_object('outcome', case
      when v_event.digest = private.content_digest(v_envelope ->> 'type', v_envelope -> 'data') then 'repeated'
      else 'job_conflict' end);
  elsif v_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> v_job.lease_token then
    return '{"outcome": "lease_lost"}';
  end if;

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
  return jsonb_build_object(
    'outcome', 'completed', 'event_id', v_event.id, 'requested_at', v_event.requested_at,
    'delivery_id', v_delivery.id, 'delivery_token', v_delivery.lease_token);
end $$;
comment on function public.complete_report_job(text, bigint, jsonb, int) is
  'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent.';

create function public.cancel_report_job(p_job_id text, p_caller text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_job public.report_jobs := private.job_for_caller(p_job_id, p_caller);
begin
  if v_job.id is null then
    return null;
  end if;
  perform private.lock_report(v_job.report_type, v_job.report_id) where v_job.report_type is not null;
  update public.report_jobs
  set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, eta_seconds = null,
    completed_at = now(), updated_at = now()
  where id = v_job.id and status in ('queued', 'running')
  returning * into v_job;
  if found and v_job.report_type is not null then
    perform private.show_report_status(v_job.report_type, v_job.report_id);
  end if;
  return private.job_view((select job from public.report_jobs job where job.job_id = p_job_id));
end $$;
comment on function public.cancel_report_job(text, text) is
  'Cancels a job that is not finished. Returns the job as it then stands; null if the caller may not see it.';
