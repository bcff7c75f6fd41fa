-- Why: an event wrote its report three times, and planned six statements at each call. It costs half of that.

-- The functions below call what this writes.
select private.write_report_functions();
drop function private.confirm_delivery(public.report_events, text);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/add_report_type.sql
create or replace function private.add_report_type(p_report_type text, p_table_name text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name)
  on conflict (report_type) do nothing;
  perform private.write_report_functions();
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = format('public.%I', p_table_name)::regclass and attname = 'winner_event_id')
  then
    -- Not valid: to check the rows would be to read them all, under a lock that keeps even readers out.
    execute format(
      'alter table public.%I
         add column stage text,
         add column winner_event_id text references public.report_events (id) deferrable initially deferred,
         add constraint report_stage_is_known check (stage in (''prelim'', ''final'')) not valid', p_table_name);
  end if;
  perform private.finish_table(p_table_name, p_now => true);
  execute format(
    'create or replace trigger lock_owner before update or delete on public.%I for each statement
       when (current_user in (''anon'', ''authenticated'')) execute function private.lock_owner()', p_table_name);
  execute format(
    'create or replace trigger guard_insert before insert on public.%I for each row
       when (current_user <> ''postgres'') execute function private.guard_insert()', p_table_name);
  execute format(
    'create or replace trigger record_owner_insert after insert on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.record_insert(%L, ''owner'')',
    p_table_name, p_report_type);
  -- Of the SQL editor and our own functions, which both run as the owner of the table, only the data differ.
  execute format(
    'create or replace trigger record_platform_insert after insert on public.%I for each row
       when (current_user not in (''anon'', ''authenticated'')
         and (current_user <> ''postgres'' or new.research_report is not null and new.winner_event_id is null))
       execute function private.record_insert(%L, ''platform'')', p_table_name, p_report_type);
  execute format(
    'create or replace trigger record_owner_write before update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.record_write(%L, ''owner'')',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger record_platform_write before update on public.%I for each row
       when (current_user not in (''anon'', ''authenticated'')
         and (current_user <> ''postgres'' or new.winner_event_id is not distinct from old.winner_event_id
           and (new.research_report is distinct from old.research_report
             or new.research_metadata is distinct from old.research_metadata)))
       execute function private.record_write(%L, ''platform'')', p_table_name, p_report_type);
  execute format(
    'create or replace trigger check_winner after update on public.%I for each row
       when (new.winner_event_id is distinct from old.winner_event_id) execute function private.check_winner(%L)',
    p_table_name, p_report_type);
  execute format(
    'create or replace trigger lose_content after update on public.%I for each row
       when (old.winner_event_id is not null and new.winner_event_id is distinct from old.winner_event_id)
       execute function private.lose_content()', p_table_name);
  -- After the platform''s own trigger, which sorts by its name.
  execute format(
    'create or replace trigger zz_keep_updated_at before update on public.%I for each row
       when (current_user = ''postgres'' and new.research_report is not distinct from old.research_report
         and new.winner_event_id is distinct from old.winner_event_id)
       execute function private.keep_updated_at()', p_table_name);
  execute format(
    'create or replace trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format('drop policy if exists "operators read" on public.%I', p_table_name);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end
$$;

comment on function private.add_report_type(text, text) is
  'Makes a table of the platform''s shape take part: registry, our columns, indexes, triggers and the policy for operators.';
revoke all on function private.add_report_type(text, text) from public, anon, authenticated, service_role;

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
    perform set_config('polaris.shown', 'on', true);
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response, dead_at,
      dead_reason)
    values (
      v_event.id, private.internal_endpoint(v_event.stage), p_report_type, p_row.id, p_row.webhook_job_id,
      p_row.webhook_status, p_row.webhook_attempts, p_row.webhook_last_attempt,
      case when v_dead_reason is null and p_row.webhook_status <> 'success' then v_now end, p_row.webhook_response,
      case when v_dead_reason is not null then v_now end, v_dead_reason);
    perform set_config('polaris.shown', '', true);
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

-- supabase/sql/reports/lock_report.sql
create or replace function private.lock_report(p_report_type text, p_report_id uuid, p_summary_id uuid default null)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_report record := private.locked_report(p_report_type, p_report_id, p_summary_id);
begin
  return v_report.owner;
end
$$;

comment on function private.lock_report(text, uuid, uuid) is
  'Locks a report as locked_report() does, and returns its owner. Null: there is no such report.';
revoke all on function private.lock_report(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/locked_report.sql
create or replace function private.locked_report(
  p_report_type text, p_report_id uuid, p_summary_id uuid default null, out owner uuid, out winner_event_id text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  -- Deleting an account or a summary deletes its reports, so it locks those rows first. Foreign keys ask for them too, but
  -- only after the report is locked: both would wait for each other.
  v_report record := private.report_row(p_report_type, p_report_id, false);
begin
  perform from auth.users where id = v_report.owner for key share;
  if v_report.summary_id is not null or p_summary_id is not null then
    perform from public.polaris_summaries where id in (v_report.summary_id, p_summary_id) order by id for key share;
  end if;
  v_report := private.report_row(p_report_type, p_report_id, true);
  if v_report.owner is not null
    and exists (select from private.reports_to_import where report_type = p_report_type and report_id = p_report_id)
  then
    perform private.import_report(p_report_type, p_report_id);
    v_report := private.report_row(p_report_type, p_report_id, true);
  end if;
  owner := v_report.owner;
  winner_event_id := v_report.winner_event_id;
end
$$;

comment on function private.locked_report(text, uuid, uuid) is
  'Locks a report''s row until the transaction ends, imports it where nobody has, and returns its owner and its winner. Both null: there is no such report. p_summary_id: of another summary that a row of this transaction will refer to.';
revoke all on function private.locked_report(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/reports/show_report_status.sql
create or replace function private.show_report_status(p_report_type text, p_report_id uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.show_in_report(p_report_type, p_report_id, private.report_status(p_report_type, p_report_id));
end
$$;

comment on function private.show_report_status(text, uuid) is
  'Brings research_status of a report''s row up to date. The caller holds the report''s lock.';
revoke all on function private.show_report_status(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/events/apply_at_once.sql
-- Decides by the same functions as the other path, but writes each row once: the event with its effect, and the report with its
-- result and its delivery.
create or replace function private.apply_at_once(
  p_event_id text, p_result private.incoming_result, p_known public.report_events, p_owner uuid, p_winner_id text,
  p_channel text, out event public.report_events, out outcome text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
  v_job private.job_runs;
  v_content private.report_contents;
  v_delivery public.webhook_deliveries;
  v_facts record;
begin
  -- Until all of this is as it mostly is, nothing is written.
  if p_known.id is not null then
    -- While this call waited for the locks, another may have applied it.
    select * into v_event from public.report_events where id = p_known.id;
    if v_event.effect is not null or v_event.erased_at is not null or v_event.status <> 'completed' then
      return;
    end if;
  else
    select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
    v_event.id := p_event_id;
    v_event.type := p_result.type;
    v_event.status := split_part(p_result.type, '.', 3);
    v_event.report_type := p_result.report_type;
    v_event.report_id := p_result.report_id;
    v_event.stage := p_result.stage;
    v_event.job_id := p_result.job_id;
    v_event.requested_at := coalesce(v_job.created_at, least(p_result.requested_at, clock_timestamp()));
    if v_event.status is distinct from 'completed'
      or v_job.job_id is null and (p_result.requested_at is null or p_result.requested_at > now() + interval '5 minutes')
      or v_job.job_id is not null and (
        v_job.status not in ('queued', 'running')
        or (v_job.report_type, v_job.report_id, v_job.stage)
          is distinct from (p_result.report_type, p_result.report_id, p_result.stage)
        or not private.job_serves(v_job, p_owner))
    then
      return;
    end if;
  end if;
  select
    coalesce((select private.event_outranks(v_event, winner) from public.report_events winner where winner.id = p_winner_id), true)
      as wins,
    -- Then its status is the report's (report_status()).
    not exists (
      select from private.job_runs other
      where other.report_id = v_event.report_id and other.report_type = v_event.report_type
        and other.job_id is distinct from v_event.job_id and other.created_at > v_event.requested_at - interval '1 millisecond')
    and not exists (
      select from public.report_events other
      where other.report_id = v_event.report_id and other.report_type = v_event.report_type
        and other.requested_at >= v_event.requested_at and other.id <> v_event.id and other.effect is not null)
      as is_newest,
    (select coalesce(max(position), 0) + 1 from public.report_events
      where report_type = v_event.report_type and report_id = v_event.report_id) as position,
    (select max(id) from private.endpoint_revisions) as settings_revision
  into v_facts;
  if not v_facts.wins then
    return;
  end if;

  v_event.effect := 'applied';
  v_event.channel := p_channel;
  v_event.position := v_facts.position;
  v_event.settings_revision := v_facts.settings_revision;
  -- Before the time: a plan counts on it that nothing of an earlier time has a later transaction.
  v_event.applied_xid := pg_current_xact_id();
  v_event.applied_at := clock_timestamp();
  if p_known.id is not null then
    v_content := private.content_of(v_event);
    update public.report_events
    set effect = v_event.effect, channel = v_event.channel, position = v_event.position,
      settings_revision = v_event.settings_revision, applied_xid = v_event.applied_xid, applied_at = v_event.applied_at
    where id = v_event.id;
  else
    v_event.digest := private.content_digest(p_result);
    v_event.trace_id := coalesce(
      case when v_job.job_id is null then p_result.trace_id else v_job.trace_id end, private.new_trace_id());
    v_event.error := p_result.error;
    v_content := row(
      v_event.id, p_result.research_report, p_result.research_metadata, p_result.final_data, null)::private.report_contents;
    with recorded as (
      insert into public.report_events (
        id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
        applied_xid, settings_revision, trace_id)
      values (
        v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
        v_event.digest, v_event.error, v_event.channel, v_event.effect, v_event.position, v_event.applied_at,
        v_event.applied_xid, v_event.settings_revision, v_event.trace_id)
      on conflict do nothing
      returning *
    ), kept as (
      insert into private.report_contents (event_id, research_report, research_metadata, final_data)
      select id, v_content.research_report, v_content.research_metadata, v_content.final_data from recorded
    )
    select * into v_event from recorded;
    if v_event.id is null then
      -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
      outcome := 'busy';
      return;
    end if;
    if v_job.job_id is not null then
      perform private.finish_job(v_event);
    end if;
  end if;
  if v_event.settings_revision is not null then
    perform private.fan_out(v_event, p_owner);
  end if;
  if p_channel = 'webhook' then
    perform set_config('polaris.shown', 'on', true);
    v_delivery := private.confirm_delivery(v_event, v_event.effect);
    perform set_config('polaris.shown', '', true);
    if p_known.id is not null and private.is_shown_delivery(v_delivery) is not true then
      v_delivery := null;
    end if;
  end if;
  perform private.show_in_report(
    v_event.report_type, v_event.report_id,
    case when v_facts.is_newest then 'completed' else private.report_status(v_event.report_type, v_event.report_id) end,
    v_event, v_content, v_delivery);
  perform private.notify_owner(v_event, p_owner);
  event := v_event;
  outcome := v_event.effect;
end
$$;

comment on function private.apply_at_once(text, private.incoming_result, public.report_events, uuid, text, text) is
  'Records and applies a completed result that wins, of an ordinary job or of none: what happens mostly. p_known: its event, if it has one. Outcome null: nothing was written, and register_event() or take_effect() decide. The caller holds the lock of the report, whose owner and winner are p_owner and p_winner_id.';
revoke all on function private.apply_at_once(text, private.incoming_result, public.report_events, uuid, text, text) from public, anon, authenticated, service_role;

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
  v_report record;
  v_owner uuid;
  v_registered record;
  v_applied record;
  v_outcome text;
  v_is_forgotten boolean;
  v_answer jsonb;
  v_is_limited boolean := false;
  v_bucket text;
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
    v_bucket := v_result.report_type || ':' || v_result.report_id;
    if v_is_limited then
      v_asked := private.ask_limit('report', v_bucket, false);
      v_refusal := v_asked.refusal;
      v_unasked := coalesce(v_unasked, v_asked.failure);
    end if;
  end if;
  if v_refusal is not null then
    perform public.record_webhook_request(
      jsonb_build_object(
        'id', gen_random_uuid(), 'endpoint', p_endpoint_id, 'endpoint_id', p_endpoint_id, 'method', 'POST', 'status', 429,
        'outcome', 'rate_limited', 'event_id', p_event_id, 'report_type', v_result.report_type, 'report_id', v_result.report_id,
        'body_sha256', p_body_sha256, 'body_bytes', p_body_bytes,
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
    v_report := private.locked_report(
      coalesce(v_event.report_type, v_result.report_type), coalesce(v_event.report_id, v_result.report_id));
    v_owner := v_report.owner;
    if v_owner is not null then
      v_applied := private.apply_at_once(p_event_id, v_result, v_event, v_owner, v_report.winner_event_id, p_channel);
      v_outcome := v_applied.outcome;
    end if;
    if v_owner is null then
      v_outcome := 'report_not_found';
      perform private.close_deliveries(v_event.id);
    elsif v_outcome is not null then
      v_event := v_applied.event;
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
        if v_event.effect is null then
          v_outcome := private.take_effect(v_event, p_channel, v_owner);
          -- Below, its settings say whether subscribers are to hear of it.
          v_event := private.find_event(v_event.id, null);
        else
          v_outcome := 'duplicate';
        end if;
      end if;
      if p_channel = 'webhook' and v_outcome in ('applied', 'superseded', 'duplicate') then
        perform private.confirm_delivery(v_event, v_outcome);
      end if;
    end if;
  end if;
  if v_is_limited then
    -- The last locks of the transaction, and held for as long as the audit row and the commit take.
    -- A report that is not there has no bucket, or a sender could make as many as it likes.
    v_asked := private.ask_limit('report', case when v_owner is not null then v_bucket end, true);
    v_refusal := v_asked.refusal;
    v_unasked := coalesce(v_unasked, v_asked.failure);
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
    v_is_forgotten := v_event.erased_at is not null or v_outcome = 'report_not_found'
      -- The body of a conflict may name another report than the event has.
      or v_outcome in ('event_conflict', 'job_conflict') and private.report_is_gone(v_result.report_type, v_result.report_id);
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
  -- Whoever has applied it sends it to them at once.
  return v_answer || case when v_outcome in ('applied', 'superseded') and v_event.settings_revision is not null and exists (
      select from public.webhook_deliveries where event_id = v_event.id and position is not null)
    then jsonb_build_object('outward', v_event.id) else '{}' end;
end
$$;

comment on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) is
  'The one write path of results. With a body, what a verified webhook says; without one, an event that is recorded already. Returns {outcome, report_id, job_id, report_type, stage, status, timestamp, outward}; outward: the event, if it has just been applied and subscribers are to hear of it. p_sender: whose key signed the webhook; null is not limited. Over a rate: {outcome: rate_limited, …} of rate_refusal(), or PT429 with the same as its detail. p_cap_per_minute: that of record_webhook_request().';
revoke all on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) from public, anon, authenticated, service_role;
grant execute on function public.apply_report_event(text, text, text, text, text, int, numeric, text, int, text, text) to service_role;

-- supabase/sql/events/notify_owner.sql
create or replace function private.notify_owner(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_event.stage = 'final' and p_event.channel in ('webhook', 'direct') then
    insert into public.report_notifications (user_id, report_type, report_id, event_id)
    values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
  end if;
end
$$;

comment on function private.notify_owner(public.report_events, uuid) is
  'Tells the owner of a report of a final that the report shows from now on.';
revoke all on function private.notify_owner(public.report_events, uuid) from public, anon, authenticated, service_role;

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
    perform private.finish_job(event);
  end if;
end
$$;

comment on function private.register_event(text, private.incoming_result, uuid, text) is
  'Records an event that was not known, with its effect where p_channel says who applies it now, and finishes its job. The caller holds the lock of the report, whose owner is p_owner.';
revoke all on function private.register_event(text, private.incoming_result, uuid, text) from public, anon, authenticated, service_role;

-- supabase/sql/events/show_effect.sql
create or replace function private.show_effect(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_event.effect = 'applied' and p_event.status = 'completed' then
    perform private.show_in_report(
      p_event.report_type, p_event.report_id, private.report_status(p_event.report_type, p_event.report_id), p_event,
      private.content_of(p_event));
    perform private.notify_owner(p_event, p_owner);
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
end
$$;

comment on function private.show_effect(public.report_events, uuid) is
  'Brings the report''s row up to date with an effect that was just recorded, and notifies its owner of a final.';
revoke all on function private.show_effect(public.report_events, uuid) from public, anon, authenticated, service_role;

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
    perform set_config('polaris.shown', 'on', true);
    v_delivery := private.add_delivery(v_event, p_delivery_lease_seconds);
    perform set_config('polaris.shown', '', true);
    perform private.show_in_report(
      v_job.report_type, v_job.report_id, private.report_status(v_job.report_type, v_job.report_id), p_delivery => v_delivery);
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

-- supabase/sql/jobs/finish_job.sql
create or replace function private.finish_job(p_event public.report_events)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  update private.job_runs
  set status = case p_event.status when 'completed' then 'succeeded' else 'failed' end,
    event_id = p_event.id, error = p_event.error, percent = case p_event.status when 'completed' then 100 else percent end,
    eta_seconds = null, completed_at = clock_timestamp(), updated_at = clock_timestamp(),
    lease_token = lease_token + 1, lease_expires_at = null
  where job_id = p_event.job_id;
  perform private.show_job(p_event.job_id);
end
$$;

comment on function private.finish_job(public.report_events) is
  'Ends a job with the event that was just recorded for it. The caller holds the job''s lock.';
revoke all on function private.finish_job(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/confirm_delivery.sql
create or replace function private.confirm_delivery(p_event public.report_events, p_outcome text)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_response jsonb := jsonb_build_object('status', 200, 'outcome', p_outcome);
  v_delivery public.webhook_deliveries;
begin
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  values (
    p_event.id, private.internal_endpoint(p_event.stage), p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1,
    now(), null, v_response)
  on conflict (event_id, endpoint_id, plan) do nothing
  returning * into v_delivery;
  if v_delivery.id is null then
    select * into strict v_delivery from public.webhook_deliveries
    where event_id = p_event.id and endpoint_id = private.internal_endpoint(p_event.stage) and plan = 0;
    v_delivery := private.move_delivery(v_delivery.id, 'delivered', p_response => v_response, p_on_arrival => true);
  end if;
  return v_delivery;
end
$$;

comment on function private.confirm_delivery(public.report_events, text) is
  'A verified request proves the delivery of its event to our own endpoint. An event that others sent gets a delivery that has succeeded.';
revoke all on function private.confirm_delivery(public.report_events, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/fan_out.sql
-- It only inserts. Which settings were in force is said by the event itself, so that the answer is the same whenever it is asked.
create or replace function private.fan_out(p_event public.report_events, p_owner uuid default null)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  -- Of an edit: an owner who goes on typing makes several, of which the last one counts.
  c_quiet constant interval := '2 minutes';
  v_asks record;
  v_owner uuid := p_owner;
  v_document jsonb;
begin
  if p_event.settings_revision is null or p_event.bulk then
    return;
  end if;
  select bool_or(owner_id is not null) as owner, bool_or(filter is not null) as document into v_asks
  from private.settings_in_force(p_event.settings_revision) where takes_events;
  if v_asks.owner and v_owner is null then
    execute format('select user_id from public.%I where id = $1', private.report_table(p_event.report_type))
    into v_owner using p_event.report_id;
  end if;
  if v_asks.document then
    begin
      v_document := private.filter_document(
        p_event, (select research_metadata from private.report_contents where event_id = p_event.id));
    exception when others then
      -- The effect stands: what a filter cannot be asked about does not match.
      insert into private.filter_faults (endpoint_id, event_id, error)
      select endpoint_id, p_event.id, "left"(sqlerrm, 200)
      from private.settings_in_force(p_event.settings_revision) where takes_events and filter is not null;
    end;
  end if;
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, position, format_version, body, next_attempt, created_xid)
  select p_event.id, endpoint_id, p_event.report_type, p_event.report_id, p_event.job_id, p_event.position, format_version, body,
    case when p_event.type = 'report.owner.edited' then p_event.applied_at + c_quiet else now() end, pg_current_xact_id()
  from private.settings_in_force(p_event.settings_revision) settings
  where takes_events and private.selects_event(settings, p_event, v_owner)
    and (filter_path is null or p_event.type = 'report.deleted' or coalesce(private.filter_matches(v_document, filter_path), false))
  -- A deletion is fanned out by a sweep, which may repeat it.
  on conflict (event_id, endpoint_id, plan) do nothing;
end
$$;

comment on function private.fan_out(public.report_events, uuid) is
  'Makes a delivery of an event for each subscriber whose settings match: in the transaction of its effect, or for a deletion in that of the sweep. p_owner: of the report, where the caller knows it, or the report was deleted.';
revoke all on function private.fan_out(public.report_events, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_shown_delivery.sql
create or replace function private.is_shown_delivery(p_delivery public.webhook_deliveries)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return not exists (
    select from public.webhook_deliveries later
    where later.position is null and later.report_id = p_delivery.report_id and later.report_type = p_delivery.report_type
      and later.id > p_delivery.id);
end
$$;

comment on function private.is_shown_delivery(public.webhook_deliveries) is
  'Whether a delivery to our own endpoints is the latest one of its report, whose state the report shows. The caller holds the report''s lock.';
revoke all on function private.is_shown_delivery(public.webhook_deliveries) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/show_delivery.sql
create or replace function private.show_delivery()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  -- Whoever updates the row anyway shows the delivery there: a report is updated once.
  if coalesce(current_setting('polaris.shown', true), '') = 'on' then
    return null;
  end if;
  -- Take the lock in its own statement, so that the next query sees rows committed while we waited.
  if private.lock_report(new.report_type, new.report_id) is null then
    perform private.move_delivery(new.id, 'closed', p_reason => 'report_deleted');
    return null;
  end if;
  if private.is_shown_delivery(new) then
    perform private.show_in_report(new.report_type, new.report_id, null, p_delivery => new);
  end if;
  return null;
end
$$;

comment on function private.show_delivery() is
  'A report''s webhook columns are the state of its latest delivery to our own endpoints. Without a report, a delivery is closed.';
revoke all on function private.show_delivery() from public, anon, authenticated, service_role;
