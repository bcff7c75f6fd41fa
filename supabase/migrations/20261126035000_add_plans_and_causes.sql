-- Why: an operator asks once for something to be done with many deliveries, and it goes on when the page is closed: a plan is a row. Failures can be listed by their cause, attempts with what was sent, the audit by who acted; and one call says whether results arrive.

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
drop function public.list_webhook_audit(
  text, text, text, text, timestamptz, timestamptz, int, timestamptz, text);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/reports/finish_table.sql
-- The one list of what costs a scan of a large table of the platform. A migration would block its writers meanwhile: it does
-- this on small tables only, and npm run upgrade does the rest while everything else goes on.
create or replace function private.finish_table(p_table_name text, p_now boolean default false)
returns table (name text, statement text)
language plpgsql volatile set search_path = '' as $$
declare
  v_statement text;
  v_name text;
  v_is_small boolean;
begin
  execute format('select not exists (select from public.%I offset 1000 limit 1)', p_table_name) into v_is_small;
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
      'create index webhook_audit_actor on public.webhook_audit (actor, created_at desc, id desc) where actor is not null',
      'create index webhook_audit_response_status on public.webhook_audit (response_status, created_at desc, id desc)
         where response_status <> 200 or response_status is null']
    else array[
      format('alter table public.%I validate constraint report_stage_is_known', p_table_name),
      format('create index %I on public.%I (user_id, created_at desc)', p_table_name || '_owner', p_table_name),
      format('create index %I on public.%I (created_at desc, id desc)', p_table_name || '_created_at', p_table_name)]
    end
  loop
    v_name := substring(v_statement from '(?:create index|validate constraint) (\w+)');
    continue when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.' || v_name) and indisvalid);
    continue when exists (
      select from pg_catalog.pg_constraint
      where conrelid = to_regclass('public.' || p_table_name) and conname = v_name and convalidated);
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
  'The indexes that a report table or webhook_audit lacks, and the constraints that nobody has validated there, with the statement for each. p_now: where the table has at most 1,000 rows, they are made at once and not returned.';
revoke all on function private.finish_table(text, boolean) from public, anon, authenticated, service_role;

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

-- supabase/sql/deliver/record_delivery_attempts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_delivery_attempts(
  p_delivery_id bigint, p_delivery_token bigint, p_result text, p_attempts jsonb,
  p_retry_after_seconds numeric default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_posts int := jsonb_array_length(p_attempts);
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
  v_attempt jsonb;
  v_number int := 0;
  v_effect text;
begin
  select * into strict v_delivery from public.webhook_deliveries where id = p_delivery_id for update;
  select * into strict v_event from public.report_events where id = v_delivery.event_id;
  if exists (select from public.webhook_audit where delivery_id = p_delivery_id and round = p_delivery_token) then
    -- Repeated call: this round is already recorded.
    return jsonb_build_object(
      'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', v_event.effect);
  end if;
  if v_event.erased_at is not null then
    -- The answer may echo what was sent.
    select coalesce(jsonb_agg(attempt - '{response,error}'::text[] order by number), '[]') into p_attempts
    from jsonb_array_elements(p_attempts) with ordinality as sent (attempt, number);
  end if;
  for v_attempt in select value from jsonb_array_elements(p_attempts) loop
    v_number := v_number + 1;
    perform private.add_audit(
      p_direction => 'out', p_endpoint_id => v_delivery.endpoint_id, p_event_id => v_event.id,
      p_outcome => case
        when v_number = v_posts and p_result <> 'failed' then p_result
        -- The endpoint works and rejected the event: that does not count against the endpoint.
        when v_attempt -> 'authentic' = 'true' then 'rejected'
        else 'failed'
      end,
      p_job_id => v_delivery.job_id, p_report_type => v_delivery.report_type, p_report_id => v_delivery.report_id,
      p_delivery_id => p_delivery_id, p_round => p_delivery_token,
      p_payload => jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest)
        || coalesce(nullif(v_attempt -> 'request', 'null'), '{}'),
      p_response_status => (v_attempt ->> 'status')::int, p_response_body => nullif(v_attempt -> 'response', 'null'),
      p_error => v_attempt ->> 'error',
      p_attempt_number => v_delivery.attempts + v_number - v_delivery.counted_on_arrival::int,
      p_duration_ms => (v_attempt ->> 'duration_ms')::numeric);
  end loop;
  v_delivery := private.move_delivery(
    p_delivery_id, p_result, p_token => p_delivery_token, p_posts => v_posts,
    -- The report's owner reads it too, whom our address and headers do not concern.
    p_response => p_attempts -> -1 #- '{request}' #- '{response,headers}', p_retry_after_seconds => p_retry_after_seconds);
  if v_event.effect is null then
    v_effect := public.apply_report_event(v_event.id, 'direct') ->> 'outcome';
  end if;
  perform private.observe_attempts(v_delivery, p_delivery_token, p_attempts);
  return jsonb_build_object(
    'status', v_delivery.status, 'dead', v_delivery.dead_at is not null, 'effect', coalesce(v_effect, v_event.effect));
end
$$;

comment on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) is
  'Records a round of attempts, which ends as p_result (delivered, failed, unknown, refused) and schedules the next, and applies the event if nothing has: the direct update. A repeated call is recognised by the delivery and its token.';
