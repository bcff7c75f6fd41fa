-- Why: operators and owners read lists and one thing's history through functions that page, filter and hide what is not theirs.
-- Where the project has Realtime, the console hears of changes instead of asking again and again: only tables without any
-- report's text, prompt or metadata are published, and row level security decides who receives which row.

do $$
declare
  v_table text;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    return;
  end if;
  foreach v_table in array '{webhook_deliveries,webhook_circuits,report_notifications}'::text[] loop
    if not exists (
      select from pg_catalog.pg_publication_tables
      where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = v_table)
    then
      execute format('alter publication supabase_realtime add table public.%I', v_table);
    end if;
  end loop;
end $$;

-- Generated from supabase/sql/console: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/console/event_timeline.sql
create or replace function public.event_timeline(p_event_id text)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_audit_rows constant int := 200;
  v_event public.report_events;
  v_job jsonb;
  v_delivery jsonb;
  v_audit jsonb;
  v_steps jsonb;
begin
  perform private.require_operator();
  select * into v_event from public.report_events where id = p_event_id;
  select to_jsonb(job) into v_job from private.job_rows job where job_id = v_event.job_id;
  select to_jsonb(delivery) || jsonb_build_object('id', id::text) into v_delivery
  from private.delivery_rows delivery
  where event_id = p_event_id
  order by delivery.endpoint_id = private.internal_endpoint(v_event.stage) desc, id
  limit 1;
  select jsonb_agg(jsonb_build_object('at', created_at, 'audit_id', id) || case
    when outcome = 'redriven' then jsonb_build_object('kind', 'redriven', 'actor', actor)
    when request_payload ->> 'endpoint' = 'retry' then jsonb_build_object(
      'kind', 'retried', 'actor', actor, 'outcome', outcome, 'response_status', response_status, 'duration_ms', duration_ms,
      'error', error_message)
    else jsonb_build_object(
        'outcome', outcome, 'response_status', response_status, 'duration_ms', duration_ms, 'error', error_message)
      || case direction when 'out' then jsonb_build_object('kind', 'attempt', 'attempt_number', attempt_number)
        else jsonb_build_object('kind', 'request', 'body_bytes', body_bytes) end
    end)
  into v_audit
  from (
    select * from public.webhook_audit where event_id = p_event_id order by created_at desc limit c_audit_rows + 1) newest;
  if v_event.id is null and v_audit is null then
    return null;
  end if;

  select jsonb_agg(step order by (step ->> 'at')::timestamptz, place) into v_steps
  from (
    select 1, jsonb_build_object(
      'kind', 'job_requested', 'at', v_job -> 'created_at', 'job_id', v_job -> 'job_id', 'caller', v_job -> 'caller')
    where v_job is not null
    union all
    select 2, jsonb_build_object('kind', 'job_started', 'at', v_job -> 'started_at', 'take_overs', v_job -> 'take_overs')
    where v_job ->> 'started_at' is not null
    union all
    select 3, jsonb_build_object('kind', 'event_committed', 'at', v_event.created_at, 'type', v_event.type,
      'digest', v_event.digest)
    where v_event.id is not null
    union all
    select 4, jsonb_build_object(
      'kind', 'job_finished', 'at', v_job -> 'completed_at', 'status', v_job -> 'status', 'error', v_job -> 'error')
    where v_job ->> 'completed_at' is not null
    union all
    select 5, step from jsonb_array_elements(v_audit - c_audit_rows) audited (step)
    union all
    select 6, jsonb_build_object(
      'kind', 'effect', 'at', v_event.applied_at, 'effect', v_event.effect, 'channel', v_event.channel,
      -- As take_effect() decides it; notifications themselves are their owner's.
      'notified', v_event.effect = 'applied' and v_event.status = 'completed' and v_event.stage = 'final'
        and v_event.channel in ('webhook', 'direct'))
    where v_event.effect is not null
    union all
    select 7, jsonb_build_object('kind', 'dead_letter', 'at', v_delivery -> 'dead_at', 'dead_reason', v_delivery -> 'dead_reason')
    where v_delivery ->> 'dead_at' is not null
    union all
    select 8, jsonb_build_object('kind', 'next_attempt', 'at', v_delivery -> 'next_attempt')
    where v_delivery ->> 'next_attempt' is not null and v_delivery ->> 'dead_at' is null
  ) steps (place, step);
  return jsonb_build_object(
    'event', case when v_event.id is not null then to_jsonb(v_event) end,
    'job', v_job, 'delivery', v_delivery, 'steps', v_steps,
    'truncated', coalesce(jsonb_array_length(v_audit) > c_audit_rows, false));
end
$$;

comment on function public.event_timeline(text) is
  'What happened to an event, oldest first, and what comes next: {event, job, delivery, steps, truncated}. Null: nobody ever named this id.';
revoke all on function public.event_timeline(text) from public, anon, authenticated, service_role;
grant execute on function public.event_timeline(text) to authenticated;

-- supabase/sql/console/list_open_deliveries.sql
create or replace function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null, p_after timestamptz default null,
  p_before timestamptz default null, p_limit int default 50, p_cursor_at timestamptz default null,
  p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status not in ('success', 'superseded', 'cancelled')$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(lower(error), lower($5)) > 0' end,
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
end
$$;

