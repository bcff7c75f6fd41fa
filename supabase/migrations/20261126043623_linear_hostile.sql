-- Why: Values that are built to cost the most, and servers that cancel jobs of an account that is being deleted, stop nobody else.

-- Replaced by one with another parameter.
drop function private.insert_event(text, private.incoming_result, timestamp with time zone, text, text);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/import_events.sql
create or replace function private.import_events(p_report_type text, p_row private.report_row)
returns private.report_row
language plpgsql volatile set search_path = '' as $$
declare
  -- Its owner could write any number; from here on each attempt adds one.
  c_attempts constant int := 1000;
  -- People could insert jobs without end. Each costs half a millisecond or more, while writers wait for the batch: with 20,000,
  -- one report took 31 s.
  c_jobs constant int := 20;
  v_now timestamptz(3) := clock_timestamp();
  -- Walked once for the digest and for the endpoint's rule: with many numbers this takes as long as all else.
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
  -- The links that the first version leaves: the row's own job, a job whose metadata names the report, and, where the report
  -- has no text, a key of the form greeting:<report id>. People could write jobs and rows: only jobs of nobody or of the owner
  -- count, and none that names another report, or, of nobody, no report at all.
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status, percent,
    eta_seconds, error, lease_expires_at, created_at, updated_at, started_at, completed_at)
  select job.job_id, p_report_type, p_row.id,
    case when 'final' in (job.metadata ->> 'stage', job.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    p_row.user_id, job.summary_id, 'platform', job.prompt, job.model,
    -- NaN is a number to PostgreSQL and to nobody else: the job could not be run.
    case when job.temperature between 0 and 2 then job.temperature end, case when job.max_tokens > 0 then job.max_tokens end,
    case when lost then 'failed' when runs and job.status = 'succeeded' then 'running' else job.status end,
    coalesce(job.percent, 0), case when runs and job.eta_seconds >= 0 then job.eta_seconds end,
    case when lost then coalesce(job.error, 'The job was lost before the upgrade, and it has expired.') else job.error end,
    -- Its runner may still live: a function of the first version runs for up to two minutes.
    case when runs then v_now + interval '5 minutes' end,
    private.import_time(coalesce(job.created_at, job.updated_at, v_now), v_now),
    private.import_time(coalesce(job.updated_at, v_now), v_now), private.import_time(job.started_at, v_now),
    case when not runs then private.import_time(coalesce(job.completed_at, job.updated_at, v_now), v_now) end
  from public.report_jobs job
  cross join lateral (
    select
      -- One that has just succeeded, and that the row does not name, may be about to write its result into the row. As an
      -- event, the result would have lost, and the write would be taken for its repetition.
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
    -- An id that no endpoint reads would stop the sweep; one of an imported event would keep that event from being recorded.
    and private.is_job_id(job.job_id) and not starts_with(job.job_id, 'import_')
    and case
      when named.report_id is not null then (named.report_type, named.report_id) = (p_report_type, p_row.id)
      -- Whoever knows the id of a job of nobody could write it into a report of theirs. The text proves that it is theirs.
      else job.user_id is not null or job.result = p_row.research_report end
  order by coalesce(job.job_id in (p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'), false) desc,
    job.user_id is null desc, private.import_time(job.created_at, v_now) desc nulls last, job.job_id desc
  limit c_jobs
  on conflict (job_id) do nothing;
  -- Lost jobs only: one whose result is on its way stays shown as it ended, for its clients and for the sweep.
  perform private.show_job(run.job_id)
  from private.job_runs run join public.report_jobs shown on shown.job_id = run.job_id
  where run.report_type = p_report_type and run.report_id = p_row.id and run.status = 'failed' and shown.status <> 'failed';
  select * into v_own from private.job_runs
  where report_type = p_report_type and report_id = p_row.id and status = 'succeeded' and v_has_text
    and job_id = coalesce(p_row.webhook_job_id, p_row.research_metadata ->> 'job_id');

  -- The winner: the row's own text, else the newest result that only its job has, else the failure that its webhook tells.
  v_winner.report_type := p_report_type;
  v_winner.report_id := p_row.id;
  v_winner.stage := 'prelim';
  if v_has_text then
    v_winner_id := v_prefix;
    v_winner.stage := case when p_row.research_metadata ->> 'processing_stage' = 'final' or v_own.stage = 'final' or (
      select audit.webhook_type from public.webhook_audit audit
      -- By its jobs too: the platform has an index of them, and none of reports.
      where audit.job_id = any (array[p_row.webhook_job_id, p_row.research_metadata ->> 'job_id'] || array(
          select job_id from private.job_runs where report_type = p_report_type and report_id = p_row.id))
        and audit.report_id = p_row.id and audit.response_status = 200 and audit.webhook_type is not null
      order by audit.created_at desc limit 1) = 'final-report' then 'final' else 'prelim' end;
    v_winner.job_id := v_own.job_id;
    v_winner.research_report := p_row.research_report;
    v_winner.research_metadata := p_row.research_metadata;
    v_winner.requested_at := private.import_time(coalesce(v_own.created_at, (
      -- What the row shows is older than what an unfinished job will write: the job has touched updated_at itself.
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
      -- The row keeps its metadata, and metadata is the winner's.
      v_winner.research_metadata := p_row.research_metadata;
      v_winner_id := 'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex');
      continue;
    end if;
    -- What lost, lost: it must not outrank what the report shows.
    if v_winner.stage = 'prelim' then
      v_result.stage := 'prelim';
    end if;
    v_result.requested_at := least(v_result.requested_at, v_winner.requested_at - interval '1 millisecond');
    v_result.type := format('report.%s.completed', v_result.stage);
    v_event := private.insert_event(
      'import_job_' || encode(sha256(convert_to(v_job.job_id, 'UTF8')), 'hex'), v_result, v_result.requested_at, 'import',
      'superseded');
    update private.job_runs set event_id = v_event.id where job_id = v_job.job_id;
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
  -- An event whose job is not known is its own job: the endpoints accept no event without one.
  v_winner.job_id := coalesce(v_winner.job_id, v_winner_id);
  v_event := private.insert_event(v_winner_id, v_winner, v_winner.requested_at, 'import', 'applied',
    v_is_printable or v_winner.research_metadata is null);
  update private.job_runs set event_id = v_event.id where job_id = v_winner.job_id and status = 'succeeded';
  -- Rows that no webhook was ever sent for have no delivery to show.
  if coalesce(p_row.webhook_status, 'pending') <> 'pending' or p_row.webhook_job_id is not null then
    v_dead_reason := case
      when v_event.status = 'failed' then 'import'
      -- The row shows the result. Nothing could confirm it by the webhook: the endpoint reads no such content.
      when p_row.webhook_status is distinct from 'success' and not (v_is_printable and private.fits_endpoint(v_event))
        then 'unsendable'
    end;
    p_row.webhook_status := case
      -- Nobody holds it any more.
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

-- supabase/sql/events/insert_event.sql
create or replace function private.insert_event(
  p_event_id text, p_result private.incoming_result, p_requested_at timestamptz, p_channel text,
  p_effect text default null, p_is_printable boolean default true)
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
  v_event.digest := case when p_is_printable then private.content_digest(p_result)
    else encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex') end;
  if p_channel is not null then
    -- With its effect at once: a second write of the row would enter all its indexes again.
    v_event.effect := coalesce(p_effect, private.decide_effect(v_event));
    v_event.position := private.next_position(v_event.report_type, v_event.report_id);
    v_event.applied_at := clock_timestamp();
  end if;
  insert into public.report_events (
    id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at)
  values (
    v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
    v_event.digest, p_result.error, p_channel, v_event.effect, v_event.position, v_event.applied_at)
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

comment on function private.insert_event(text, private.incoming_result, timestamptz, text, text, boolean) is
  'Records an event with its content, and with its effect where p_channel says who applies it now: p_effect, or what decide_effect() says. p_is_printable: false for metadata in which has_long_number() has found one. Endpoints and owners are refused such metadata, but servers and earlier versions may write it; its text can be thousands of times as long as what they wrote, and no sender can repeat it, so its digest says nothing. Null: its id or its job has one already.';
revoke all on function private.insert_event(text, private.incoming_result, timestamptz, text, text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/events/record_foreign.sql
create or replace function private.record_foreign(
  p_report_type text, p_report_id uuid, p_channel text, p_text text, p_metadata jsonb, p_failed boolean,
  p_stage text, p_winner_id text, p_job_id text, p_event_id text default null)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_job private.job_runs;
  v_winner public.report_events;
  v_known public.report_events;
  v_result private.incoming_result;
  v_event public.report_events;
  -- Not now(): whoever waited for the report's lock is the later one.
  v_requested_at timestamptz(3) := clock_timestamp();
begin
  select * into v_winner from public.report_events where id = p_winner_id;
  v_result.stage := case
    when p_channel = 'platform' and p_metadata ->> 'processing_stage' in ('prelim', 'final')
      then p_metadata ->> 'processing_stage'
    else coalesce(p_stage, 'prelim') end;
  if p_channel = 'platform' and p_job_id is not null then
    select * into v_job from private.job_runs
    where job_id = p_job_id and report_type = p_report_type and report_id = p_report_id
    for no key update;
  end if;
  if v_job.job_id is null then
    v_requested_at := greatest(v_requested_at, v_winner.requested_at + interval '1 millisecond');
  else
    v_requested_at := least(v_requested_at, v_job.created_at);
    select * into v_known from public.report_events where job_id = v_job.job_id;
    if v_known.id is not null and (p_failed or exists (
      select from private.report_contents where event_id = v_known.id and research_report is not distinct from p_text))
    then
      -- The job's result once more: the platform's webhook timed out, then its fallback wrote the same.
      return null;
    end if;
  end if;
  v_result.type := case p_channel when 'owner' then 'report.owner.edited'
    else format('report.%s.%s', v_result.stage, case when p_failed then 'failed' else 'completed' end) end;
  v_result.report_type := p_report_type;
  v_result.report_id := p_report_id;
  -- A job has one completion: another text of a finished job stands without it, at the job's place in the order.
  v_result.job_id := case when v_known.id is null then v_job.job_id end;
  if p_failed then
    v_result.error := coalesce(p_metadata ->> 'error', 'The report could not be generated.');
  else
    v_result.research_report := p_text;
    v_result.research_metadata := p_metadata;
  end if;
  v_event.id := coalesce(p_event_id, private.new_id(case p_channel when 'owner' then 'own_' else 'plt_' end));
  v_event.stage := v_result.stage;
  v_event.requested_at := v_requested_at;
  v_event := private.insert_event(
    v_event.id, v_result, v_requested_at, p_channel,
    case when p_failed then null when private.event_outranks(v_event, v_winner) then 'applied' else 'superseded' end,
    p_is_printable => p_channel <> 'platform' or private.has_long_number(v_result.research_metadata) is not true);
  if v_result.job_id is not null then
    update private.job_runs
    set status = case when p_failed then 'failed' else 'succeeded' end, event_id = v_event.id, error = v_event.error,
      percent = case when p_failed then percent else 100 end, eta_seconds = null, completed_at = clock_timestamp(),
      updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
    where job_id = v_result.job_id and status in ('queued', 'running');
    perform private.show_job(v_result.job_id);
  end if;
  if p_channel = 'platform' then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when p_failed then 'failed' else v_event.effect end, p_event_id => v_event.id,
      p_job_id => p_job_id, p_report_type => p_report_type, p_report_id => p_report_id, p_actor => 'platform',
      p_payload => jsonb_build_object('endpoint', 'platform', 'type', v_event.type));
  end if;
  return v_event;
end
$$;

comment on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) is
  'Records what others wrote into a report as an event, decided under the lock of the row that their statement holds. Null: it is the result of a finished job once more.';
revoke all on function private.record_foreign(text, uuid, text, text, jsonb, boolean, text, text, text, text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/bounded_intake.sql
create or replace function private.bounded_intake(p_user_data jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  -- What a prompt takes (src/server/generation/prompt.ts), which is also what an owner may store.
  c_characters constant int := 300000;
  -- As it is stored. Within it, even a million of small values are walked and printed in less than half a second.
  c_bytes constant int := 4194304;
  -- Decompressed once, for all that follows. pg_column_size() would otherwise say the compressed size.
  v_user_data jsonb := p_user_data #> '{}';
  v_text text;
begin
  if pg_column_size(v_user_data) > c_bytes or private.has_long_number(v_user_data) then
    return null;
  end if;
  v_text := v_user_data::text;
  -- Not the whole text, which may be megabytes. One character more says to the prompt that there was more.
  v_text := "left"(v_text, c_characters + 1);
  return case when char_length(v_text) > c_characters then to_jsonb(v_text) else v_user_data end;
end
$$;

comment on function private.bounded_intake(jsonb) is
  'A report''s user_data as a runner gets it: whole, or of more than 300,000 characters the beginning of its text. Null where it takes more than 4 MiB as it is stored, or where a number in it could not be printed within reason. Rows from before the limit, and those of servers, may be of any size.';
revoke all on function private.bounded_intake(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/cancel_held_job.sql
create or replace function private.cancel_held_job(p_job_id text)
returns private.job_runs
-- Half of PostgreSQL's deadlock_timeout: whoever holds the report may be waiting for the row of report_jobs.
language plpgsql volatile set search_path = '' set lock_timeout = '500ms' as $$
begin
  return private.cancel_job(p_job_id);
end
$$;

comment on function private.cancel_held_job(text) is
  'Cancels as cancel_job() does, for a caller that holds the row of report_jobs, which comes after the report in the order of locks. Where the report stays locked by another transaction, the statement fails (55P03) before PostgreSQL would take the two for a deadlock.';
revoke all on function private.cancel_held_job(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/guard_job.sql
-- Definer rights: an owner's statement fires it, and owners may not write job_runs.
create or replace function private.guard_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_job private.job_runs;
  v_may_cancel boolean;
  v_is_cancelled boolean;
  v_is_server boolean := coalesce(current_setting('role', true), '') not in ('anon', 'authenticated');
  v_report record;
  v_is_deleted boolean := false;
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
  if v_is_server and v_job.report_type is not null and v_job.status in ('queued', 'running') then
    -- This statement holds the row, and locks of users and summaries come before. So these are taken only if that needs no
    -- waiting, and from then on a deletion waits for this transaction. Owners' statements have theirs (lock_owner()).
    execute format('select user_id, summary_id from public.%I where id = $1', private.report_table(v_job.report_type))
    into v_report using v_job.report_id;
    perform from auth.users where id = v_report.user_id for key share skip locked;
    v_is_deleted := not found and v_report.user_id is not null;
    if v_report.summary_id is not null then
      perform from public.polaris_summaries where id = v_report.summary_id for key share skip locked;
      v_is_deleted := v_is_deleted or not found;
    end if;
  end if;
  if v_job.caller = 'platform' and tg_op = 'UPDATE' and v_is_server then
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
    if v_is_cancelled and v_is_deleted then
      -- The report is being deleted, which cancels its jobs. To cancel would be to wait for that, and that waits for this row:
      -- the row is left as it is.
      return null;
    elsif v_is_cancelled and v_is_server then
      v_job := private.cancel_held_job(old.job_id);
    elsif v_is_cancelled then
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
  -- The text of one array, as released versions hashed it. An array built with the metadata would copy it, which takes as long
  -- as parsing it.
  v_digest text := encode(sha256(convert_to(rtrim(jsonb_build_array(
    p_report_type, p_report_id, p_stage, p_prompt, p_generate, p_model, p_temperature, p_max_tokens, p_summary_id)::text, ']')
    || ', ' || v_metadata::text || ']', 'UTF8')), 'hex');
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

-- supabase/sql/deliver/fits_endpoint.sql
create or replace function private.fits_endpoint(p_event public.report_events)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_body_bytes constant int := 1048576;
  v_content private.report_contents;
  v_text text;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if not private.is_job_id(p_event.job_id)
    or p_event.status = 'completed' and private.is_blank(v_content.research_report)
    or jsonb_typeof(v_content.research_metadata) not in ('object', 'null')
  then
    return false;
  end if;
  -- An object or array this deep lies 98 levels below the metadata, which is the third level of a body; 100 are read.
  -- Asked first: what follows recurses no deeper.
  if jsonb_path_exists(v_content.research_metadata, 'strict $.**{98} ? (@.type() == "object" || @.type() == "array")') then
    return false;
  end if;
  if octet_length(private.envelope(p_event)) > c_body_bytes then
    return false;
  end if;
  -- Read in the text: a query of every number takes time that grows with the square of their count. Most texts have no such run
  -- of digits at all; in the others, those within strings do not count.
  v_text := coalesce(v_content.research_metadata::text, '');
  return v_text !~ '[0-9.]{65}' or regexp_replace(v_text, '"(?:[^"\\]|\\.)*"', '', 'g') !~ '(?:[0-9]\.?){65}';
end
$$;

comment on function private.fits_endpoint(public.report_events) is
  'Whether our own endpoint would read the body of an imported event: the limits of docs/contract.md, said in SQL for contents that never passed them. The caller asks has_long_number() first: this prints the content.';
revoke all on function private.fits_endpoint(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_closed.sql
create or replace function private.is_closed(p_dead_reason text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_dead_reason in ('report_deleted', 'content_erased', 'import', 'unsendable');
end
$$;

comment on function private.is_closed(text) is
  'Whether a dead letter of this reason is closed: no retry and no redrive could ever end in a success. Null: it is no dead letter.';
revoke all on function private.is_closed(text) from public, anon, authenticated, service_role;
grant execute on function private.is_closed(text) to authenticated;

-- supabase/sql/observe/keep_audit.sql
create or replace function private.keep_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
declare
  v_forgotten public.webhook_audit;
begin
  -- Others have no right to what is asked here, and would learn only that.
  if current_user = 'postgres' then
    if tg_op = 'DELETE' and private.is_retention() then
      return old;
    elsif tg_op = 'UPDATE' and private.is_retention() then
      v_forgotten := private.without_content(old);
      if v_forgotten operator(pg_catalog.*=) new then
        return new;
      end if;
    end if;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end
$$;

comment on function private.keep_audit() is
  'Refuses every change of an audit row but the erasure of its content, and its deletion by anybody but retention.';
revoke all on function private.keep_audit() from public, anon, authenticated, service_role;

-- supabase/sql/observe/prune_expired.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Content that lost waits for its open deliveries, but no longer than this.
  c_longest_hold constant interval := '30 days';
  -- Erasing an event takes locks, its audit rows and up to a megabyte of content: a batch of them must end before REST ends
  -- the call, which would undo all of it, at each sweep.
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
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
    if clock_timestamp() > v_deadline then
      -- What is left of the range is the oldest again at the next sweep.
      exit;
    end if;
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
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
begin
  select rolled_up_until into v_until from public.webhook_roll_up where only_row for update skip locked;
  if not found then
    -- Another sweep is counting.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin
      -- A quarter of many rows takes long: what was counted so far must be kept. At least one is.
      or v_quarters > 0 and clock_timestamp() > v_deadline;
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
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and removes counts that no window shows any more. After two seconds it begins no further quarter. Returns how many quarters.';
revoke all on function public.roll_up_webhooks(int) from public, anon, authenticated, service_role;
grant execute on function public.roll_up_webhooks(int) to service_role;

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
          or report.research_metadata is distinct from private.shown_metadata(content)
          -- As text too: digits are content, and equal values may have different ones. But some metadata of others has a text that
          -- is thousands of times as long as what they wrote.
          or case when winner.channel in ('platform', 'import') and private.has_long_number(report.research_metadata) then false
            else report.research_metadata::text <> private.shown_metadata(content)::text end)
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
        where content.event_id is not null and case
          -- Its digest says nothing: see insert_event().
          when event.channel in ('platform', 'import') and private.has_long_number(content.research_metadata) then false
          else event.digest <> private.content_digest(row(
            event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
            content.research_metadata, content.final_data, event.error)::private.incoming_result) end
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
      -- Of those that are closed a person has to look only at a lost result: its report can be requested again.
      count(*) filter (where dead_at is not null and (dead_reason = 'import' or not private.is_closed(dead_reason))) as dead,
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
