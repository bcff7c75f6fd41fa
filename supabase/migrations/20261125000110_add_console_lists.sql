-- Why: the console shows lists that are too long to load. Each is read a page at a time, from where the last one ended (by
-- keyset: a row that comes or goes in between moves no other), from an index that gives it in its order. Conditions are put
-- together from what was asked, since one query for every case would use no index. All with the rights of the caller.

create index webhook_deliveries_open on public.webhook_deliveries (created_at desc, id desc) where status <> 'success';
-- The good path writes into neither of these: it is found by its time.
create index webhook_audit_outcome on public.webhook_audit (outcome, created_at desc, id desc)
  where outcome not in ('applied', 'delivered');
create index webhook_audit_response_status on public.webhook_audit (response_status, created_at desc, id desc)
  where response_status <> 200 or response_status is null;
create index report_jobs_created_at on public.report_jobs (created_at desc, id desc);
create index report_jobs_owner on public.report_jobs (user_id, created_at desc, id desc);
drop index if exists public.report_jobs_user_id;

create index greeting_reports_created_at on public.greeting_reports (created_at desc, id desc);
create index org_reports_created_at on public.org_reports (created_at desc, id desc);
create index requirement_reports_created_at on public.requirement_reports (created_at desc, id desc);

create or replace function private.add_report_type(p_report_type text, p_table_name text) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.report_types (report_type, table_name) values (p_report_type, p_table_name);
  execute format(
    'alter table public.%I
       add column if not exists stage text check (stage in (''prelim'', ''final'')),
       add column if not exists winner_event_id text references public.report_events (id)', p_table_name);
  execute format('create index on public.%I (user_id, created_at desc)', p_table_name);
  execute format('create index on public.%I (created_at desc, id desc)', p_table_name);
  execute format(
    'create trigger guard_owner_write before insert or update on public.%I for each row
       when (current_user in (''anon'', ''authenticated'')) execute function private.guard_owner_write(%L)',
    p_table_name, p_report_type);
  execute format(
    'create trigger close_report after delete on public.%I for each row
       execute function private.close_report(%L)', p_table_name, p_report_type);
  execute format(
    'create policy "operators read" on public.%I for select to authenticated
       using ((select private.is_operator()))', p_table_name);
end $$;

-- Rows as the console shows them ---------------------------------------------------------------------------------

create view private.delivery_rows with (security_invoker = true) as
  select
    delivery.id, delivery.event_id, delivery.job_id, delivery.report_type, delivery.report_id, delivery.webhook_type,
    split_part(delivery.webhook_type, '-', 1) as stage, delivery.status, delivery.attempts, delivery.created_at,
    delivery.last_attempt, delivery.next_attempt, delivery.dead_at, delivery.dead_reason,
    delivery.response ->> 'error' as error,
    -- Responses of the first version hold whatever their sender put there.
    case when delivery.response ->> 'status' ~ '^[1-5][0-9]{2}$' then (delivery.response ->> 'status')::int end as response_status,
    left(delivery.response ->> 'response', 500) as response_excerpt,
    event.channel, event.effect
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id;
comment on view private.delivery_rows is 'A delivery, what came of its last attempt, and what its event has done.';

create view private.job_rows with (security_invoker = true) as
  select
    id, job_id, report_type, report_id, user_id, stage, status, percent, eta_seconds, error, event_id, take_overs,
    created_at, started_at, completed_at
  from public.report_jobs;
comment on view private.job_rows is 'A job in a list: without its prompt and its result.';

create view private.audit_rows with (security_invoker = true) as
  select
    audit.id, audit.created_at, audit.direction, audit.webhook_type, audit.request_payload ->> 'endpoint' as endpoint,
    audit.outcome, audit.response_status, type.report_type, audit.report_id, audit.job_id, audit.event_id,
    audit.attempt_number, audit.duration_ms, audit.error_message, audit.actor
  from public.webhook_audit audit
  left join public.report_types type on type.table_name = audit.report_table;
comment on view private.audit_rows is 'A row of the audit in a list: without payload and answer.';

-- Lists ----------------------------------------------------------------------------------------------------------

create function private.page_of(p_rows jsonb, p_limit int, p_time text) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'rows', coalesce(p_rows - p_limit, '[]'),
    'next', case when jsonb_array_length(p_rows) > p_limit then jsonb_build_object(
      'at', p_rows -> (p_limit - 1) -> p_time, 'id', p_rows -> (p_limit - 1) ->> 'id') end);
end $$;
comment on function private.page_of(jsonb, int, text) is
  'Of one row more than a page has: the page, and where the next begins. p_time names the column that orders it.';

create function public.report_webhook_status(p_report_type text, p_report_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
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
      select event_id, webhook_type, status, attempts, last_attempt, next_attempt, dead_at, dead_reason,
        response ->> 'error' as error
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
      order by id desc limit 1) latest));
end $$;
comment on function public.report_webhook_status(text, uuid) is
  'How a report and its webhook stand, for operators with its latest delivery; null where the caller may not see it.';

create function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null,
  p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status <> 'success'$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(error, $5) > 0' end,
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
end $$;
comment on function public.list_open_deliveries(
  text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as
redrive_deliveries() matches them.';

create function public.list_webhook_audit(
  p_search text default null, p_outcome text default null, p_direction text default null,
  p_response_status text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
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
end $$;
comment on function public.list_webhook_audit(
  text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'The audit log, newest first. p_search is the id of a report, a job or an event, whole; p_response_status a number or
none.';

create function public.list_reports(
  p_scope text default 'mine', p_report_type text default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    -- Who is no operator sees nobody else's anyway, and finds their own by index.
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_cursor_at is not null then '(created_at, id) < ($2, $3::uuid)' end);
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id, coalesce(user_data ->> ''full_name'', user_data ->> ''requirement_title'',
          user_data ->> ''organisation_name'') as title, stage, research_status, webhook_status, webhook_attempts,
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
end $$;
comment on function public.list_reports(text, text, int, timestamptz, text) is
  'Reports without their content, newest first: one''s own (mine), or all that the caller may see (all).';

create function public.list_report_jobs(
  p_scope text default 'mine', p_report_type text default null, p_report_id uuid default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_report_id is not null then 'report_id = $2 and report_type = $3' end,
    case when p_cursor_at is not null then '(created_at, id) < ($4, $5::uuid)' end);
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.job_rows where %s order by created_at desc, id desc limit $1 + 1) page', v_where)
  into v_rows using p_limit, p_report_id, p_report_type, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end $$;
comment on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) is
  'Jobs without prompt and result, newest first: one''s own (mine), or all that the caller may see (all).';

select private.apply_grants();