comment on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as redrive_deliveries() matches them.';
revoke all on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_report_jobs.sql
create or replace function public.list_report_jobs(
  p_scope text default 'mine', p_report_type text default null, p_report_id uuid default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_report_id is not null then 'report_id = $2 and report_type = $3' end,
    case when p_cursor_at is not null then '(created_at, id) < ($4, $5)' end);
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.job_rows where %s order by created_at desc, id desc limit $1 + 1) page', v_where)
  into v_rows using p_limit, p_report_id, p_report_type, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) is
  'Jobs without prompt and result, newest first: one''s own (mine), or all that the caller may see (all).';
revoke all on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_report_jobs(text, text, uuid, int, timestamptz, text) to authenticated;

-- supabase/sql/console/list_reports.sql
create or replace function public.list_reports(
  p_scope text default 'mine', p_report_type text default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    -- Row level security hides the reports of others; this condition lets an index find one's own.
    case when p_scope <> 'all' or not private.is_operator() then 'user_id = (select auth.uid())' end,
    case when p_cursor_at is not null then '(created_at, id) < ($2, $3::uuid)' end);
  -- The title is the first member that may name what the report is about, else the first text. Reading the members at once
  -- decompresses a long intake once, not once for each of them.
  v_query text := (
    select string_agg(format(
      '(select id, %L as report_type, user_id,
          left(coalesce(
            (select coalesce(full_name, requirement_title, title, name, organisation_name)
              from jsonb_to_record(case when jsonb_typeof(user_data) = ''object'' then user_data end)
                as named (full_name text, requirement_title text, title text, name text, organisation_name text)),
            jsonb_path_query_first(user_data, ''strict $.* ? (@ like_regex "\\S")'', ''{}'', true) #>> ''{}''), 300) as title,
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

-- supabase/sql/console/list_webhook_audit.sql
create or replace function public.list_webhook_audit(
  p_search text default null, p_outcome text default null, p_direction text default null,
  p_response_status text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
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
end
$$;

comment on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) is
  'The audit log, newest first. p_search is the whole id of a report, a job or an event; p_response_status is a number or none.';
revoke all on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text) to authenticated;

-- supabase/sql/console/page_of.sql
create or replace function private.page_of(p_rows jsonb, p_limit int, p_time text)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'rows', coalesce(p_rows - p_limit, '[]'),
    'next', case when jsonb_array_length(p_rows) > p_limit then jsonb_build_object(
      'at', p_rows -> (p_limit - 1) -> p_time, 'id', p_rows -> (p_limit - 1) ->> 'id') end);
end
$$;

comment on function private.page_of(jsonb, int, text) is
  'Of one row more than a page has: the page, and where the next begins. p_time names the column that orders it.';
revoke all on function private.page_of(jsonb, int, text) from public, anon, authenticated, service_role;
grant execute on function private.page_of(jsonb, int, text) to authenticated;

-- supabase/sql/console/report_results.sql
-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.report_results(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_owner uuid;
begin
  if private.report_table(p_report_type) is null then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(p_report_type))
  into v_owner using p_report_id;
  if v_owner is null or v_owner is distinct from (select auth.uid()) and not private.is_operator() then
    return null;
  end if;
  return (
    select coalesce(jsonb_agg(newest order by newest.stage desc), '[]')
    from unnest('{prelim,final}'::text[]) stages (stage)
    cross join lateral (
      select event.stage, event.job_id, event.requested_at, content.research_report
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      where event.report_id = p_report_id and event.report_type = p_report_type and event.stage = stages.stage
        and event.status = 'completed' and event.type <> 'report.owner.edited'
      order by event.requested_at desc, event.id collate "C" desc
      limit 1) newest);
end
$$;

comment on function public.report_results(text, uuid) is
  'The newest completed result of each stage, prelim first, to compare them. Null: there is no such report that the caller may see.';
revoke all on function public.report_results(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_results(text, uuid) to authenticated;

-- supabase/sql/console/report_webhook_status.sql
create or replace function public.report_webhook_status(p_report_type text, p_report_id uuid)
returns jsonb
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
      select event_id, endpoint_id, status, attempts, last_attempt, next_attempt, dead_at, dead_reason,
        response ->> 'error' as error
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1) latest));
end
$$;

comment on function public.report_webhook_status(text, uuid) is
  'How a report and its webhook stand, for operators with its latest delivery. Null: there is none that the caller may see.';
revoke all on function public.report_webhook_status(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_webhook_status(text, uuid) to authenticated;

-- supabase/sql/console/traffic.sql
create or replace function private.traffic(p_total bigint, p_succeeded bigint, p_p50 int, p_p95 int, p_p99 int)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'total', coalesce(p_total, 0), 'succeeded', coalesce(p_succeeded, 0),
    'failed', coalesce(p_total - p_succeeded, 0),
    'success_rate', round(p_succeeded::numeric / nullif(p_total, 0), 6),
    'p50_ms', round(power(1.05::float8, p_p50 - 0.5::float8)::numeric, 4),
    'p95_ms', round(power(1.05::float8, p_p95 - 0.5::float8)::numeric, 4),
    'p99_ms', round(power(1.05::float8, p_p99 - 0.5::float8)::numeric, 4));
end
$$;

comment on function private.traffic(bigint, bigint, int, int, int) is
  'Counts and percentiles as the console takes them.';
revoke all on function private.traffic(bigint, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function private.traffic(bigint, bigint, int, int, int) to authenticated;

-- supabase/sql/console/webhook_statistics.sql
create or replace function public.webhook_statistics(p_window text default 'hour')
returns jsonb
language plpgsql stable set search_path = '' as $$
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
