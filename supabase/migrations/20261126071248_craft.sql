-- Why: Retry all that match as a plan, which goes on when the tab closes; forget plans that ended long ago.

alter table public.plans drop constraint plan_kind_is_known;
alter table public.plans add constraint plan_kind_is_known check (kind in ('redrive', 'retry'));
create index plans_ended on public.plans (finished_at, id) where status <> 'running';

drop function private.planned_letters(jsonb, timestamptz, jsonb, int, int);
drop function private.try_redrive(bigint, public.plans);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/bring_forward.sql
create or replace function private.bring_forward(p_delivery public.webhook_deliveries, p_plan public.plans)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.move_delivery(p_delivery.id, 'brought_forward');
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'brought_forward', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_actor => p_plan.actor,
    p_payload => jsonb_build_object('endpoint', 'plans', 'plan', p_plan.id, 'next_attempt', p_delivery.next_attempt),
    p_error => p_delivery.response ->> 'error', p_attempt_number => p_delivery.attempts);
end
$$;

comment on function private.bring_forward(public.webhook_deliveries, public.plans) is
  'Makes a delivery due that waits for its slot, whose lock the caller holds, and audits it with who asked.';
revoke all on function private.bring_forward(public.webhook_deliveries, public.plans) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/is_planned.sql
create or replace function private.is_planned(p_delivery public.webhook_deliveries, p_kind text, p_until timestamptz)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  if p_delivery.dead_at is not null then
    return p_delivery.dead_at <= p_until and not private.is_closed(p_delivery.dead_reason);
  end if;
  return p_kind = 'retry' and p_delivery.status not in ('success', 'superseded', 'cancelled')
    and p_delivery.created_at <= p_until
    -- What was sent since was retried; what is due, or being sent, needs no plan.
    and (p_delivery.last_attempt is null or p_delivery.last_attempt <= p_until)
    and p_delivery.next_attempt > now() and private.lease_is_free(p_delivery.lease_expires_at);
end
$$;

comment on function private.is_planned(public.webhook_deliveries, text, timestamptz) is
  'Whether a plan that was requested at p_until is about this delivery. redrive: dead letters. retry: also what waits for its slot. Closed dead letters are in none.';
revoke all on function private.is_planned(public.webhook_deliveries, text, timestamptz) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/move_delivery.sql
-- Each transition, the state it leads to, and from where. `success`, `superseded` and `cancelled` are never left.
-- 
-- | transition | leads to                                                       | from                                        |
-- | ---------- | -------------------------------------------------------------- | ------------------------------------------- |
-- | claimed    | retrying, under a new lease and fencing token                  | any open state, dead letters too            |
-- | released   | what it was before its claim                                   | retrying, its holder's lease has run out     |
-- | delivered  | success                                                        | any open state, whoever says so: it is proof |
-- | failed     | failed, due at the next slot; a dead letter after the last one | its holder's claim                          |
-- | unknown    | sent, due at the next slot; a dead letter after the last one   | its holder's claim                          |
-- | refused    | failed, a dead letter                                          | its holder's claim                          |
-- | skipped    | failed, due at the first slot                                  | any open state but a dead letter            |
-- | closed     | failed, a dead letter of the given reason                      | any open state                              |
-- | erased     | as closed for content_erased, cancelled for subscribers; no answer | any state; one that has ended or is closed stays |
-- | redriven   | failed, due now, at the beginning of its schedule              | a dead letter                               |
-- | brought_forward | unchanged, due now; its slot is not used                  | an open state that waits for its slot       |
-- | superseded | superseded                                                     | any open state, subscribers only            |
-- | cancelled  | cancelled                                                      | any open state, subscribers only            |
-- 
-- p_token: the fencing token of a sender that records a round of p_posts attempts.
create or replace function private.move_delivery(
  p_delivery_id bigint, p_transition text, p_token bigint default null, p_posts int default 0,
  p_response jsonb default null, p_retry_after_seconds numeric default null, p_lease_seconds int default null,
  p_claim_id uuid default null, p_reason text default null, p_on_arrival boolean default false)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_old public.webhook_deliveries;
  v_new public.webhook_deliveries;
  -- Only who claimed it last may say that it failed.
  v_is_holder boolean;
  v_has_ended boolean;
