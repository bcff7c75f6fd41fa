create or replace function private.import_events(p_report_type text, p_row private.report_row)
returns private.report_row
language plpgsql volatile set search_path = '' as $$
declare
  -- The owner could write any number; from now on each attempt adds one.
  c_attempts constant int := 1000;
  -- Limit of jobs per report, since users could insert any number. Each takes half a millisecond or more, while writers wait
  -- for the batch: with 20,000 jobs, one report took 31 s.
  c_jobs constant int := 20;
  v_now timestamptz(3) := clock_timestamp();
  -- Computed once for the digest and for the endpoint's rule: with many numbers it takes as long as everything else.
  v_is_printable boolean := private.has_long_number(p_row.research_metadata) is not true;
  v_has_text boolean := not private.is_blank(p_row.research_report);
  v_key text := p_report_type || ':' || p_row.id;
  v_own private.job_runs;
  v_prefix text := 'import_' || p_report_type || '_' || replace(p_row.id::text, '-', '');
  v_winner private.incoming_result;
  v_winner_id text;
  v_job record;
  v_result private.incoming_result;
  v_event public.report_events;
  v_dead_reason text;
begin
  delete from private.reports_to_import where report_type = p_report_type and report_id = p_row.id;
  if not found then
    return p_row;
  end if;
  if p_row.webhook_attempts not between 0 and c_attempts then
    p_row.webhook_attempts := case when p_row.webhook_attempts < 0 then 0 else c_attempts end;
  end if;
  p_row.webhook_last_attempt := private.import_time(p_row.webhook_last_attempt, v_now);
  -- Links left by the first version: the row's own job, a job whose metadata names the report, and, if the report has no
  -- text, a key of the form greeting:<report id>. Users could write jobs and rows. So only jobs of the owner or without a
  -- user count, not those that name another report, nor those without a user that name no report.
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status, percent,
    eta_seconds, error, lease_expires_at, created_at, updated_at, started_at, completed_at)
  select job.job_id, p_report_type, p_row.id,
    case when 'final' in (job.metadata ->> 'stage', job.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    p_row.user_id, job.summary_id, 'platform', job.prompt, job.model,
    -- PostgreSQL accepts NaN as a number, but the job could not be run.
    case when job.temperature between 0 and 2 then job.temperature end, case when job.max_tokens > 0 then job.max_tokens end,
    case when lost then 'failed' when runs and job.status = 'succeeded' then 'running' else job.status end,
    coalesce(job.percent, 0), case when runs and job.eta_seconds >= 0 then job.eta_seconds end,
    case when lost then coalesce(job.error, 'The job was lost before the upgrade, and it has expired.') else job.error end,
    -- Its runner may still be alive: functions of the first version run for up to two minutes.
    case when runs then v_now + interval '5 minutes' end,
    private.import_time(coalesce(job.created_at, job.updated_at, v_now), v_now),
    private.import_time(coalesce(job.updated_at, v_now), v_now), private.import_time(job.started_at, v_now),
    case when not runs then private.import_time(coalesce(job.completed_at, job.updated_at, v_now), v_now) end
  from public.report_jobs job
  cross join lateral (
    select
      -- A job that has just succeeded, and that the row does not name, may be about to write its result into the row. If the
      -- result were imported as a superseded event, that write would be taken for its repetition.
      job.status in ('queued', 'running') and coalesce(job.expires_at > v_now, true)
        or job.status = 'succeeded' and coalesce(job.completed_at > v_now - interval '5 minutes', false)
          and not private.is_blank(job.result)
          and job.job_id is distinct from coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id') as runs,
      job.status in ('queued', 'running') and not coalesce(job.expires_at > v_now, true) as lost) fate
  cross join lateral private.named_report(job.metadata, job.idempotency_key) named
  where (
      job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id')
      or job.metadata ->> 'report_id' = p_row.id::text
        and p_report_type = case job.metadata ->> 'report_type'
          when 'organization' then 'org' when 'requirements' then 'requirement' else job.metadata ->> 'report_type' end
      or not v_has_text and job.idempotency_key = v_key)
    and (job.user_id is null or job.user_id = p_row.user_id)
    -- No endpoint accepts such an id, which would stop the sweep. An id of an imported event would prevent that event from
    -- being recorded.
    and private.is_job_id(job.job_id) and not starts_with(job.job_id, 'import_')
    and case
      when named.report_id is not null then (named.report_type, named.report_id) = (p_report_type, p_row.id)
      -- Anyone who knows the id of a job without a user could write it into their own report. Only an equal text proves that
      -- the result belongs to this report.
      else job.user_id is not null or job.result = p_row.research_report end
  order by coalesce(job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'), false) desc,
    job.user_id is null desc, private.import_time(job.created_at, v_now) desc nulls last, job.job_id desc
  limit c_jobs
  on conflict (job_id) do nothing;
  -- Only lost jobs: a job whose result is still to be written keeps its shown state, for its clients and for the sweep.
  perform private.show_job(run.job_id)
  from private.job_runs run join public.report_jobs shown on shown.job_id = run.job_id
  where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'failed' and shown.status <> 'failed';
  select * into v_own from private.job_runs
  where report_type = p_report_type and report_id = p_row.id and status = 'succeeded' and v_has_text
    and job_id = coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id');

  -- The winner: the row's own text, else the newest result that only a job has, else the failure that the webhook columns
  -- report.
  v_winner.report_type := p_report_type;
  v_winner.report_id := p_row.id;
  v_winner.stage := 'prelim';
  if v_has_text then
    v_winner_id := v_prefix;
    v_winner.stage := case when p_row.research_metadata ->> 'processing_stage' = 'final' or v_own.stage = 'final' or (
      select audit.webhook_type from public.webhook_audit audit
      -- Also finds reports by their jobs: the platform has an index on the jobs, but none for reports.
      where audit.job_id = any (array[p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'] || array(
          select job_id from private.job_runs where report_type = p_report_type and report_id = p_row.id))
        and audit.report_id = p_row.id and audit.response_status = 200 and audit.webhook_type is not null
      order by audit.created_at desc limit 1) = 'final-report' then 'final' else 'prelim' end;
    v_winner.job_id := v_own.job_id;
    v_winner.research_report := p_row.research_report;
    v_winner.research_metadata := p_row.research_metadata;
    v_winner.requested_at := private.import_time(coalesce(v_own.created_at, (
      -- What the row shows is older than the result of an unfinished job, which may itself have changed updated_at.
      select least(
        coalesce(max(created_at) filter (where status = 'succeeded'), p_row.updated_at),
        min(created_at) filter (where status in ('queued', 'running')) - interval '1 millisecond')
      from private.job_runs where report_type = p_report_type and report_id = p_row.id), v_now), v_now);
  end if;
  for v_job in
    select run.job_id, run.stage, run.created_at, shown.result
    from private.job_runs run
    join public.report_jobs shown on shown.job_id = run.job_id
    where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'succeeded' and run.event_id is null
      and not private.is_blank(shown.result) and run.job_id is distinct from v_own.job_id
    order by run.created_at desc, run.job_id desc
  loop
    v_result := v_winner;
    v_result.job_id := v_job.job_id;
    v_result.stage := v_job.stage;
    v_result.research_report := v_job.result;
    v_result.research_metadata := '{}';
    v_result.requested_at := v_job.created_at;
    if v_winner_id is null then
      v_winner := v_result;
      -- The row keeps its metadata, which must equal the winner's.
      v_winner.research_metadata := p_row.research_metadata;
      v_winner_id := 'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex');
      continue;
    end if;
    -- A superseded result must not outrank the shown one.
    if v_winner.stage = 'prelim' then
      v_result.stage := 'prelim';
    end if;
    v_result.requested_at := least(v_result.requested_at, v_winner.requested_at - interval '1 millisecond');
    v_result.type := format('report.%s.completed', v_result.stage);
    perform private.insert_import(
      'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex'), v_result, 'superseded');
  end loop;
  if v_winner_id is null and p_row.webhook_status in ('failed', 'sent', 'retrying') then
    v_winner_id := v_prefix;
    v_winner.requested_at := private.import_time(p_row.updated_at, v_now);
    v_winner.error := 'The result was lost before the upgrade.';
  end if;
  if v_winner_id is null then
    return p_row;
  end if;
  v_winner.type := format('report.%s.%s', v_winner.stage, case when v_winner.error is null then 'completed' else 'failed' end);
  v_event := private.insert_import(
    v_winner_id, v_winner, 'applied', v_is_printable or v_winner.research_metadata is null);
  -- If no webhook was ever sent for the row, there is no delivery to show.
  if coalesce(p_row.webhook_status, 'pending') <> 'pending' or p_row.webhook_job_id is not null then
    v_dead_reason := case
      when v_event.status = 'failed' then 'import'
      -- The row shows the result, but no webhook can confirm it, since the endpoint rejects such content.
      when p_row.webhook_status is distinct from 'success' and not (v_is_printable and private.fits_endpoint(v_event))
        then 'unsendable'
    end;
    p_row.webhook_status := case
      -- No process holds it any more.
      when v_dead_reason is not null or p_row.webhook_status = 'retrying' then 'failed'
      else coalesce(p_row.webhook_status, 'pending') end;
    p_row.webhook_attempts := coalesce(p_row.webhook_attempts, 0);
    p_row.webhook_response := coalesce(p_row.webhook_response, '{}');
    perform set_config('polaris.import', 'on', true);
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response, dead_at,
      dead_reason)
    values (
      v_event.id, private.internal_endpoint(v_event.stage), p_report_type, p_row.id, p_row.webhook_job_id,
      p_row.webhook_status, p_row.webhook_attempts, p_row.webhook_last_attempt,
      case when v_dead_reason is null and p_row.webhook_status <> 'success' then v_now end, p_row.webhook_response,
      case when v_dead_reason is not null then v_now end, v_dead_reason);
    perform set_config('polaris.import', '', true);
  end if;
  if v_event.status = 'completed' then
    p_row.winner_event_id := v_event.id;
    p_row.stage := v_event.stage;
    p_row.research_report := v_winner.research_report;
  end if;
  return p_row;
end
$$;

comment on function private.import_events(text, private.report_row) is
  'Makes events, jobs and the delivery of a report from before the events, under its lock. Touches no row of reports: returns the row as it must become.';
revoke all on function private.import_events(text, private.report_row) from public, anon, authenticated, service_role;
