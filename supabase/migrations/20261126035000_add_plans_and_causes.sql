-- Why: an operator asks once for something to be done with many deliveries, and it goes on when the page is closed: a plan is a row. Failures can be listed by their cause.

create table public.plans (
  id int generated always as identity primary key,
  request_id uuid not null unique,
  kind text not null
    constraint plan_kind_is_known check (kind in ('redrive')),
  name text not null
    constraint plan_name_is_short check (length(name) between 1 and 200),
  reason text not null
    constraint plan_reason_is_short check (length(reason) between 1 and 1000),
  filter jsonb not null
    constraint plan_filter_is_an_object check (jsonb_typeof(filter) = 'object'),
  actor text not null,
  created_at timestamptz not null default now(),
  status text not null default 'running'
    constraint plan_status_is_known check (status in ('running', 'done', 'cancelled', 'failed')),
  total int,
  outcomes jsonb not null default '{}',
  position jsonb,
  passes int not null default 0,
  faults int not null default 0,
  last_error text,
  next_slice_at timestamptz not null default now(),
  cancelled_by text,
  finished_at timestamptz,
  constraint ended_plan_has_its_end check ((status = 'running') = (finished_at is null)),
  constraint cancelled_plan_says_by_whom check ((status = 'cancelled') = (cancelled_by is not null))
);
create index plans_running on public.plans (next_slice_at, id) where status = 'running';
create index plans_created_at on public.plans (created_at desc, id desc);