begin
  select * into strict v_old from public.webhook_deliveries where id = p_delivery_id for update;
  v_is_holder := p_token = v_old.lease_token;
  v_has_ended := v_old.status in ('success', 'superseded', 'cancelled');
  v_new := v_old;

  -- The attempts of a round count, whatever else has happened meanwhile. One of them may have been counted on arrival.
  if p_token is not null then
    v_new.attempts := v_old.attempts + p_posts - (v_old.counted_on_arrival and p_posts > 0)::int;
    v_new.counted_on_arrival := false;
    v_new.last_attempt := case when p_posts > 0 then now() else v_old.last_attempt end;
    if not v_has_ended or p_transition = 'delivered' then
      v_new.response := coalesce(p_response, v_old.response);
    end if;
    if v_has_ended and v_is_holder then
      v_new.lease_token := v_old.lease_token + 1;
      v_new.lease_expires_at := null;
    end if;
  end if;

  case p_transition
    when 'claimed' then
      if not v_has_ended then
        v_new.status := 'retrying';
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := now() + make_interval(secs => p_lease_seconds);
        v_new.claim_id := p_claim_id;
        v_new.counted_on_arrival := false;
        v_new.status_before_claim := case v_old.status when 'retrying' then v_old.status_before_claim else v_old.status end;
        -- A dead letter that is retried is due again should its sender die before it records anything.
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.next_attempt := coalesce(v_old.next_attempt, now());
      end if;
    when 'released' then
      -- The token stays: a holder that was only slow may still record its round.
      if v_old.status = 'retrying' and private.lease_is_free(v_old.lease_expires_at) then
        v_new.status := coalesce(v_old.status_before_claim, 'failed');
        v_new.lease_expires_at := null;
      end if;
    when 'delivered' then
      if not v_has_ended then
        v_new.status := 'success';
        v_new.next_attempt := null;
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.claim_id := null;
        if p_on_arrival then
          -- The lease stays with its sender, who still has to record the round.
          v_new.attempts := v_old.attempts + 1;
          v_new.counted_on_arrival := true;
          v_new.last_attempt := now();
          v_new.response := p_response;
        else
          v_new.lease_expires_at := null;
        end if;
      end if;
    when 'failed', 'unknown', 'refused' then
      if v_is_holder and not v_has_ended and v_old.dead_at is null then
        if p_transition = 'refused' then
          v_new.next_attempt := null;
        elsif v_old.next_attempt > now() then
          -- Retried ahead of its slot: the slot stays, or waits for Retry-After.
          v_new.next_attempt := greatest(v_old.next_attempt, now() + private.retry_after(p_retry_after_seconds));
        else
          v_new.rounds := v_old.rounds + 1;
          v_new.next_attempt := private.next_attempt(v_new.rounds, p_retry_after_seconds);
        end if;
        v_new.status := case when p_transition = 'unknown' and v_new.next_attempt is not null then 'sent' else 'failed' end;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
        if v_new.next_attempt is null then
          v_new.dead_at := now();
          v_new.dead_reason := case p_transition when 'refused' then 'refused' else 'attempts_exhausted' end;
        end if;
      end if;
    when 'skipped' then
      if not v_has_ended and v_old.dead_at is null then
        -- It was not sent, so that it has its whole schedule yet.
        v_new.status := 'failed';
        v_new.next_attempt := private.next_attempt(1, null);
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
        v_new.response := p_response;
      end if;
    when 'closed' then
      if not v_has_ended and v_old.dead_reason is distinct from p_reason then
        v_new.status := 'failed';
        v_new.dead_at := coalesce(v_old.dead_at, now());
        v_new.dead_reason := p_reason;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'erased' then
      -- An answer may echo the content.
      v_new.response := '{}';
      if not v_has_ended and private.is_closed(v_old.dead_reason) is not true then
        if v_old.dead_at is null
          and exists (select from public.webhook_endpoints where id = v_old.endpoint_id and kind = 'subscriber')
        then
          v_new.status := 'cancelled';
        else
          v_new.status := 'failed';
          v_new.dead_at := coalesce(v_old.dead_at, now());
          v_new.dead_reason := 'content_erased';
        end if;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'redriven' then
      if v_old.dead_at is not null then
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.rounds := 0;
        v_new.next_attempt := now();
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    when 'brought_forward' then
      if not v_has_ended and v_old.dead_at is null and v_old.next_attempt > now()
        and private.lease_is_free(v_old.lease_expires_at)
      then
        -- The next failure counts this round again: whoever brings it forward costs it no slot.
        v_new.rounds := greatest(v_old.rounds - 1, 0);
        v_new.next_attempt := now();
      end if;
    when 'superseded', 'cancelled' then
      if exists (select from public.webhook_endpoints where id = v_old.endpoint_id and kind = 'internal') then
        raise exception 'a delivery to our own endpoint cannot be %', p_transition using errcode = 'PL004';
      elsif not v_has_ended then
        v_new.status := p_transition;
        v_new.dead_at := null;
        v_new.dead_reason := null;
        v_new.next_attempt := null;
        v_new.lease_token := v_old.lease_token + 1;
        v_new.lease_expires_at := null;
        v_new.claim_id := null;
      end if;
    else
      raise exception 'no transition %', p_transition using errcode = 'PL004';
  end case;

  if v_new is distinct from v_old then
    update public.webhook_deliveries
    set status = v_new.status, attempts = v_new.attempts, counted_on_arrival = v_new.counted_on_arrival,
      rounds = v_new.rounds, last_attempt = v_new.last_attempt, next_attempt = v_new.next_attempt, dead_at = v_new.dead_at,
      dead_reason = v_new.dead_reason, response = v_new.response, lease_token = v_new.lease_token,
      lease_expires_at = v_new.lease_expires_at, claim_id = v_new.claim_id, status_before_claim = v_new.status_before_claim
    where id = p_delivery_id
    returning * into v_new;
  end if;
  return v_new;