revoke all on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) from public, anon, authenticated, service_role;
grant execute on function public.record_delivery_attempts(bigint, bigint, text, jsonb, numeric) to service_role;

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

-- supabase/sql/observe/without_content.sql
create or replace function private.without_content(p_audit public.webhook_audit)
returns public.webhook_audit
language plpgsql immutable set search_path = '' as $$
declare
  c_facts constant text[] := '{id,type,endpoint,method,claim_id,plan,dead_at,dead_reason,url,headers}';
  c_data_facts constant text[] := '{job_id,report_id,report_type,research_status,requested_at}';
  v_data jsonb := p_audit.request_payload -> 'data';
begin
  p_audit.response_body := null;
  p_audit.error_message := null;
  p_audit.body_sha256 := null;
  if p_audit.outcome is null or jsonb_typeof(p_audit.request_payload) <> 'object' then
    -- Rows of the platform's functions have no outcome, and anything in their payload.
    p_audit.request_payload := null;
  elsif p_audit.request_payload is not null then
    p_audit.request_payload := (
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_audit.request_payload)
      where key = any (c_facts))
      || case when jsonb_typeof(v_data) = 'object' then jsonb_build_object('data', (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(v_data) where key = any (c_data_facts)))
      else '{}' end;
  end if;
  return p_audit;
end
$$;

comment on function private.without_content(public.webhook_audit) is
  'An audit row without what senders and receivers said: the facts that our functions write stay.';
revoke all on function private.without_content(public.webhook_audit) from public, anon, authenticated, service_role;

-- supabase/sql/console/console_status.sql
-- Definer rights: nobody but our functions reads heartbeats and the leases of jobs; it asks who the caller is itself.
create or replace function public.console_status()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Attempts of an endpoint that are looked at for its last success and failure, newest first.
  c_looked constant int := 10000;
  c_counted constant int := 1000;
  c_recent constant interval := '5 minutes';
  -- A job whose lease ran out is the next sweep's; longer than this, sweeps do not get to it.
  c_overdue constant interval := '2 minutes';
begin
  perform private.require_operator();
  return jsonb_build_object(
    'as_of', now(),
    'endpoints', (
      select jsonb_agg(jsonb_build_object(
        'endpoint_id', endpoint.id,
        'circuit', case when circuit.opened_at is null then 'closed' when circuit.probe_after > now() then 'open'
          else 'half_open' end,
        'opened_at', circuit.opened_at, 'probe_after', circuit.probe_after,
        'last_success', last.success, 'last_failure', last.failure,
        'failing_since', (
          select created_at from public.webhook_audit
          where direction = 'out' and endpoint_id = endpoint.id and outcome in ('failed', 'unknown')
            and created_at > last.success and last.failure > last.success
          order by created_at limit 1),
        'healthy_since', (
          select created_at from public.webhook_audit
          where direction = 'out' and endpoint_id = endpoint.id and outcome = 'delivered'
            and created_at > last.failure and last.success > last.failure
          order by created_at limit 1),
        'recent', recent.attempts, 'recent_failed', recent.failed,
        'waiting', (
          select count(*) from (
            select from public.webhook_deliveries
            where endpoint_id = endpoint.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
              and (status <> 'pending' or created_at < now() - interval '1 minute')
            limit c_counted + 1) open),
        'next_attempt', (
          select next_attempt from public.webhook_deliveries
          where endpoint_id = endpoint.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          order by next_attempt, id limit 1)) order by endpoint.id desc)
      from public.webhook_endpoints endpoint
      left join public.webhook_circuits circuit on circuit.endpoint_id = endpoint.id
      cross join lateral (
        select (
          select created_at from (
            select created_at, outcome from public.webhook_audit
            where direction = 'out' and endpoint_id = endpoint.id order by created_at desc limit c_looked) newest
          where outcome = 'delivered' order by created_at desc limit 1) as success, (
          select created_at from (
            select created_at, outcome from public.webhook_audit
            where direction = 'out' and endpoint_id = endpoint.id order by created_at desc limit c_looked) newest
          where outcome in ('failed', 'unknown') order by created_at desc limit 1) as failure) last
      cross join lateral (
        select count(*) as attempts, count(*) filter (where outcome in ('failed', 'unknown')) as failed
        from public.webhook_audit
        where direction = 'out' and endpoint_id = endpoint.id and outcome <> 'skipped' and created_at > now() - c_recent) recent),
    'dead', (
      select count(*) from (
        select from public.webhook_deliveries
        where dead_at is not null and dead_reason not in ('report_deleted', 'content_erased', 'unsendable')
        limit c_counted + 1) letters),
    'jobs', (
      select jsonb_build_object('overdue', count(*), 'oldest', min(due_at)) from (
        select due_at from private.due_jobs where due_at < now() - c_overdue limit c_counted + 1) overdue),
    'last_sweep', (select last_at from private.heartbeats where source = 'sweep'));
