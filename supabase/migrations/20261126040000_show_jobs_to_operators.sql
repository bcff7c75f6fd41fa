-- Why: Operators see, cancel and repeat every job, and the news of a failed generation is no success of the webhook.

-- A constant default rewrites nothing, and what was counted before cannot be told apart any more. The table is small: 192 slots
-- of each length.
alter table public.webhook_counts add column reports_failure boolean not null default false;
alter table public.webhook_counts drop constraint counts_are_kept_once;
alter table public.webhook_counts add constraint counts_are_kept_once unique nulls not distinct (
  slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure);
-- Replaced below by one with another signature.
drop function private.traffic(bigint, bigint, int, int, int);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/finish_table.sql
-- The one list of what costs a scan of a large table, of the platform or of ours. A migration would block its writers meanwhile: it does
-- this on small tables only, and npm run upgrade does the rest while everything else goes on.
create or replace function private.finish_table(p_table_name text, p_now boolean default false)
returns table (name text, statement text)
language plpgsql volatile set search_path = '' as $$
declare
  v_schema text := case p_table_name when 'job_runs' then 'private' else 'public' end;
  v_statement text;
  v_name text;
  v_is_small boolean;
begin
  execute format('select not exists (select from %I.%I offset 1000 limit 1)', v_schema, p_table_name) into v_is_small;
  foreach v_statement in array case p_table_name
    when 'webhook_audit' then array[
      'alter table public.webhook_audit validate constraint audit_direction_is_known',
      'create index webhook_audit_created_at on public.webhook_audit (created_at desc, id desc)',
      'create index webhook_audit_event on public.webhook_audit (event_id, created_at desc)',
      'create index webhook_audit_job on public.webhook_audit (job_id, created_at desc)',
      'create index webhook_audit_report on public.webhook_audit (report_id, created_at desc)',
      'create index webhook_audit_round on public.webhook_audit (delivery_id, round) where delivery_id is not null',
      'create index webhook_audit_attempts on public.webhook_audit (endpoint_id, created_at) include (outcome)
         where direction = ''out''',
      'create index webhook_audit_outcome on public.webhook_audit (outcome, created_at desc, id desc)
         where outcome not in (''applied'', ''delivered'')',
      'create index webhook_audit_response_status on public.webhook_audit (response_status, created_at desc, id desc)
         where response_status <> 200 or response_status is null']
    when 'job_runs' then array[
      'create index job_runs_unfinished on private.job_runs (created_at desc, job_id desc)
         where status in (''queued'', ''running'')',
      'create index job_runs_unsuccessful on private.job_runs (status, completed_at desc, job_id desc)
         where status in (''failed'', ''cancelled'')',
      'create index job_runs_taken_over on private.job_runs (created_at desc, job_id desc) where take_overs > 0']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name)]
    end
  loop
    v_name := substring(v_statement from '(?:create index|validate constraint) (\w+)');
    continue when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass(v_schema || '.' || v_name) and indisvalid);
    continue when exists (
      select from pg_catalog.pg_constraint
      where conrelid = to_regclass(v_schema || '.' || p_table_name) and conname = v_name and convalidated);
    if p_now and v_is_small then
      execute v_statement;
    else
      name := v_name;
      statement := v_statement;
      return next;
    end if;
  end loop;
end
$$;

comment on function private.finish_table(text, boolean) is
  'The indexes that a report table, webhook_audit or private.job_runs lacks, and the constraints that nobody has validated there, with the statement for each. p_now: where the table has at most 1,000 rows, they are made at once and not returned.';
revoke all on function private.finish_table(text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/reports/names_operator.sql
create or replace function private.names_operator(p_caller text)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (select from public.operators where user_id::text = p_caller);
end
$$;

comment on function private.names_operator(text) is
  'Whether a caller of the job endpoint is an operator. `pipeline` is none.';
revoke all on function private.names_operator(text) from public, anon, authenticated, service_role;

-- supabase/sql/jobs/cancel_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_report_job(p_job_id text, p_caller text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_job_id, p_caller);
  v_by_operator boolean := false;
  v_status_before text;
begin
  if v_job.job_id is null and private.names_operator(p_caller) then
    select * into v_job from private.job_runs where job_id = p_job_id;
    v_by_operator := true;
  end if;
  if v_job.job_id is null then
    return null;
  end if;
  v_status_before := v_job.status;
  v_job := private.cancel_job(p_job_id);
  perform private.show_job(p_job_id);
  if v_by_operator then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case v_job.status when 'cancelled' then 'cancelled' else 'job_finished' end,
      p_job_id => p_job_id, p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_actor => p_caller,
      p_payload => jsonb_build_object('endpoint', 'jobs', 'method', 'DELETE', 'status_before', v_status_before));
  end if;
  return private.job_view(v_job);
end
$$;

comment on function public.cancel_report_job(text, text) is
  'Cancels a job that is not finished: of the caller, or of anybody where the caller is the pipeline or an operator, which is audited. Returns the job as it then stands. Null: there is none that the caller may cancel.';
revoke all on function public.cancel_report_job(text, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_report_job(text, text) to service_role;

-- supabase/sql/jobs/repeat_report_job.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.repeat_report_job(
  p_job_id text, p_repeated_job_id text, p_caller text, p_lease_seconds int, p_quota int, p_reportless boolean default true,
  p_models text[] default null, p_user_budget int default null, p_project_budget int default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs := private.job_for_caller(p_repeated_job_id, p_caller);
  v_by_operator boolean := false;
  v_running private.job_runs;
  v_answer jsonb;
begin
  if v_job.job_id is null and private.names_operator(p_caller) then
    select * into v_job from private.job_runs where job_id = p_repeated_job_id;
    v_by_operator := true;
  end if;
  if v_job.job_id is null then
    return '{"outcome": "job_not_found"}';
  elsif v_job.erased_at is not null or v_job.prompt is null then
    return '{"outcome": "job_not_repeatable", "reason": "erased"}';
  elsif not v_job.generate then
    -- Whoever generates it elsewhere would not know of the new job.
    return '{"outcome": "job_not_repeatable", "reason": "elsewhere"}';
  elsif v_job.status in ('queued', 'running') and v_job.job_id <> p_job_id then
    return '{"outcome": "job_not_repeatable", "reason": "unfinished"}';
  elsif v_job.report_id is null and not p_reportless then
    return '{"outcome": "report_required"}';
  end if;
  select * into v_running from private.job_runs
  where report_id = v_job.report_id and report_type = v_job.report_type and stage = v_job.stage
    and status in ('queued', 'running') and job_id <> p_job_id
  order by created_at desc, job_id desc limit 1;
  if v_running.job_id is not null then
    return jsonb_build_object('outcome', 'existing', 'job', private.job_view(v_running));
  end if;
  v_answer := public.request_report_job(
    p_job_id => p_job_id,
    -- An operator may ask for every report, and not at the expense of its owner. A result without a report belongs to who asked.
    p_caller => case when not v_by_operator then p_caller when v_job.report_id is null then v_job.caller else 'pipeline' end,
    p_prompt => v_job.prompt, p_generate => true, p_lease_seconds => p_lease_seconds, p_quota => p_quota,
    p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_stage => v_job.stage,
    p_once_per_report => v_job.report_id is not null, p_model => v_job.model, p_temperature => v_job.temperature,
    p_max_tokens => v_job.max_tokens, p_summary_id => v_job.summary_id, p_metadata => v_job.metadata::text,
    p_models => p_models, p_user_budget => p_user_budget, p_project_budget => p_project_budget);
  if v_by_operator then
    perform private.add_audit(
      p_direction => 'in', p_outcome => case v_answer ->> 'outcome' when 'created' then 'job_repeated' else v_answer ->> 'outcome' end,
      p_job_id => v_job.job_id, p_report_type => v_job.report_type, p_report_id => v_job.report_id, p_actor => p_caller,
      p_payload => jsonb_build_object('endpoint', 'jobs', 'method', 'POST', 'new_job_id', v_answer -> 'job' -> 'job_id'));
  end if;
  return v_answer;
end
$$;

comment on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int) is
  'Requests a new job, p_job_id, with the request of one that has finished: by its owner, the pipeline, or an operator, which is audited. While its report has an unfinished job of that stage, that job is answered. p_reportless: whether jobs without a report may be requested. The other parameters and the answer are those of request_report_job(); and job_not_found, job_not_repeatable with a reason (erased, elsewhere, unfinished), report_required.';
revoke all on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int) from public, anon, authenticated, service_role;
grant execute on function public.repeat_report_job(text, text, text, int, int, boolean, text[], int, int) to service_role;

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
      insert into public.webhook_counts as kept (
        slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure, requests)
      select v_minutes, v_slot, direction, endpoint_id, report_type, outcome, reports_failure, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, endpoint_id, report_type, outcome, reports_failure
      on conflict (slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure)
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

-- supabase/sql/console/job_figures.sql
-- Definer rights: people may not read the leases of jobs; it asks who the caller is itself.
create or replace function private.job_figures(p_from timestamptz)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now jsonb;
begin
  perform private.require_operator();
  select jsonb_build_object(
    'running', count(*) filter (where state = 'running'),
    'waiting', count(*) filter (where state = 'waiting'),
    'overdue', count(*) filter (where state = 'overdue'),
    -- What waits for a result from elsewhere may take days.
    'oldest', min(created_at) filter (where generate))
  into v_now
  from private.job_states where status in ('queued', 'running');
  return v_now || (
    select jsonb_build_object(
      'failed', count(*) filter (where status = 'failed'), 'cancelled', count(*) filter (where status = 'cancelled'))
    from private.job_runs where status in ('failed', 'cancelled') and completed_at >= p_from) || jsonb_build_object(
    'taken_over', (
      select count(*) from private.job_runs where take_overs > 0 and coalesce(completed_at, now()) >= p_from));
end
$$;

comment on function private.job_figures(timestamptz) is
  'How many jobs run, wait for a result from elsewhere and are overdue now, since when the oldest of those that generate is asked for, and how many failed, were cancelled and were taken over since p_from (those taken over that still run, too).';
revoke all on function private.job_figures(timestamptz) from public, anon, authenticated, service_role;
grant execute on function private.job_figures(timestamptz) to authenticated;

-- supabase/sql/console/list_jobs.sql
-- Definer rights: people may not read the leases of jobs and the addresses of owners; it asks who the caller is itself.
create or replace function public.list_jobs(
  p_state text default null, p_report_type text default null, p_stage text default null, p_owner uuid default null,
  p_after timestamptz default null, p_before timestamptz default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 1000;
  -- What has ended badly is sought by when it ended.
  v_time text := case when p_state in ('failed', 'cancelled') then 'completed_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    case
      when p_state = 'taken_over' then 'take_overs > 0'
      when p_state in ('running', 'waiting', 'overdue') then $q$status in ('queued', 'running') and state = $1$q$
      when p_state = 'failed' then $q$status = 'failed'$q$
      when p_state = 'cancelled' then $q$status = 'cancelled'$q$
      when p_state is not null then 'status = $1'
      else 'true'
    end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_owner is not null then 'user_id = $4' end,
    case when p_after is not null then v_time || ' >= $5' end,
    case when p_before is not null then v_time || ' < $6' end,
    case when p_cursor_at is not null then format('(%s, job_id) < ($8, $9)', v_time) end);
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(
       to_jsonb(page) || jsonb_build_object(
         ''title'', private.report_title(report_type, report_id),
         ''owner_email'', (select email from auth.users owner where owner.id = page.user_id))
       order by %1$s desc, job_id desc)
     from (select * from private.job_states where %2$s order by %1$s desc, job_id desc limit $7 + 1) page', v_time, v_where)
  into v_rows
  using p_state, p_report_type, p_stage, p_owner, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object('counts', (
    select jsonb_object_agg(state, jsonb_build_object('count', least(jobs, c_counted), 'capped', jobs > c_counted))
    from (
      select state, sum(jobs) as jobs
      from (
        select state, count(*) as jobs
        from private.job_states where status in ('queued', 'running') group by state
        union all
        select 'failed', count(*)
        from (select from private.job_runs where status = 'failed' limit c_counted + 1) failed
        union all
        select 'cancelled', count(*)
        from (select from private.job_runs where status = 'cancelled' limit c_counted + 1) cancelled
        union all
        select 'taken_over', count(*)
        from (select from private.job_runs where take_overs > 0 limit c_counted + 1) taken_over
        union all
        select unnest('{running,waiting,overdue}'::text[]), 0) parts
      group by state) counted));
end
$$;

comment on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) is
  'Jobs for operators, newest first: by created_at, or by completed_at where p_state is failed or cancelled. p_state is a state of private.job_states, or taken_over. Returns {rows, next, counts}: counts are those of all jobs, up to 1,000 of each state.';
revoke all on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

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
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id,
          private.title_of(user_data) as title,
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

-- supabase/sql/console/report_title.sql
create or replace function private.report_title(p_report_type text, p_report_id uuid)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_title text;
begin
  if p_report_type is null then
    return null;
  end if;
  execute format('select private.title_of(user_data) from public.%I where id = $1', private.report_table(p_report_type))
  into v_title using p_report_id;
  return v_title;
end
$$;

comment on function private.report_title(text, uuid) is
  'What a report is called. Null: nothing names it, or it is gone.';
revoke all on function private.report_title(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/console/title_of.sql
create or replace function private.title_of(p_user_data jsonb)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- The first member that may name what the report is about, else the first text. Reading the members at once decompresses a
  -- long intake once, not once for each of them.
  return "left"(coalesce(
    (select coalesce(full_name, requirement_title, title, name, organisation_name)
      from jsonb_to_record(case when jsonb_typeof(p_user_data) = 'object' then p_user_data end)
        as named (full_name text, requirement_title text, title text, name text, organisation_name text)),
    jsonb_path_query_first(p_user_data, 'strict $.* ? (@ like_regex "\\S")', '{}', true) #>> '{}'), 300);
end
$$;

comment on function private.title_of(jsonb) is
  'What a report is called, by its user_data: the name of whom or what it is about. Null: nothing in there names it.';
revoke all on function private.title_of(jsonb) from public, anon, authenticated, service_role;
grant execute on function private.title_of(jsonb) to authenticated;

-- supabase/sql/console/traffic.sql
create or replace function private.traffic(
  p_total bigint, p_succeeded bigint, p_reported_failures bigint, p_p50 int, p_p95 int, p_p99 int)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'total', coalesce(p_total, 0), 'succeeded', coalesce(p_succeeded, 0),
    -- Delivered as they should be, but no results: neither a success nor a failure of the webhook.
    'reported_failures', coalesce(p_reported_failures, 0),
    'failed', coalesce(p_total - p_succeeded - p_reported_failures, 0),
    'success_rate', round(p_succeeded::numeric / nullif(p_total - p_reported_failures, 0), 6),
    'p50_ms', round(power(1.05::float8, p_p50 - 0.5::float8)::numeric, 4),
    'p95_ms', round(power(1.05::float8, p_p95 - 0.5::float8)::numeric, 4),
    'p99_ms', round(power(1.05::float8, p_p99 - 0.5::float8)::numeric, 4));
end
$$;

comment on function private.traffic(bigint, bigint, bigint, int, int, int) is
  'Counts and percentiles as the console takes them. p_reported_failures: of p_total, those that brought the news of a failed generation; p_succeeded leaves them out.';
revoke all on function private.traffic(bigint, bigint, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function private.traffic(bigint, bigint, bigint, int, int, int) to authenticated;

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
    select date_bin(v_bucket, created_at, 'epoch') as at, direction, report_type, outcome, reports_failure, bucket,
      count(*) as requests
    from private.webhook_measures where created_at >= v_split
    group by 1, 2, 3, 4, 5, 6
  ), counts as materialized (
    -- Only what arrived reported anything.
    select at, direction, report_type, outcome, reports_failure and outcome = any (c_succeeded) as reports_failure,
      sum(requests)::bigint as requests
    from (
      select at, direction, report_type, outcome, reports_failure, requests from fresh
      union all
      select slot, direction, report_type, outcome, reports_failure, requests
      from public.webhook_counts where slot_minutes = v_slot_minutes and slot >= v_from) parts
    group by 1, 2, 3, 4, 5
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
      coalesce(sum(requests) filter (where outcome = any (c_succeeded) and not reports_failure), 0)::bigint as succeeded,
      coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures,
      coalesce(sum(requests) filter (where outcome = 'skipped'), 0)::bigint as skipped
    from counts group by grouping sets ((at, direction), (direction))
  ), traffic as (
    select totals.at, totals.direction,
      private.traffic(total, succeeded, reported_failures, p50, p95, p99)
        || case totals.direction when 'out' then jsonb_build_object('skipped', skipped) else '{}' end as figures
    from totals
    left join percentiles on percentiles.direction = totals.direction
      and coalesce(percentiles.at, '-infinity') = coalesce(totals.at, '-infinity')
  ), nothing as (
    select private.traffic(0, 0, 0, null, null, null) as received,
      private.traffic(0, 0, 0, null, null, null) || '{"skipped": 0}' as sent
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
      from (
        select direction, outcome, sum(requests)::bigint as count,
          coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures
        from counts group by 1, 2) summed),
    'attempts', (
      select coalesce(jsonb_object_agg(report_type, private.traffic(total, succeeded, reported_failures, null, null, null)), '{}')
      from (
        select report_type, sum(requests)::bigint as total,
          coalesce(sum(requests) filter (where outcome = 'delivered' and not reports_failure), 0)::bigint as succeeded,
          coalesce(sum(requests) filter (where reports_failure), 0)::bigint as reported_failures
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
        'dead', coalesce(sum(dead), 0),
        -- Whatever it brought: a delivery has succeeded when it arrived.
        'success', (v_traffic -> 'sent' ->> 'succeeded')::bigint + (v_traffic -> 'sent' ->> 'reported_failures')::bigint),
      'queue', jsonb_build_object(
        'depth', coalesce(sum(waiting), 0), 'due', coalesce(sum(due), 0), 'oldest_waiting', min(oldest)),
      'by_report_type', jsonb_agg(jsonb_build_object(
        'report_type', type.report_type, 'waiting', coalesce(waiting, 0), 'dead', coalesce(dead, 0))
        || (coalesce(v_traffic -> 'attempts' -> type.report_type, private.traffic(0, 0, 0, null, null, null))
          - '{p50_ms,p95_ms,p99_ms}'::text[]) order by type.report_type),
      'circuits', (
        select jsonb_agg(jsonb_build_object(
          'endpoint_id', endpoint_id, 'opened_at', opened_at, 'probe_after', probe_after,
          'state', case when opened_at is null then 'closed' when probe_after > now() then 'open' else 'half_open' end)
          order by endpoint_id desc)
        from public.webhook_circuits),
      'jobs', private.job_figures(v_from))
      || (v_traffic - 'attempts')
    from public.report_types type
    left join lateral jsonb_to_record(v_open -> type.report_type) as open (
      waiting bigint, dead bigint, pending bigint, sent bigint, retrying bigint, failed bigint, due bigint,
      oldest timestamptz) on true);
end
$$;

comment on function public.webhook_statistics(text) is
  'How webhooks fared in the last hour, day or week, in buckets of a minute, a quarter of an hour or two hours, and what waits now; and how jobs fared. A delivery that brings the news of a failed generation is counted by itself, as neither success nor failure. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
revoke all on function public.webhook_statistics(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_statistics(text) to authenticated;

-- supabase/sql/reports/unfinished_tables.sql
create or replace view private.unfinished_tables with (security_invoker = true) as
  select tables.table_name, part.name, part.statement
  from (select table_name from public.report_types union all select unnest('{webhook_audit,job_runs}'::text[])) tables
  cross join lateral private.finish_table(tables.table_name) part;

comment on view private.unfinished_tables is
  'What npm run upgrade still has to build on large tables. No row: nothing.';
revoke all on private.unfinished_tables from anon, authenticated, service_role;

-- supabase/sql/jobs/job_states.sql
create or replace view private.job_states with (security_invoker = true) as
  select job_id as id, job_id, report_type, report_id, user_id, caller, stage, status,
    case
      when status not in ('queued', 'running') then status
      -- As private.due_jobs says it: whoever looks a moment later finds the sweep at work.
      when generate and lease_expires_at < now() or not generate and deadline < now() then 'overdue'
      when not generate then 'waiting'
      else 'running'
    end as state,
    generate, model, percent, eta_seconds, "left"(error, 500) as error, event_id, take_overs, lease_token, lease_expires_at, deadline,
    created_at, started_at, completed_at,
    generate and prompt is not null and erased_at is null and status not in ('queued', 'running') as can_repeat
  from private.job_runs;

comment on view private.job_states is
  'A job as operators see it. state: running (under a lease), waiting (for a result from elsewhere), overdue (its lease or its deadline is over: the next sweep takes it over, or ends it), succeeded, failed or cancelled.';
revoke all on table private.job_states from public, anon, authenticated, service_role;

-- supabase/sql/observe/webhook_measures.sql
create or replace view private.webhook_measures with (security_invoker = true) as
  select audit.created_at, audit.direction, audit.endpoint_id, type.report_type, audit.outcome,
    -- Buckets 5 % wide: bucket n holds durations over 1.05^(n - 1) and up to 1.05^n milliseconds.
    case when audit.duration_ms is not null then
      ceil(ln(greatest(audit.duration_ms, 0.01)::double precision) / ln(1.05::double precision))::int end as bucket,
    coalesce(audit.request_payload ->> 'type' like 'report.%.failed', false) as reports_failure
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table
  where audit.outcome is not null and audit.endpoint_id is not null
    and (audit.direction = 'out' or audit.actor is null);

comment on view private.webhook_measures is
  'What counts: attempts, and requests of senders to the webhook endpoints. Not what operators and the cron asked for. reports_failure: it brings the news of a failed generation.';
revoke all on table private.webhook_measures from public, anon, authenticated, service_role;
grant select on table private.webhook_measures to authenticated;

-- supabase/sql/reports/operators.sql
comment on table public.operators is 'Who may watch, retry, redrive, cancel jobs, run them again and erase accounts. Deleting a row revokes at once.';
alter table public.operators enable row level security;
revoke all on table public.operators from anon, authenticated, service_role;
grant select on table public.operators to authenticated;
drop policy if exists "people see themselves" on public.operators;
create policy "people see themselves" on public.operators for select to authenticated
  using (user_id = (select auth.uid()));

-- supabase/sql/observe/webhook_counts.sql
comment on table public.webhook_counts is
  'Attempts and requests by endpoint and outcome: in slots of 15 minutes for the last day, and of 120 for the last week.';
comment on column public.webhook_counts.slot is 'Its beginning.';
comment on column public.webhook_counts.report_type is 'Null: a request that named none, as refused ones do.';
comment on column public.webhook_counts.reports_failure is 'They bring the news of a failed generation.';
alter table public.webhook_counts enable row level security;
revoke all on table public.webhook_counts from anon, authenticated, service_role;
grant select on table public.webhook_counts to authenticated;
drop policy if exists "operators read" on public.webhook_counts;
create policy "operators read" on public.webhook_counts for select to authenticated
  using ((select private.is_operator()));