end
$$;

comment on function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean) is
  'The one writer of a delivery''s state.';
revoke all on function private.move_delivery(bigint, text, bigint, int, jsonb, numeric, int, uuid, text, boolean) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/planned_deliveries.sql
-- A plan of few among many deliveries must not read them all for each slice, so the number that is looked at is limited too.
create or replace function private.planned_deliveries(
  p_kind text, p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int, p_limit int,
  out ids bigint[], out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
declare
  -- Each order has its index. By dead_at, so that a letter is found where it died, however old it is.
  v_time text := case p_kind when 'redrive' then 'dead_at' else 'created_at' end;
  v_open text := case p_kind when 'redrive' then 'dead_at is not null' else $q$status not in ('success', 'superseded', 'cancelled')$q$ end;
begin
  execute format($query$
    with deliveries as materialized (
      select id, %1$I as at, created_at, dead_at, endpoint_id, report_type, dead_reason,
        case when dead_at is null then status else 'dead' end as status,
        response ->> 'status' as response_status, response ->> 'error' as error, private.is_planned(delivery, $1, $3) as is_planned
      from public.webhook_deliveries delivery
      where %2$s and %1$I <= $3
        and (%1$I, id) > (coalesce(($4 ->> 'at')::timestamptz, '-infinity'), coalesce(($4 ->> 'id')::bigint, 0))
        and ($2 -> 'event_ids' is null or event_id = any (array(select jsonb_array_elements_text($2 -> 'event_ids'))))
      order by %1$I, id
      limit $5
    ), matching as materialized (
      select id, at from deliveries
      where is_planned
        and ($2 -> 'status' is null or status = $2 ->> 'status')
        and ($2 -> 'report_type' is null or report_type = $2 ->> 'report_type')
        and ($2 -> 'endpoint_id' is null or endpoint_id = $2 ->> 'endpoint_id')
        and ($2 -> 'dead_reason' is null or dead_reason = $2 ->> 'dead_reason')
        and ($2 -> 'created_after' is null or created_at >= ($2 ->> 'created_after')::timestamptz)
        and ($2 -> 'created_before' is null or created_at < ($2 ->> 'created_before')::timestamptz)
        and ($2 -> 'dead_after' is null or dead_at >= ($2 ->> 'dead_after')::timestamptz)
        and ($2 -> 'dead_before' is null or dead_at < ($2 ->> 'dead_before')::timestamptz)
        and ($2 -> 'response_status' is null or error is not null and coalesce(response_status, 'none') = $2 ->> 'response_status')
        and ($2 -> 'error' is null or strpos(lower(error), lower($2 ->> 'error')) > 0)
        and ($2 -> 'cause' is null or private.cause_of(error) = $2 ->> 'cause')
      order by at, id
      limit $6
    )
    select coalesce((select array_agg(id) from matching), '{}'), (select count(*)::int from deliveries), (
      select jsonb_build_object('at', at, 'id', id)
      -- A full slice ends at its last match; what was looked at beyond comes again.
      from (
        (select at, id from matching where (select count(*) from matching) = $6 order by at desc, id desc limit 1)
        union all
        (select at, id from deliveries where (select count(*) from matching) < $6 order by at desc, id desc limit 1)) ends)
    $query$, v_time, v_open)
  into ids, examined, last
  using p_kind, p_filter, p_until, p_after, p_examined, p_limit;
end
$$;

comment on function private.planned_deliveries(text, jsonb, timestamptz, jsonb, int, int) is
  'Of up to p_examined deliveries after p_after, oldest first, up to p_limit that a plan of this kind and filter is about: their ids, how many were looked at, and the p_after of the next call.';
revoke all on function private.planned_deliveries(text, jsonb, timestamptz, jsonb, int, int) from public, anon, authenticated, service_role;

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
  v_planned record;
begin
  perform private.await_same_call(p_request_id::text);
  select * into v_plan from public.plans where request_id = p_request_id;
  if v_plan.id is null then
    v_planned := private.planned_deliveries(p_kind, p_filter, now(), null, c_counted, c_counted);
    insert into public.plans (request_id, kind, name, reason, filter, actor, total)
    values (
      p_request_id, p_kind, p_name, p_reason, p_filter, p_actor,
      case when v_planned.examined < c_counted then cardinality(v_planned.ids) end)
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

-- supabase/sql/deliver/try_planned.sql
create or replace function private.try_planned(p_delivery_id bigint, p_plan public.plans)
returns text
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  -- Asked again under the lock: another process may have sent or redriven it since.
  select * into v_delivery from public.webhook_deliveries delivery
  where id = p_delivery_id and private.is_planned(delivery, p_plan.kind, p_plan.created_at)
  for update skip locked;
  if v_delivery.id is null then
    return case when exists (
      select from public.webhook_deliveries delivery
      where id = p_delivery_id and private.is_planned(delivery, p_plan.kind, p_plan.created_at))
      then 'held' else 'changed' end;
  elsif v_delivery.dead_at is null then
    perform private.bring_forward(v_delivery, p_plan);
    return 'brought_forward';
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

comment on function private.try_planned(bigint, public.plans) is
  'Makes a delivery due for a plan if that needs no waiting: brought_forward, redriven (a dead letter), changed (the plan is not about it any more), held (another transaction holds it or its report), error.';
revoke all on function private.try_planned(bigint, public.plans) from public, anon, authenticated, service_role;

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
  v_planned record;
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
    v_planned := private.planned_deliveries(
      v_plan.kind, v_plan.filter, v_plan.created_at, v_plan.position, c_examined, p_limit);
    -- In the order of their reports, whose locks each takes.
    select coalesce(jsonb_object_agg(outcome, deliveries), '{}') into v_slice
    from (
      select outcome, count(*) as deliveries
      from (
        select private.try_planned(id, v_plan) as outcome
        from (
          select id from public.webhook_deliveries where id = any (v_planned.ids)
          order by report_type, report_id, id offset 0) planned) tried
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
  v_is_pass_over := v_planned.examined < c_examined and cardinality(v_planned.ids) < p_limit;
  v_plan.position := coalesce(v_planned.last, v_plan.position);
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
    'plan_id', v_plan.id, 'status', v_plan.status, 'redriven', coalesce((v_slice ->> 'redriven')::int, 0) + coalesce((v_slice ->> 'brought_forward')::int, 0));
end
$$;

comment on function public.work_plan(int) is
  'Does the next slice, of up to p_limit deliveries, of the plan that has waited longest. Waits for no lock. Returns {plan_id, status, redriven, error?} (redriven: how many deliveries it made due), null when no plan has anything to do now. A call that is repeated does the slice after it.';
revoke all on function public.work_plan(int) from public, anon, authenticated, service_role;
grant execute on function public.work_plan(int) to service_role;

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
  v_buckets int;
  v_alerts int;
  v_plans int;
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
  delete from public.webhook_refusals where (minute, part) in (
    select minute, part from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute, part limit p_limit);
  get diagnostics v_refusals = row_count;
  -- Full since an hour at least: a part without a row is full too.
  delete from private.rate_buckets where (kind, key, part) in (
    select kind, key, part from private.rate_buckets
    where hour < date_bin('1 hour', now(), 'epoch') - interval '1 hour'
    order by hour limit p_limit for update skip locked);
  get diagnostics v_buckets = row_count;
  delete from public.alerts where id in (
    select id from public.alerts
    where state = 'resolved' and resolved_at < now() - make_interval(days => p_audit_days)
    order by resolved_at, id limit p_limit for update skip locked);
  get diagnostics v_alerts = row_count;
  delete from public.plans where id in (
    select id from public.plans
    where status <> 'running' and finished_at < now() - make_interval(days => p_audit_days)
    order by finished_at, id limit p_limit for update skip locked);
  get diagnostics v_plans = row_count;
  delete from public.alert_silences where until < now() - make_interval(days => p_audit_days);
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
    'audit', v_audit_pruned, 'refusals', v_refusals, 'alerts', v_alerts, 'plans', v_plans, 'payloads', v_erased, 'jobs', v_pruned,
    'after', case when p_limit in (v_refusals, v_buckets, v_alerts, v_plans)
        or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Returns {audit, refusals, alerts, plans, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb) to service_role;

-- supabase/sql/console/event_timeline.sql
create or replace function public.event_timeline(p_event_id text)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
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
    when outcome in ('redriven', 'brought_forward') then jsonb_build_object('kind', outcome, 'actor', actor)
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

-- supabase/sql/deliver/plans.sql
comment on table public.plans is
  'What people asked to be done with many deliveries: asked once, worked off in slices by the request and by sweeps, whoever is still there.';
comment on column public.plans.id is 'From 1: 0 is the plan of live deliveries (webhook_deliveries.plan).';
comment on column public.plans.request_id is 'Of the request, minted by who asked: a repeated one is recognised by it.';
comment on column public.plans.filter is 'Which deliveries it is about. Those that were made, sent or became dead letters after created_at are not.';
comment on column public.plans.actor is 'The id of the operator who asked.';
comment on column public.plans.total is 'How many matched when it was requested. Null: more deliveries than were counted.';
comment on column public.plans.outcomes is
  'How many of each outcome: redriven; brought_forward (due before its slot); changed (the plan is not about it any more); held and error are of the present pass alone.';
comment on column public.plans.position is 'Where the next slice begins: {at, id} of the last delivery that was looked at. Null: at the beginning.';
comment on column public.plans.passes is 'Passes that are over. Another one follows while some deliveries were held or failed.';
comment on column public.plans.faults is 'Slices in a row that failed as a whole.';
alter table public.plans enable row level security;
revoke all on table public.plans from anon, authenticated, service_role;
revoke all on sequence public.plans_id_seq from anon, authenticated, service_role;
grant select on table public.plans to authenticated;
drop policy if exists "operators read" on public.plans;
create policy "operators read" on public.plans for select to authenticated
  using ((select private.is_operator()));
