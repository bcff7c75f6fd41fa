-- Why: Operators list everybody's reports and find anything by id, address or word.

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
      -- Byte by byte, so that the beginning of an id finds it in every collation.
      'create index job_runs_id_start on private.job_runs (job_id text_pattern_ops)',
      'create index job_runs_taken_over on private.job_runs (created_at desc, job_id desc) where take_overs > 0']
    when 'report_events' then array[
      'create index report_events_id_start on public.report_events (id text_pattern_ops)']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name),
      -- Of built-in functions alone: whoever writes a report would need the right to execute one of ours. What is no object has no
      -- words, and a long name is cut, so that no row fails. Written at once, since a search would read what is put off.
      format('create index %I on public.%I using gin (to_tsvector(''pg_catalog.simple'', "left"(
        coalesce(user_data ->> ''full_name'', '''') || '' '' || coalesce(user_data ->> ''requirement_title'', '''') || '' ''
        || coalesce(user_data ->> ''title'', '''') || '' '' || coalesce(user_data ->> ''name'', '''') || '' ''
        || coalesce(user_data ->> ''organisation_name'', ''''), 1000))) with (fastupdate = off)', p_table_name || '_words', p_table_name)]
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
  'The indexes that a report table, webhook_audit, report_events or private.job_runs lacks, and the constraints that nobody has validated there, with the statement for each. p_now: where the table has at most 1,000 rows, they are made at once and not returned.';
revoke all on function private.finish_table(text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/console/list_all_reports.sql
-- Definer rights: people may not read the addresses of owners; it asks who the caller is itself.
create or replace function public.list_all_reports(
  p_state text default null, p_report_type text default null, p_owner uuid default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Of the report's newest job that was not cancelled. As `not exists`, the planner might read all jobs.
  c_newest constant text := '(
    select newer.job_id from private.job_runs newer
    where newer.report_id = job.report_id and newer.report_type = job.report_type and newer.status <> ''cancelled''
    order by newer.created_at desc, newer.job_id desc limit 1) = job.job_id';
  v_owner text := case when p_owner is not null then 'and report.user_id = $4' end;
  v_all text;
  v_failed text;
  v_unfinished text;
  v_rows jsonb;
begin
  perform private.require_operator();
  -- What is missing or failed is sought by its jobs, which have indexes for it: an index of the reports by their status would have
  -- to be written at every change of any report. Each report is asked by itself: as a join, the planner might begin with all reports.
  v_all := (
    select string_agg(format(
      '(select report.created_at as sort_at, report.id, %L as report_type from public.%I report where true %s %s
        order by report.created_at desc, report.id desc limit $1 + 1)',
      report_type, table_name, v_owner,
      case when p_cursor_at is not null then 'and (report.created_at, report.id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is null and (p_report_type is null or report_type = p_report_type));
  v_failed := (
    select string_agg(format(
      '(select job.completed_at as sort_at, job.report_id as id, job.report_type
        from private.job_runs job
        where job.report_type = %L and job.status = ''failed''
          and (select %s %s from public.%I report where report.id = job.report_id) and %s %s
        order by job.completed_at desc, job.report_id desc limit $1 + 1)',
      report_type, case p_state when 'failed' then 'report.research_status = ''failed''' else 'report.stage is null' end, v_owner,
      table_name, c_newest,
      case when p_cursor_at is not null then 'and (job.completed_at, job.report_id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is not null and (p_report_type is null or report_type = p_report_type));
  v_unfinished := (
    select string_agg(format(
      '(select job.created_at as sort_at, job.report_id as id, job.report_type
        from private.job_runs job
        where job.report_type = %L and job.status in (''queued'', ''running'')
          and (select report.stage is null %s from public.%I report where report.id = job.report_id) and %s %s
        order by job.created_at desc, job.report_id desc limit $1 + 1)',
      report_type, v_owner, table_name, c_newest,
      case when p_cursor_at is not null then 'and (job.created_at, job.report_id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state = 'missing' and (p_report_type is null or report_type = p_report_type));
  execute format(
    'select jsonb_agg(private.report_line(report_type, id) || jsonb_build_object(''sort_at'', sort_at) order by sort_at desc, id desc)
     from (select * from (%s) every order by sort_at desc, id desc limit $1 + 1) page',
    concat_ws(' union all ',
      -- Of an unknown report type there are none.
      'select null::timestamptz as sort_at, null::uuid as id, null::text as report_type where false',
      v_all, v_failed, v_unfinished))
  into v_rows using p_limit, p_cursor_at, p_cursor_id, p_owner;
  return private.page_of(v_rows, p_limit, 'sort_at');
end
$$;

comment on function public.list_all_reports(text, text, uuid, int, timestamptz, text) is
  'Everybody''s reports for operators, newest first. p_state missing: no text is stored, and the newest request is unfinished or failed. p_state failed: the newest request failed, whatever an earlier one delivered. These two are ordered by when the job failed, or was requested.';
revoke all on function public.list_all_reports(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_all_reports(text, text, uuid, int, timestamptz, text) to authenticated;

-- supabase/sql/console/report_line.sql
create or replace function private.report_line(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_report jsonb;
begin
  execute format(
    'select jsonb_build_object(
       ''user_id'', user_id, ''title'', private.title_of(user_data), ''stage'', stage, ''research_status'', research_status,
       ''created_at'', created_at, ''updated_at'', updated_at)
     from public.%I where id = $1', private.report_table(p_report_type))
  into v_report using p_report_id;
  return v_report || jsonb_build_object(
    'id', p_report_id, 'report_type', p_report_type,
    'owner_email', (select email from auth.users where id = (v_report ->> 'user_id')::uuid),
    'job', (
      select jsonb_build_object('job_id', job_id, 'state', state, 'error', error)
      from private.job_states where report_id = p_report_id and report_type = p_report_type
      order by created_at desc, job_id desc limit 1),
    'delivery', (
      select jsonb_build_object(
        'event_id', event_id, 'status', status, 'next_attempt', next_attempt, 'dead_at', dead_at, 'dead_reason', dead_reason,
        'error', "left"(response ->> 'error', 500))
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1));
end
$$;

comment on function private.report_line(text, uuid) is
  'A report as operators see it in a list: with its title, its owner''s address, its newest job and its latest delivery to an endpoint of ours. Null: it is gone.';
revoke all on function private.report_line(text, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/console/search_console.sql
-- Definer rights: people may not read the addresses of owners, and may not write the audit; it asks who the caller is itself.
create or replace function public.search_console(p_text text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_shown constant int := 6;
  -- Of a word that very many reports have, this many are looked at. The newest of these are shown.
  c_matches constant int := 500;
  v_text text := btrim(p_text);
  v_from uuid;
  v_to uuid;
  v_starts text[];
  v_owner uuid;
  v_words tsquery;
  v_by_id text;
  v_by_words text;
  v_found jsonb;
  v_reports jsonb := '[]';
  v_jobs jsonb := '[]';
  v_events jsonb := '[]';
  v_deliveries jsonb := '[]';
  v_owners jsonb := '[]';
begin
  perform private.require_operator();
  if char_length(v_text) not between 2 and 320 then
    raise exception 'p_text has 2 to 320 characters' using errcode = 'invalid_parameter_value';
  end if;
  if strpos(v_text, '@') > 0 then
    v_owner := private.find_account(v_text);
    -- Never the address, which would outlive an erasure there.
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when v_owner is null then 'account_not_found' else 'account_found' end,
      p_actor => (select auth.uid())::text,
      p_payload => jsonb_strip_nulls(jsonb_build_object('endpoint', 'search', 'user_id', v_owner)));
    v_from := v_owner;
    v_to := v_owner;
  elsif v_text ~* '^[0-9a-f]{4}[0-9a-f-]*$' and char_length(replace(v_text, '-', '')) <= 32 then
    v_from := rpad(replace(v_text, '-', ''), 32, '0')::uuid;
    v_to := rpad(replace(v_text, '-', ''), 32, 'f')::uuid;
  end if;

  if v_from is not null then
    select coalesce(jsonb_agg(jsonb_build_object('user_id', id, 'email', email) order by id), '[]') into v_owners
    from (select id, email from auth.users where id between v_from and v_to order by id limit c_shown) owners;
  end if;
  if v_from is not null and v_owner is null then
    v_by_id := (
      select string_agg(format(
        '(select id, %L as report_type, created_at from public.%I where id between $1 and $2 order by id limit $3)',
        report_type, table_name), ' union all ')
      from public.report_types);
    execute format(
      'select jsonb_agg(private.report_line(report_type, id) order by id)
       from (select * from (%s) every order by id limit $3) found', v_by_id)
    into v_found using v_from, v_to, c_shown;
    v_reports := coalesce(v_found, '[]');
  end if;
  if v_text ~ '^\S+$' and v_owner is null and strpos(v_text, '@') = 0 and char_length(v_text) >= 4 then
    -- Ours are minted with these beginnings, which a person may have left out.
    v_starts := array[v_text, 'job_' || v_text, 'evt_' || v_text];
    select coalesce(jsonb_agg(to_jsonb(jobs) order by created_at desc), '[]') into v_jobs
    from (
      select found.* from unnest(v_starts) start
      cross join lateral (
        select job_id, state, report_type, report_id, stage, created_at from private.job_states
        -- Byte by byte, as the index is, whatever the database's collation.
        where job_id operator(pg_catalog.~>=~) start and job_id operator(pg_catalog.~<~) (start || chr(1114111))
        order by job_id using operator(pg_catalog.~<~) limit c_shown) found
      limit c_shown) jobs;
    select coalesce(jsonb_agg(to_jsonb(events) order by created_at desc), '[]') into v_events
    from (
      select found.* from unnest(v_starts) start
      cross join lateral (
        select id, type, report_type, report_id, effect, created_at from public.report_events
        where id operator(pg_catalog.~>=~) start and id operator(pg_catalog.~<~) (start || chr(1114111))
        order by id using operator(pg_catalog.~<~) limit c_shown) found
      limit c_shown) events;
    if v_text ~ '^\d{1,18}$' then
      select coalesce(jsonb_agg(to_jsonb(deliveries) || jsonb_build_object('id', id::text)), '[]') into v_deliveries
      from (
        select id, event_id, endpoint_id, status, dead_at, report_type, report_id, created_at
        from public.webhook_deliveries where id = v_text::bigint) deliveries;
    end if;
  end if;

  if strpos(v_text, '@') = 0 then
    -- Each word is the beginning of one of the name's.
    select to_tsquery('pg_catalog.simple', string_agg(format('''%s'':*', word), ' & ')) into v_words
    from (
      select translate(word, '''\', '') as word from regexp_split_to_table(v_text, '\s+') word limit 8) words
    where word <> '';
    if numnode(v_words) > 0 then
      -- The expression is that of the index which private.finish_table() names.
      v_by_words := (
        select string_agg(format(
        '(select id, %L as report_type, created_at from public.%I
          where to_tsvector(''pg_catalog.simple'', "left"(
            coalesce(user_data ->> ''full_name'', '''') || '' '' || coalesce(user_data ->> ''requirement_title'', '''') || '' ''
            || coalesce(user_data ->> ''title'', '''') || '' '' || coalesce(user_data ->> ''name'', '''') || '' ''
            || coalesce(user_data ->> ''organisation_name'', ''''), 1000)) @@ $1 limit $2)', report_type, table_name), ' union all ')
        from public.report_types);
      execute format(
        'select jsonb_agg(private.report_line(report_type, id) order by created_at desc, id desc)
         from (select * from (%s) every order by created_at desc, id desc limit $3) found', v_by_words)
      into v_found using v_words, c_matches, c_shown;
      v_reports := v_reports || coalesce(v_found, '[]');
    end if;
  end if;
  return jsonb_build_object(
    'reports', v_reports, 'jobs', v_jobs, 'events', v_events, 'deliveries', v_deliveries, 'owners', v_owners);
end
$$;

comment on function public.search_console(text) is
  'Finds things for operators: by the beginning of the id of a report, a user, a job or an event, by the number of a delivery, by the whole e-mail address of an account (which is audited), and by the beginnings of words of a report''s name, organisation or title. Up to six of each kind: {reports, jobs, events, deliveries, owners}.';
revoke all on function public.search_console(text) from public, anon, authenticated, service_role;
grant execute on function public.search_console(text) to authenticated;

-- supabase/sql/reports/unfinished_tables.sql
create or replace view private.unfinished_tables with (security_invoker = true) as
  select tables.table_name, part.name, part.statement
  from (select table_name from public.report_types union all select unnest('{webhook_audit,report_events,job_runs}'::text[])) tables
  cross join lateral private.finish_table(tables.table_name) part;

comment on view private.unfinished_tables is
  'What npm run upgrade still has to build on large tables. No row: nothing.';
revoke all on private.unfinished_tables from anon, authenticated, service_role;