end
$$;

comment on function public.console_status() is
  'Whether results arrive, for the line on top of each operator''s view: {as_of, endpoints: [{endpoint_id, circuit, opened_at, probe_after, last_success, last_failure, failing_since, healthy_since, recent, recent_failed, waiting, next_attempt}], dead, jobs: {overdue, oldest}, last_sweep}. Counts end at 1,001. Times of success and failure are null where none is among the last 10,000 attempts.';
revoke all on function public.console_status() from public, anon, authenticated, service_role;
grant execute on function public.console_status() to authenticated;

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

-- supabase/sql/console/event_body.sql
-- Definer rights: nobody but our functions reads contents; it asks who the caller is itself.
create or replace function public.event_body(p_event_id text)
returns text
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  perform private.require_operator();
  return (
    select private.envelope(event) from public.report_events event where event.id = p_event_id and event.erased_at is null);
end
$$;

comment on function public.event_body(text) is
  'The bytes that each attempt of an event sends, so that an operator can send them by hand. Null: no such event, or its content was erased.';
revoke all on function public.event_body(text) from public, anon, authenticated, service_role;
grant execute on function public.event_body(text) to authenticated;

-- supabase/sql/console/list_actors.sql
-- Definer rights: only our functions read auth.users. It names operators, and people whom the audit names as actors: no others.
create or replace function public.list_actors()
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_actors constant int := 200;
  v_actors text[] := '{}';
begin
  perform private.require_operator();
  -- Each step finds the next actor in the index. Without it, each step would read the whole audit.
  if exists (
    select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_actor') and indisvalid)
  then
    with recursive actors as (
      (select actor, 1 as place from public.webhook_audit where actor is not null order by actor limit 1)
      union all
      select (
        select audit.actor from public.webhook_audit audit where audit.actor > actors.actor order by audit.actor limit 1),
        place + 1
      from actors where actor is not null and place < c_actors
    )
    select array_agg(actor) into v_actors from actors where actor is not null;
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', people.id, 'email', people.email, 'operator', operator.user_id is not null) order by people.email, people.id), '[]')
    from auth.users people
    left join public.operators operator on operator.user_id = people.id
    where people.id = any (
        select actor::uuid from unnest(v_actors) actor
        where actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
      or operator.user_id is not null);
end
$$;

comment on function public.list_actors() is
  'Who an id in the audit is: operators, and people who have called their endpoints, [{id, email, operator}]. At most 200 actors of the audit; who has deleted their account is not among them.';
revoke all on function public.list_actors() from public, anon, authenticated, service_role;
grant execute on function public.list_actors() to authenticated;

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

-- supabase/sql/console/list_webhook_audit.sql
create or replace function public.list_webhook_audit(
  p_search text default null, p_outcome text default null, p_direction text default null,
  p_response_status text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null, p_actor text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
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
    case when p_actor = 'sender' then 'actor is null and direction = ''in'''
      when p_actor is not null then 'actor = $10' end,
    case when p_cursor_at is not null then '(created_at, id) < ($8, $9::uuid)' end);
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.audit_rows where %s order by created_at desc, id desc limit $7 + 1) page', v_where)
  into v_rows
  using p_search, p_outcome, p_direction, p_response_status, p_after, p_before, p_limit, p_cursor_at, p_cursor_id, p_actor;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) is
  'The audit log, newest first. p_search is the whole id of a report, a job or an event; p_response_status is a number or none; p_actor is the id of a person, cron, or sender.';
revoke all on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) to authenticated;

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
  -- Audit rows are read from here on; what came before is in slots. An hour and less is read whole: it has no slots.
  v_split timestamptz;
  v_traffic jsonb;
  v_open jsonb;
begin
  perform private.require_operator();
  case p_window
    when 'quarter' then v_bucket := '30 seconds'; v_span := '15 minutes';
    when 'hour' then v_bucket := '1 minute'; v_span := '1 hour';
    when 'day' then v_bucket := '15 minutes'; v_span := '1 day'; v_slot_minutes := 15;
    when 'week' then v_bucket := '2 hours'; v_span := '7 days'; v_slot_minutes := 120;
    else raise exception 'p_window is quarter, hour, day or week' using errcode = 'invalid_parameter_value';
  end case;
  v_from := date_bin(v_bucket, now(), 'epoch') - v_span + v_bucket;
  select rolled_up_until into strict v_rolled from public.webhook_roll_up where only_row;
  v_split := case when v_slot_minutes is null then v_from else greatest(v_from, v_rolled) end;

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
  'How webhooks fared in the last quarter of an hour, hour, day or week, in buckets of 30 seconds, a minute, a quarter of an hour or two hours, and what waits now. Percentiles are those of buckets 5 % wide, given by their middle: at most 2.5 % off.';
revoke all on function public.webhook_statistics(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_statistics(text) to authenticated;

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