-- Functions that have got more parameters. PostgREST could not choose between two of one name.
drop function public.list_open_deliveries(
  text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/cancel_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.cancel_plan(p_plan_id int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_plan public.plans;
begin
  -- Waits for a slice that is under way.
  update public.plans set status = 'cancelled', cancelled_by = p_actor, finished_at = now()
  where id = p_plan_id and status = 'running';
  select * into v_plan from public.plans where id = p_plan_id;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  end if;
  return jsonb_build_object('outcome', v_plan.status, 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.cancel_plan(int, text) is
  'Ends a plan that is running: no further slice begins, and what was done stays done. Returns {outcome, plan}: the plan as it stands, which may have ended before, or plan_not_found.';
revoke all on function public.cancel_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_plan(int, text) to service_role;

-- supabase/sql/deliver/cause_of.sql
create or replace function private.cause_of(p_error text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return regexp_replace(
    "left"(p_error, 200), '(?<!^answered )(?<![\w.:/-])[\w.:/-]*\d(?:[\w.:/-]*\w)?', '…', 'g');
end
$$;

comment on function private.cause_of(text) is
  'An attempt''s error without what differs from one failure to the next: each word with a digit in it (an id, a number, a time, an address) is an ellipsis. The status in "answered 502" stays. Null for null.';
revoke all on function private.cause_of(text) from public, anon, authenticated, service_role;
grant execute on function private.cause_of(text) to authenticated;

-- supabase/sql/deliver/plan_view.sql
create or replace function private.plan_view(p_plan public.plans)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return to_jsonb(p_plan) - '{request_id,position,faults,next_slice_at}'::text[];
end
$$;

comment on function private.plan_view(public.plans) is
  'A plan as people see it.';
revoke all on function private.plan_view(public.plans) from public, anon, authenticated, service_role;
grant execute on function private.plan_view(public.plans) to authenticated;

-- supabase/sql/deliver/planned_letters.sql
-- A plan of few among many dead letters must not read them all for each slice, so the number that is looked at is limited too.
create or replace function private.planned_letters(
  p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int, p_limit int,
  out ids bigint[], out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
begin
  with letters as materialized (
    select id, dead_at, endpoint_id, report_type, dead_reason, response ->> 'status' as status, response ->> 'error' as error
    from public.webhook_deliveries
    where dead_at is not null and dead_at <= p_until
      and (dead_at, id) > (
        coalesce((p_after ->> 'at')::timestamptz, '-infinity'), coalesce((p_after ->> 'id')::bigint, 0))
      and (p_filter -> 'event_ids' is null
        or event_id = any (array(select jsonb_array_elements_text(p_filter -> 'event_ids'))))
    order by dead_at, id
    limit p_examined
  ), matching as materialized (
    select id, dead_at from letters
    where not private.is_closed(dead_reason)
      and (p_filter -> 'report_type' is null or report_type = p_filter ->> 'report_type')
      and (p_filter -> 'endpoint_id' is null or endpoint_id = p_filter ->> 'endpoint_id')
      and (p_filter -> 'dead_reason' is null or dead_reason = p_filter ->> 'dead_reason')
      and (p_filter -> 'dead_after' is null or dead_at >= (p_filter ->> 'dead_after')::timestamptz)
      and (p_filter -> 'dead_before' is null or dead_at < (p_filter ->> 'dead_before')::timestamptz)
      and (p_filter -> 'response_status' is null or coalesce(status, 'none') = p_filter ->> 'response_status')
      and (p_filter -> 'error' is null or strpos(lower(error), lower(p_filter ->> 'error')) > 0)
      and (p_filter -> 'cause' is null or private.cause_of(error) = p_filter ->> 'cause')
    order by dead_at, id
    limit p_limit
  )
  select coalesce((select array_agg(id) from matching), '{}'), (select count(*)::int from letters), (
    select jsonb_build_object('at', dead_at, 'id', id)
    -- A full slice ends at its last match; what was looked at beyond comes again.
    from (
      (select dead_at, id from matching where (select count(*) from matching) = p_limit order by dead_at desc, id desc limit 1)
      union all
      (select dead_at, id from letters where (select count(*) from matching) < p_limit order by dead_at desc, id desc limit 1)) ends)
  into ids, examined, last;
end
$$;

comment on function private.planned_letters(jsonb, timestamptz, jsonb, int, int) is
  'Of up to p_examined dead letters after p_after, oldest first, up to p_limit that match: their ids, how many were looked at, and the p_after of the next call. Closed ones never match.';
revoke all on function private.planned_letters(jsonb, timestamptz, jsonb, int, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/put_back.sql
create or replace function private.put_back(p_delivery public.webhook_deliveries, p_actor text, p_asked jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.move_delivery(p_delivery.id, 'redriven');
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'redriven', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'redrive', 'dead_at', p_delivery.dead_at, 'dead_reason', p_delivery.dead_reason) || p_asked,
    p_error => p_delivery.response ->> 'error', p_attempt_number => p_delivery.attempts);
end
$$;

comment on function private.put_back(public.webhook_deliveries, text, jsonb) is
  'Redrives a dead letter, whose lock the caller holds, and audits it. p_asked names the call or the plan that asked for it.';
revoke all on function private.put_back(public.webhook_deliveries, text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/redrive_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.redrive_deliveries(
  p_filter jsonb, p_actor text, p_limit int, p_claim_id uuid default null)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_redriven int;
begin
  perform private.await_same_call(p_claim_id::text);
  -- The audit tells what the first call did: a sweep may have claimed its deliveries since.
  select count(*) into v_redriven from public.webhook_audit
  where outcome = 'redriven' and request_payload ->> 'claim_id' = p_claim_id::text
    and created_at > now() - interval '1 hour';
  if v_redriven > 0 then
    return v_redriven;
  end if;
  for v_delivery in
    -- In the order of their reports, whose locks each takes: two redrives must not wait for each other.
    select * from (
      select * from public.webhook_deliveries
      where dead_at is not null and not private.is_closed(dead_reason)
        and (p_filter -> 'event_ids' is null or p_filter -> 'event_ids' ? event_id)
        and (p_filter -> 'report_type' is null or report_type = p_filter ->> 'report_type')
        and (p_filter -> 'endpoint_id' is null or endpoint_id = p_filter ->> 'endpoint_id')
        and (p_filter -> 'dead_reason' is null or dead_reason = p_filter ->> 'dead_reason')
        and (p_filter -> 'error' is null or strpos(lower(response ->> 'error'), lower(p_filter ->> 'error')) > 0)
        and (p_filter -> 'dead_after' is null or dead_at >= (p_filter ->> 'dead_after')::timestamptz)
        and (p_filter -> 'dead_before' is null or dead_at < (p_filter ->> 'dead_before')::timestamptz)
      order by dead_at, id
      limit p_limit
      -- One that another process holds is being retried or redriven now.
      for update skip locked) picked
    order by report_type, report_id, id
  loop
    perform private.put_back(v_delivery, p_actor, jsonb_build_object('claim_id', p_claim_id));
    v_redriven := v_redriven + 1;
  end loop;
  return v_redriven;
end
$$;

comment on function public.redrive_deliveries(jsonb, text, int, uuid) is
  'Puts dead letters back on schedule, at its beginning, and audits each with who did it. Returns how many. A repeated call is recognised by p_claim_id.';
revoke all on function public.redrive_deliveries(jsonb, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.redrive_deliveries(jsonb, text, int, uuid) to service_role;

-- supabase/sql/deliver/request_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.request_plan(
  p_request_id uuid, p_kind text, p_name text, p_reason text, p_filter jsonb, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Counting more would cost more than it tells.
  c_counted constant int := 20000;
  v_plan public.plans;
  v_letters record;
begin
  perform private.await_same_call(p_request_id::text);
  select * into v_plan from public.plans where request_id = p_request_id;
  if v_plan.id is null then
    v_letters := private.planned_letters(p_filter, now(), null, c_counted, c_counted);
    insert into public.plans (request_id, kind, name, reason, filter, actor, total)
    values (
      p_request_id, p_kind, p_name, p_reason, p_filter, p_actor,
      case when v_letters.examined < c_counted then cardinality(v_letters.ids) end)
    returning * into v_plan;
  elsif (v_plan.kind, v_plan.name, v_plan.reason, v_plan.filter, v_plan.actor)
    is distinct from (p_kind, p_name, p_reason, p_filter, p_actor)
  then
    return '{"outcome": "idempotency_conflict"}';
  end if;
  return jsonb_build_object('outcome', 'planned', 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.request_plan(uuid, text, text, text, jsonb, text) is
  'Writes down what a person asks to be done with many deliveries; work_plan() does it. Returns {outcome: planned|idempotency_conflict, plan}. A repeated call is recognised by p_request_id.';
revoke all on function public.request_plan(uuid, text, text, text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.request_plan(uuid, text, text, text, jsonb, text) to service_role;

-- supabase/sql/deliver/try_redrive.sql
create or replace function private.try_redrive(p_delivery_id bigint, p_plan public.plans)
returns text
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  -- Asked again under the lock: it may have been redriven, and have died again, since.
  select * into v_delivery from public.webhook_deliveries
  where id = p_delivery_id and dead_at <= p_plan.created_at and not private.is_closed(dead_reason)
  for update skip locked;
  if v_delivery.id is null then
    return case when exists (
      select from public.webhook_deliveries
      where id = p_delivery_id and dead_at <= p_plan.created_at and not private.is_closed(dead_reason))
      then 'held' else 'changed' end;
  end if;
  perform private.put_back(v_delivery, p_plan.actor, jsonb_build_object('plan', p_plan.id));
  return 'redriven';
exception
  when lock_not_available then
    return 'held';
  when others then
    return 'error';
end
$$;

comment on function private.try_redrive(bigint, public.plans) is
  'Redrives a dead letter for a plan if that needs no waiting: redriven, changed (it is no dead letter any more), held (another transaction holds it or its report), error.';
revoke all on function private.try_redrive(bigint, public.plans) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/work_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
--
-- The lock of the plan's row is its lease: a slice and its progress are one transaction, so that a process that dies in between
-- leaves nothing half done, and nobody has to wait for its lease to end. It is the first lock of its transaction.
create or replace function public.work_plan(p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_examined constant int := 5000;
  -- What another transaction holds is tried again, a minute later.
  c_passes constant int := 5;
  c_pause constant interval := '1 minute';
  c_faults constant int := 5;
  v_plan public.plans;
  v_letters record;
  v_slice jsonb;
  v_is_pass_over boolean;
begin
  select * into v_plan from public.plans
  where status = 'running' and next_slice_at <= now()
  order by next_slice_at, id limit 1 for update skip locked;
  if v_plan.id is null then
    return null;
  end if;
  begin
    v_letters := private.planned_letters(v_plan.filter, v_plan.created_at, v_plan.position, c_examined, p_limit);
    -- In the order of their reports, whose locks each takes.
    select coalesce(jsonb_object_agg(outcome, deliveries), '{}') into v_slice
    from (
      select outcome, count(*) as deliveries
      from (
        select private.try_redrive(id, v_plan) as outcome
        from (
          select id from public.webhook_deliveries where id = any (v_letters.ids)
          order by report_type, report_id, id offset 0) letters) tried
      group by outcome) counted;
  exception when others then
    update public.plans
    set faults = faults + 1, last_error = "left"(sqlerrm, 200), next_slice_at = now() + c_pause,
      status = case when faults + 1 >= c_faults then 'failed' else status end,
      finished_at = case when faults + 1 >= c_faults then now() end
    where id = v_plan.id
    returning * into v_plan;
    return jsonb_build_object('plan_id', v_plan.id, 'status', v_plan.status, 'redriven', 0, 'error', v_plan.last_error);
  end;
  v_plan.outcomes := v_plan.outcomes || (
    select coalesce(jsonb_object_agg(key, value::int + coalesce((v_plan.outcomes ->> key)::int, 0)), '{}')
    from jsonb_each_text(v_slice));
  v_is_pass_over := v_letters.examined < c_examined and cardinality(v_letters.ids) < p_limit;
  v_plan.position := coalesce(v_letters.last, v_plan.position);
  v_plan.next_slice_at := now();
  if v_is_pass_over then
    v_plan.passes := v_plan.passes + 1;
    if v_plan.passes < c_passes and v_plan.outcomes ?| '{held,error}'::text[] then
      v_plan.position := null;
      v_plan.outcomes := v_plan.outcomes - '{held,error}'::text[];
      v_plan.next_slice_at := now() + c_pause;
    else
      v_plan.status := 'done';
      v_plan.finished_at := now();
    end if;
  end if;
  update public.plans
  set outcomes = v_plan.outcomes, position = v_plan.position, passes = v_plan.passes, faults = 0, last_error = null,
    next_slice_at = v_plan.next_slice_at, status = v_plan.status, finished_at = v_plan.finished_at
  where id = v_plan.id;
  return jsonb_build_object(
    'plan_id', v_plan.id, 'status', v_plan.status, 'redriven', coalesce((v_slice ->> 'redriven')::int, 0));
end
$$;

comment on function public.work_plan(int) is
  'Does the next slice, of up to p_limit deliveries, of the plan that has waited longest. Waits for no lock. Returns {plan_id, status, redriven, error?}, null when no plan has anything to do now. A call that is repeated does the slice after it.';
revoke all on function public.work_plan(int) from public, anon, authenticated, service_role;
grant execute on function public.work_plan(int) to service_role;

-- supabase/sql/console/delivery_causes.sql
create or replace function public.delivery_causes()
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_read constant int := 50000;
  c_causes constant int := 50;
  v_causes jsonb;
  v_read int;
begin
  perform private.require_operator();
  with open as materialized (
    select endpoint_id, response ->> 'status' as status, response ->> 'error' as error, dead_at, created_at, last_attempt
    from public.webhook_deliveries
    where status not in ('success', 'superseded', 'cancelled') and private.is_closed(dead_reason) is not true
    order by created_at desc, id desc limit c_read
  ), errors as (
    -- Errors are few, deliveries are many: an error is made a cause once.
    select endpoint_id, status, error, count(*) as deliveries, count(dead_at) as dead, min(created_at) as first_at,
      max(last_attempt) as last_at
    from open where error is not null group by endpoint_id, status, error
  ), causes as (
    select endpoint_id, case when status ~ '^[1-5][0-9]{2}$' then status::int end as response_status,
      private.cause_of(error) as cause, sum(deliveries)::int as deliveries, sum(dead)::int as dead,
      min(first_at) as first_at, max(last_at) as last_at
    from errors group by 1, 2, 3
  )
  select (select count(*) from open), (
    select jsonb_agg(to_jsonb(largest) order by deliveries desc, last_at desc, endpoint_id, cause)
    from (select * from causes order by deliveries desc, last_at desc, endpoint_id, cause limit c_causes + 1) largest)
  into v_read, v_causes;
  return jsonb_build_object(
    'causes', coalesce(v_causes - c_causes, '[]'),
    'truncated', v_read = c_read or coalesce(jsonb_array_length(v_causes) > c_causes, false));
end
$$;

comment on function public.delivery_causes() is
  'Failed deliveries that are not confirmed yet, by endpoint, status of the last answer and cause: {causes: [{endpoint_id, response_status, cause, deliveries, dead, first_at, last_at}], truncated}. The 50 largest groups of the newest 50,000 open deliveries; closed dead letters are in none.';
revoke all on function public.delivery_causes() from public, anon, authenticated, service_role;
grant execute on function public.delivery_causes() to authenticated;

-- supabase/sql/console/list_open_deliveries.sql
create or replace function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null, p_after timestamptz default null,
  p_before timestamptz default null, p_limit int default 50, p_cursor_at timestamptz default null,
  p_cursor_id text default null, p_endpoint_id text default null, p_response_status text default null,
  p_cause text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
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
    case when p_before is not null then v_time || ' < $7' end,
    case when p_endpoint_id is not null then 'endpoint_id = $11' end,
    case when p_response_status = 'none' then 'response_status is null and error is not null'
      when p_response_status is not null then 'response_status = $12::int' end,
    case when p_cause is not null then 'private.cause_of(error) = $13' end);
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
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, p_limit, p_cursor_at, p_cursor_id,
    p_endpoint_id, p_response_status, p_cause;
  execute format('select count(*) from (select from private.delivery_rows where %s limit $8 + 1) counted', v_where)
  into v_count
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, c_counted, null::timestamptz, null::text,
    p_endpoint_id, p_response_status, p_cause;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object(
    'total', jsonb_build_object('count', least(v_count, c_counted), 'capped', v_count > c_counted));
end
$$;

comment on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) is
  'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as redrive_deliveries() matches them; p_response_status is a number or none; p_cause is one of delivery_causes().';
revoke all on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) to authenticated;

-- supabase/sql/console/list_plans.sql
create or replace function public.list_plans(
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_rows jsonb;
begin
  perform private.require_operator();
  select jsonb_agg(private.plan_view(page) || jsonb_build_object('id', id::text) order by created_at desc, id desc) into v_rows
  from (
    select * from public.plans
    where p_cursor_at is null or (created_at, id) < (p_cursor_at, p_cursor_id::int)
    order by created_at desc, id desc limit p_limit + 1) page;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_plans(int, timestamptz, text) is
  'What people asked to be done with many deliveries, and how far it is, newest first.';
revoke all on function public.list_plans(int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_plans(int, timestamptz, text) to authenticated;

-- supabase/sql/deliver/plans.sql
comment on table public.plans is
  'What people asked to be done with many deliveries: asked once, worked off in slices by the request and by sweeps, whoever is still there.';
comment on column public.plans.id is 'From 1: 0 is the plan of live deliveries (webhook_deliveries.plan).';
comment on column public.plans.request_id is 'Of the request, minted by who asked: a repeated one is recognised by it.';
comment on column public.plans.filter is 'Which deliveries it is about. Those that became dead letters after created_at are not.';
comment on column public.plans.actor is 'The id of the operator who asked.';
comment on column public.plans.total is 'How many matched when it was requested. Null: more dead letters than were counted.';
comment on column public.plans.outcomes is
  'How many of each outcome: redriven; changed (no dead letter any more); held and error are of the present pass alone.';
comment on column public.plans.position is 'Where the next slice begins: {at, id} of the last dead letter that was looked at. Null: at the beginning.';
comment on column public.plans.passes is 'Passes that are over. Another one follows while some deliveries were held or failed.';
comment on column public.plans.faults is 'Slices in a row that failed as a whole.';
alter table public.plans enable row level security;
revoke all on table public.plans from anon, authenticated, service_role;
revoke all on sequence public.plans_id_seq from anon, authenticated, service_role;
grant select on table public.plans to authenticated;
drop policy if exists "operators read" on public.plans;
create policy "operators read" on public.plans for select to authenticated
  using ((select private.is_operator()));
