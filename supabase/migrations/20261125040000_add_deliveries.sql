-- Why: bringing an event to a place is a duty that must outlive the process that took it on. The outbox keeps it, for our own
-- two webhook functions and for any later endpoint alike.

create table public.webhook_endpoints (
  id text primary key
    constraint endpoint_id_fits_a_path check (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  kind text not null
    constraint endpoint_kind_is_known check (kind in ('internal', 'subscriber')),
  stage text
    constraint endpoint_stage_is_known check (stage in ('prelim', 'final')),
  expects text not null
    constraint endpoint_expectation_is_known check (expects in ('own_answer', 'any_2xx')),
  created_at timestamptz not null default now(),
  constraint internal_endpoint_takes_one_stage_and_answers_as_ours check (
    (kind = 'internal') = (stage is not null) and (kind = 'internal') = (expects = 'own_answer'))
);
create unique index webhook_endpoints_internal_stage on public.webhook_endpoints (stage) where kind = 'internal';
insert into public.webhook_endpoints (id, kind, stage, expects) values
  ('prelim-report', 'internal', 'prelim', 'own_answer'),
  ('final-report', 'internal', 'final', 'own_answer');

create table public.webhook_deliveries (
  id bigint generated always as identity primary key,
  event_id text not null references public.report_events (id),
  endpoint_id text not null references public.webhook_endpoints (id),
  plan int not null default 0
    constraint delivery_plan_counts_from_zero check (plan >= 0),
  format_version int not null default 1
    constraint delivery_format_is_known check (format_version = 1),
  report_type text not null references public.report_types (report_type),
  report_id uuid not null,
  job_id text,
  status text not null default 'pending'
    constraint delivery_status_is_known check (status in (
      'pending', 'sent', 'success', 'failed', 'retrying', 'superseded', 'cancelled')),
  attempts int not null default 0,
  counted_on_arrival boolean not null default false,
  rounds int not null default 0,
  last_attempt timestamptz,
  next_attempt timestamptz default now(),
  dead_at timestamptz,
  dead_reason text
    constraint dead_reason_is_known check (dead_reason in (
      'attempts_exhausted', 'refused', 'report_deleted', 'content_erased', 'import', 'unsendable')),
  response jsonb not null default '{}',
  lease_token bigint not null default 0,
  lease_expires_at timestamptz,
  claim_id uuid,
  status_before_claim text
    constraint status_before_claim_is_open check (status_before_claim in ('pending', 'sent', 'failed')),
  created_at timestamptz not null default now(),
  constraint event_goes_to_an_endpoint_once_per_plan unique (event_id, endpoint_id, plan),
  constraint dead_letter_has_its_reason check ((dead_at is null) = (dead_reason is null)),
  constraint dead_letter_has_failed check (dead_at is null or status = 'failed'),
  constraint held_delivery_has_a_lease check (status <> 'retrying' or lease_expires_at is not null),
  constraint ended_delivery_has_no_next_attempt check (
    (dead_at is null and status not in ('success', 'superseded', 'cancelled')) or next_attempt is null),
  constraint open_delivery_has_a_next_attempt check (
    dead_at is not null or status in ('success', 'superseded', 'cancelled') or next_attempt is not null)
)
-- Each round updates a delivery, which leaves a dead entry in the indexes of what is open. By default autovacuum waits for 20 %
-- of all deliveries ever made, and each claim reads past those entries until then.
with (autovacuum_vacuum_scale_factor = 0.02);
create index webhook_deliveries_due on public.webhook_deliveries (endpoint_id, next_attempt, id)
  where status not in ('success', 'superseded', 'cancelled') and dead_at is null;
create index webhook_deliveries_dead on public.webhook_deliveries (dead_at, id) where dead_at is not null;
create index webhook_deliveries_open on public.webhook_deliveries (created_at desc, id desc)
  where status not in ('success', 'superseded', 'cancelled');
create index webhook_deliveries_probe on public.webhook_deliveries (endpoint_id, attempts, id)
  where status not in ('success', 'superseded', 'cancelled') and dead_at is null;
create index webhook_deliveries_leased on public.webhook_deliveries (endpoint_id, lease_expires_at)
  where lease_expires_at is not null;
create index webhook_deliveries_report on public.webhook_deliveries (report_id, report_type, id desc);
create index webhook_deliveries_claim on public.webhook_deliveries (claim_id) where claim_id is not null;

create table public.webhook_circuits (
  endpoint_id text primary key references public.webhook_endpoints (id),
  opened_at timestamptz,
  closed_at timestamptz not null default now(),
  probe_after timestamptz,
  probe_delivery_id bigint,
  probe_token bigint,
  probe_lease_expires_at timestamptz,
  constraint open_circuit_has_a_time_to_probe check ((opened_at is null) = (probe_after is null)),
  constraint probe_is_named_whole check (
    num_nulls(probe_delivery_id, probe_token, probe_lease_expires_at) in (0, 3))
);
insert into public.webhook_circuits (endpoint_id) select id from public.webhook_endpoints;

-- Generated from supabase/sql/deliver: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/add_delivery.sql
create or replace function private.add_delivery(p_event public.report_events, p_lease_seconds int)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, lease_token, lease_expires_at)
  values (
    p_event.id, private.internal_endpoint(p_event.stage), p_event.report_type, p_event.report_id, p_event.job_id, 1,
    now() + make_interval(secs => p_lease_seconds))
  returning * into v_delivery;
  return v_delivery;
end
$$;

comment on function private.add_delivery(public.report_events, int) is
  'The pending delivery of an event to our own endpoint, under a lease of its creator: nothing has to be written again before the POST.';
revoke all on function private.add_delivery(public.report_events, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/claim_delivery.sql
create or replace function private.claim_delivery(p_delivery_id bigint, p_lease_seconds int, p_claim_id uuid)
returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  return private.sendable(private.move_delivery(
    p_delivery_id, 'claimed', p_lease_seconds => p_lease_seconds, p_claim_id => p_claim_id));
end
$$;

comment on function private.claim_delivery(bigint, int, uuid) is
  'Puts a delivery, whose lock the caller holds, under a new lease. Returns what its sender needs.';
revoke all on function private.claim_delivery(bigint, int, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/claim_due_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_delivery(
  p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_held public.webhook_deliveries;
  v_candidate record;
  v_claim jsonb;
  v_left_out jsonb := '[]';
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_held from public.webhook_deliveries where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_held.id is not null then
    return jsonb_build_object('delivery', private.sendable(v_held), 'left_out', '[]'::jsonb);
  end if;
  for v_candidate in
    -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
    (select circuit.endpoint_id as probe_of, probe.id
      from public.webhook_circuits circuit
      cross join lateral (
        select delivery.id, delivery.attempts from public.webhook_deliveries delivery
        where delivery.endpoint_id = circuit.endpoint_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null and private.lease_is_free(delivery.lease_expires_at) and delivery.id <> all (p_left_out)
        order by delivery.attempts, delivery.id limit 16) probe
      where circuit.opened_at is not null and circuit.probe_after <= now()
        and private.lease_is_free(circuit.probe_lease_expires_at)
      order by circuit.endpoint_id, probe.attempts, probe.id)
    union all
    -- The endpoint first that has the fewest senders now: one that is slow or has a backlog takes no turn of another.
    (select null, due.id
      from public.webhook_endpoints endpoint
      cross join lateral (
        select count(*) as senders from public.webhook_deliveries held
        where held.endpoint_id = endpoint.id and held.lease_expires_at >= now()) load
      cross join lateral (
        select id, next_attempt from private.due_deliveries
        where endpoint_id = endpoint.id and id <> all (p_left_out)
        order by next_attempt, id limit 16) due
      where not exists (
        select from public.webhook_circuits circuit where circuit.endpoint_id = endpoint.id and circuit.opened_at is not null)
      order by load.senders, due.next_attempt, due.id)
  loop
    v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, v_candidate.probe_of);
    if v_claim ? 'left_out' then
      v_left_out := v_left_out || v_claim;
    elsif v_claim is not null then
      return jsonb_build_object('delivery', v_claim, 'left_out', v_left_out);
    end if;
  end loop;
  return jsonb_build_object('delivery', null, 'left_out', v_left_out);
end
$$;

comment on function public.claim_due_delivery(int, uuid, bigint[]) is
  'Claims a half-open circuit''s probe, else the delivery that has been due longest, of the endpoint with the fewest senders whose circuit is closed. Waits for no lock. Returns {delivery, left_out: [{delivery_id, event_id, left_out: held|error, error?}]}; delivery null: there is nothing to send. p_left_out: deliveries that an earlier call of this sweep left out. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_delivery(int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid, bigint[]) to service_role;

-- supabase/sql/deliver/claim_report_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_report_delivery(
  p_report_type text, p_report_id uuid, p_lease_seconds int, p_endpoint_id text default null,
  p_event_id text default null, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists is null then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_delivery from public.webhook_deliveries delivery
  where report_type = p_report_type and report_id = p_report_id
    and (p_endpoint_id is null or endpoint_id = p_endpoint_id)
    and (p_event_id is null or event_id = p_event_id)
    and exists (select from public.webhook_endpoints where id = delivery.endpoint_id and kind = 'internal')
  order by id desc
  limit 1
  for update;
  return case
    when v_delivery.id is null then '{"outcome": "delivery_not_found"}'
    when v_delivery.claim_id = p_claim_id and not private.lease_is_free(v_delivery.lease_expires_at) then
      jsonb_build_object('outcome', 'claimed', 'delivery', private.sendable(v_delivery))
    when v_delivery.status = 'success' then '{"outcome": "already_succeeded"}'
    when private.is_closed(v_delivery.dead_reason) then '{"outcome": "delivery_closed"}'
    when not private.lease_is_free(v_delivery.lease_expires_at) then '{"outcome": "delivery_busy"}'
    else jsonb_build_object(
      'outcome', 'claimed', 'delivery', private.claim_delivery(v_delivery.id, p_lease_seconds, p_claim_id))
  end;
end
$$;

comment on function public.claim_report_delivery(text, uuid, int, text, text, uuid) is
  'Claims the delivery of an event of this report to our own endpoint, or its latest one, due or not. Returns {outcome, delivery}. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_report_delivery(text, uuid, int, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_report_delivery(text, uuid, int, text, text, uuid) to service_role;

-- supabase/sql/deliver/close_deliveries.sql
create or replace function private.close_deliveries(p_event_id text)
returns void
language sql volatile set search_path = '' as $$
  select private.move_delivery(id, 'closed', p_reason => 'report_deleted')
  from (
    select id from public.webhook_deliveries
    where event_id = p_event_id and status not in ('success', 'superseded', 'cancelled')
    order by id for update) open
$$;

comment on function private.close_deliveries(text) is
  'Ends the deliveries of an event whose report was deleted.';
revoke all on function private.close_deliveries(text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/confirm_delivery.sql
create or replace function private.confirm_delivery(p_event public.report_events, p_outcome text)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_response jsonb := jsonb_build_object('status', 200, 'outcome', p_outcome);
  v_delivery_id bigint;
begin
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  values (
    p_event.id, private.internal_endpoint(p_event.stage), p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1,
    now(), null, v_response)
  on conflict (event_id, endpoint_id, plan) do nothing
  returning id into v_delivery_id;
  if v_delivery_id is null then
    select id into strict v_delivery_id from public.webhook_deliveries
    where event_id = p_event.id and endpoint_id = private.internal_endpoint(p_event.stage) and plan = 0;
    perform private.move_delivery(v_delivery_id, 'delivered', p_response => v_response, p_on_arrival => true);
  end if;
end
$$;

comment on function private.confirm_delivery(public.report_events, text) is
  'A verified request proves the delivery of its event to our own endpoint. An event that others sent gets a delivery that has succeeded.';
revoke all on function private.confirm_delivery(public.report_events, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/fits_endpoint.sql
create or replace function private.fits_endpoint(p_event public.report_events)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_body_bytes constant int := 1048576;
  c_digits constant int := 64;
  v_content private.report_contents;
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
  -- Asked before the body is composed, since a short number may print as many thousands of digits.
  if exists (
    select from jsonb_path_query(v_content.research_metadata, 'strict $.** ? (@.type() == "number")') number
    where length(translate(number::text, '-.', '')) > c_digits)
  then
    return false;
  end if;
  return octet_length(private.envelope(p_event)) <= c_body_bytes;
end
$$;

comment on function private.fits_endpoint(public.report_events) is
  'Whether our own endpoint would read the body of an imported event: the limits of docs/contract.md, said in SQL for contents that never passed them.';
revoke all on function private.fits_endpoint(public.report_events) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/internal_endpoint.sql
create or replace function private.internal_endpoint(p_stage text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return p_stage || '-report';
end
$$;

comment on function private.internal_endpoint(text) is
  'Our own endpoint for events of this stage: prelim-report or final-report.';
revoke all on function private.internal_endpoint(text) from public, anon, authenticated, service_role;
grant execute on function private.internal_endpoint(text) to authenticated;

-- supabase/sql/deliver/is_closed.sql
create or replace function private.is_closed(p_dead_reason text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return p_dead_reason in ('report_deleted', 'content_erased', 'unsendable');
end
$$;

comment on function private.is_closed(text) is
  'Whether a dead letter of this reason is closed: no retry and no redrive could ever end in a success. Null: it is no dead letter.';
revoke all on function private.is_closed(text) from public, anon, authenticated, service_role;
grant execute on function private.is_closed(text) to authenticated;

-- supabase/sql/deliver/keep_endpoint.sql
create or replace function private.keep_endpoint()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  raise exception 'endpoints are never deleted: deliveries and audit rows name them' using errcode = 'PL001';
end
$$;

comment on function private.keep_endpoint() is
  'Refuses the deletion of an endpoint.';
revoke all on function private.keep_endpoint() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/lease_is_free.sql
create or replace function private.lease_is_free(p_lease_expires_at timestamptz)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return p_lease_expires_at is null or p_lease_expires_at < now();
end
$$;

comment on function private.lease_is_free(timestamptz) is
  'Whether nobody holds a lease that ends at this time. Null: it is not held.';
revoke all on function private.lease_is_free(timestamptz) from public, anon, authenticated, service_role;

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

-- supabase/sql/deliver/next_attempt.sql
create or replace function private.next_attempt(p_rounds int, p_retry_after_seconds numeric)
returns timestamptz
language plpgsql volatile set search_path = '' as $$
begin
  return (
    select case when p_rounds <= cardinality(policy.slots) then now() + greatest(
      policy.slots[p_rounds] * (1 - policy.jitter + 2 * policy.jitter * random()),
      private.retry_after(p_retry_after_seconds)) end
    from private.sending_policy() policy);
end
$$;

comment on function private.next_attempt(int, numeric) is
  'The durable schedule: when the slot after p_rounds failed rounds is due. Null: all slots are used.';
revoke all on function private.next_attempt(int, numeric) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/observe_attempts.sql
create or replace function private.observe_attempts(p_delivery public.webhook_deliveries, p_token bigint, p_attempts jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_circuit public.webhook_circuits;
  v_policy record := private.sending_policy();
  v_authentic boolean := p_attempts @> '[{"authentic": true}]';
  v_total int;
  v_failed int;
begin
  select * into v_circuit from public.webhook_circuits where endpoint_id = p_delivery.endpoint_id;
  if v_circuit.opened_at is null then
    if v_authentic or p_attempts = '[]' then
      return;
    end if;
    select count(*), count(*) filter (where outcome in ('failed', 'unknown')) into v_total, v_failed
    from public.webhook_audit
    where direction = 'out' and endpoint_id = p_delivery.endpoint_id and outcome <> 'skipped'
      and created_at > greatest(now() - v_policy.circuit_window, v_circuit.closed_at);
    if v_total >= v_policy.circuit_attempts and v_failed >= v_policy.circuit_failed_share * v_total then
      update public.webhook_circuits set opened_at = now(), probe_after = now() + v_policy.circuit_pause
      where endpoint_id = p_delivery.endpoint_id and opened_at is null;
    end if;
  elsif v_authentic then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_delivery.endpoint_id and opened_at is not null;
  else
    update public.webhook_circuits
    set probe_after = now() + v_policy.circuit_pause, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_delivery.endpoint_id and probe_delivery_id = p_delivery.id and probe_token = p_token;
  end if;
end
$$;

comment on function private.observe_attempts(public.webhook_deliveries, bigint, jsonb) is
  'Opens, closes or keeps open an endpoint''s circuit, by what came of a round. It takes the last lock of its transaction.';
revoke all on function private.observe_attempts(public.webhook_deliveries, bigint, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/record_delivery_attempts.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_delivery_attempts(
  p_delivery_id bigint, p_delivery_token bigint, p_result text, p_attempts jsonb,
  p_retry_after_seconds numeric default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
      p_payload => jsonb_build_object('id', v_event.id, 'type', v_event.type, 'digest', v_event.digest),
      p_response_status => (v_attempt ->> 'status')::int, p_response_body => nullif(v_attempt -> 'response', 'null'),
      p_error => v_attempt ->> 'error',
      p_attempt_number => v_delivery.attempts + v_number - v_delivery.counted_on_arrival::int,
      p_duration_ms => (v_attempt ->> 'duration_ms')::numeric);
  end loop;
  v_delivery := private.move_delivery(
    p_delivery_id, p_result, p_token => p_delivery_token, p_posts => v_posts, p_response => p_attempts -> -1,
    p_retry_after_seconds => p_retry_after_seconds);
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
language plpgsql volatile security definer set search_path = '' as $$
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
    perform private.move_delivery(v_delivery.id, 'redriven');
    perform private.add_audit(
      p_direction => 'in', p_outcome => 'redriven', p_endpoint_id => v_delivery.endpoint_id,
      p_event_id => v_delivery.event_id, p_job_id => v_delivery.job_id, p_report_type => v_delivery.report_type,
      p_report_id => v_delivery.report_id, p_actor => p_actor,
      p_payload => jsonb_build_object(
        'endpoint', 'redrive', 'dead_at', v_delivery.dead_at, 'dead_reason', v_delivery.dead_reason,
        'claim_id', p_claim_id),
      p_error => v_delivery.response ->> 'error', p_attempt_number => v_delivery.attempts);
    v_redriven := v_redriven + 1;
  end loop;
  return v_redriven;
end
$$;

comment on function public.redrive_deliveries(jsonb, text, int, uuid) is
  'Puts dead letters back on schedule, at its beginning, and audits each with who did it. Returns how many. A repeated call is recognised by p_claim_id.';
revoke all on function public.redrive_deliveries(jsonb, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.redrive_deliveries(jsonb, text, int, uuid) to service_role;

-- supabase/sql/deliver/release_deliveries.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.release_deliveries(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_id bigint;
  v_released int := 0;
begin
  for v_id in
    select id from public.webhook_deliveries
    where status = 'retrying' and lease_expires_at < now()
    order by lease_expires_at limit p_limit
  loop
    v_released := v_released + private.try_release(v_id)::int;
  end loop;
  return v_released;
end
$$;

comment on function public.release_deliveries(int) is
  'Deliveries that nobody holds any more, since their holder died, show again what they were. Waits for no lock. Returns how many.';
revoke all on function public.release_deliveries(int) from public, anon, authenticated, service_role;
grant execute on function public.release_deliveries(int) to service_role;

-- supabase/sql/deliver/retry_after.sql
create or replace function private.retry_after(p_seconds numeric)
returns interval
language plpgsql immutable set search_path = '' as $$
begin
  return (
    select least(
      make_interval(secs => least(greatest(coalesce(p_seconds, 0), 0), 1e9)::double precision), policy.longest_retry_after)
    from private.sending_policy() policy);
end
$$;

comment on function private.retry_after(numeric) is
  'How long a Retry-After of so many seconds is honoured.';
revoke all on function private.retry_after(numeric) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/sendable.sql
create or replace function private.sendable(p_delivery public.webhook_deliveries)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'delivery_id', p_delivery.id, 'delivery_token', p_delivery.lease_token, 'event_id', event.id,
      'endpoint_id', p_delivery.endpoint_id, 'expects', endpoint.expects, 'job_id', event.job_id,
      'body', private.envelope(event))
    from public.report_events event, public.webhook_endpoints endpoint
    where event.id = p_delivery.event_id and endpoint.id = p_delivery.endpoint_id);
end
$$;

comment on function private.sendable(public.webhook_deliveries) is
  'What a sender needs of a delivery that it holds: the fencing token, where it goes, and the bytes to send.';
revoke all on function private.sendable(public.webhook_deliveries) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/sending_policy.sql
create or replace function private.sending_policy(
  out slots interval[], out jitter double precision, out longest_retry_after interval,
  out circuit_window interval, out circuit_attempts int, out circuit_failed_share double precision,
  out circuit_pause interval)
returns record
language plpgsql immutable set search_path = '' as $$
begin
  slots := '{30 seconds,2 minutes,10 minutes,1 hour,6 hours,24 hours}';
  -- Each slot is up to a fifth shorter or longer: deliveries that failed together must not come back together.
  jitter := 0.2;
  longest_retry_after := '1 hour';
  -- A circuit opens when this share of at least so many attempts in the window failed retryably.
  circuit_window := '1 minute';
  circuit_attempts := 10;
  circuit_failed_share := 0.5;
  -- Until one probe asks whether the endpoint is back.
  circuit_pause := '30 seconds';
end
$$;

comment on function private.sending_policy() is
  'The numbers of the sending policy, here and nowhere else: the retry slots, how far Retry-After is honoured, and when a circuit opens and is probed.';
revoke all on function private.sending_policy() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/show_delivery.sql
create or replace function private.show_delivery()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  -- The import makes a delivery from the columns that the row shows already, while its own statement updates the row.
  if coalesce(current_setting('polaris.import', true), '') = 'on' then
    return null;
  end if;
  if not exists (select from public.webhook_endpoints where id = new.endpoint_id and kind = 'internal') then
    return null;
  end if;
  -- Take the lock in its own statement, so that the next query sees rows committed while we waited.
  if private.lock_report(new.report_type, new.report_id) is null then
    perform private.move_delivery(new.id, 'closed', p_reason => 'report_deleted');
    return null;
  end if;
  if exists (
    select from public.webhook_deliveries later
    join public.webhook_endpoints endpoint on endpoint.id = later.endpoint_id and endpoint.kind = 'internal'
    where later.report_id = new.report_id and later.report_type = new.report_type and later.id > new.id)
  then
    return null;
  end if;
  execute format(
    'update public.%I set webhook_status = $1, webhook_attempts = $2, webhook_last_attempt = $3,
       webhook_response = $4, webhook_job_id = $5 where id = $6',
    private.report_table(new.report_type))
  using new.status, new.attempts, new.last_attempt, new.response, new.job_id, new.report_id;
  return null;
end
$$;

comment on function private.show_delivery() is
  'A report''s webhook columns are the state of its latest delivery to our own endpoints. Without a report, a delivery is closed.';
revoke all on function private.show_delivery() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/skip_delivery.sql
create or replace function private.skip_delivery(p_delivery public.webhook_deliveries)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'skipped', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_delivery_id => p_delivery.id,
    p_payload => jsonb_build_object('id', p_delivery.event_id), p_error => 'circuit open',
    p_attempt_number => p_delivery.attempts);
  perform private.move_delivery(p_delivery.id, 'skipped', p_response => '{"error": "not sent: circuit open"}');
  perform public.apply_report_event(p_delivery.event_id, 'direct');
end
$$;

comment on function private.skip_delivery(public.webhook_deliveries) is
  'What an open circuit makes of a delivery: not sent, its event applied directly, its first slot still to come.';
revoke all on function private.skip_delivery(public.webhook_deliveries) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/take_probe.sql
create or replace function private.take_probe(
  p_endpoint_id text, p_delivery_id bigint, p_token bigint, p_lease_seconds int)
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  -- Whoever holds the circuit now is about to take its probe, or to close it.
  perform from public.webhook_circuits where endpoint_id = p_endpoint_id for update skip locked;
  if not found then
    return false;
  end if;
  update public.webhook_circuits
  set probe_delivery_id = p_delivery_id, probe_token = p_token,
    probe_lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where endpoint_id = p_endpoint_id and opened_at is not null and probe_after <= now()
    and private.lease_is_free(probe_lease_expires_at);
  return found;
end
$$;

comment on function private.take_probe(text, bigint, bigint, int) is
  'Takes the one probe of a half-open circuit for this delivery. False when the circuit is not ready to probe or another process holds the probe.';
revoke all on function private.take_probe(text, bigint, bigint, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/try_claim.sql
-- Whoever waits for a report's row, or for the row of its owner, waits as long as another transaction likes. A sweep does not:
-- it takes the next delivery.
create or replace function private.try_claim(
  p_delivery_id bigint, p_lease_seconds int, p_claim_id uuid, p_probe_of text default null)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  select * into v_delivery from public.webhook_deliveries
  where id = p_delivery_id
    -- Asked again under the lock: another sweep may have claimed it since.
    and status not in ('success', 'superseded', 'cancelled') and dead_at is null and private.lease_is_free(lease_expires_at)
  for update skip locked;
  if v_delivery.id is null then
    return null;
  end if;
  if p_probe_of is not null then
    -- Claiming it will lock its report, and circuits come after reports.
    perform private.lock_report(v_delivery.report_type, v_delivery.report_id);
    if not private.take_probe(p_probe_of, v_delivery.id, v_delivery.lease_token + 1, p_lease_seconds) then
      -- Another process holds the probe. The locks of this delivery and its report go before the next ones are taken.
      raise exception 'no probe' using errcode = 'PL003';
    end if;
  end if;
  return private.claim_delivery(p_delivery_id, p_lease_seconds, p_claim_id);
exception
  when sqlstate 'PL003' then
    return null;
  when lock_not_available then
    return jsonb_build_object('left_out', 'held', 'delivery_id', p_delivery_id, 'event_id', v_delivery.event_id);
  when others then
    return jsonb_build_object(
      'left_out', 'error', 'delivery_id', p_delivery_id, 'event_id', v_delivery.event_id, 'error', "left"(sqlerrm, 200));
end
$$;

comment on function private.try_claim(bigint, int, uuid, text) is
  'Claims a delivery if that needs no waiting. Null: somebody else has it. With left_out: its report is held by a transaction, or it cannot be claimed. p_probe_of: the endpoint whose probe it must be.';
revoke all on function private.try_claim(bigint, int, uuid, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/try_release.sql
create or replace function private.try_release(p_delivery_id bigint)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
begin
  perform from public.webhook_deliveries where id = p_delivery_id for update skip locked;
  return found and (private.move_delivery(p_delivery_id, 'released')).status <> 'retrying';
exception when others then
  -- The next sweep tries again; this one goes on with the rest.
  return false;
end
$$;

comment on function private.try_release(bigint) is
  'Releases a delivery if that needs no waiting.';
revoke all on function private.try_release(bigint) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/delivery_rows.sql
create or replace view private.delivery_rows with (security_invoker = true) as
  select delivery.id, delivery.event_id, delivery.endpoint_id, delivery.job_id, delivery.report_type, delivery.report_id,
    event.stage, delivery.status, delivery.attempts, delivery.created_at, delivery.last_attempt, delivery.next_attempt,
    delivery.dead_at, delivery.dead_reason, delivery.response ->> 'error' as error,
    case when delivery.response ->> 'status' ~ '^[1-5][0-9]{2}$' then (delivery.response ->> 'status')::int end
      as response_status,
    "left"(delivery.response ->> 'response', 500) as response_excerpt, event.channel, event.effect
  from public.webhook_deliveries delivery
  join public.report_events event on event.id = delivery.event_id;

comment on view private.delivery_rows is 'A delivery, what came of its last attempt, and what its event has done.';
revoke all on table private.delivery_rows from public, anon, authenticated, service_role;
grant select on table private.delivery_rows to authenticated;

-- supabase/sql/deliver/due_deliveries.sql
create or replace view private.due_deliveries with (security_invoker = true) as
  select id, event_id, endpoint_id, report_type, report_id, job_id, attempts, last_attempt, next_attempt
  from public.webhook_deliveries
  where status not in ('success', 'superseded', 'cancelled') and dead_at is null and next_attempt <= now()
    and private.lease_is_free(lease_expires_at);

comment on view private.due_deliveries is
  'What a sweep takes from and get_failed_webhooks() lists; also what a process that died has left behind.';
revoke all on table private.due_deliveries from public, anon, authenticated, service_role;

-- supabase/sql/deliver/webhook_circuits.sql
comment on table public.webhook_circuits is
  'The circuit breaker, one row per endpoint. Written only when it opens, probes or closes.';
comment on column public.webhook_circuits.opened_at is 'Null: closed. Else open until probe_after, and half-open from then on.';
comment on column public.webhook_circuits.closed_at is 'Attempts before this do not count any more.';
comment on column public.webhook_circuits.probe_lease_expires_at is 'Until then the probe is under way; a prober that died loses it.';
alter table public.webhook_circuits enable row level security;
revoke all on table public.webhook_circuits from anon, authenticated, service_role;
grant select on table public.webhook_circuits to authenticated;
drop policy if exists "operators read" on public.webhook_circuits;
create policy "operators read" on public.webhook_circuits for select to authenticated
  using ((select private.is_operator()));

-- supabase/sql/deliver/webhook_deliveries.sql
comment on table public.webhook_deliveries is
  'The outbox: the duty to bring one event to one endpoint. private.move_delivery() is the one writer of its state.';
comment on column public.webhook_deliveries.plan is '0 is the live delivery; the others are replays.';
comment on column public.webhook_deliveries.format_version is 'Of the body: a delivery keeps the version it was made with.';
comment on column public.webhook_deliveries.attempts is 'POSTs made.';
comment on column public.webhook_deliveries.counted_on_arrival is
  'The endpoint counted one POST of the present round when it arrived; the sender''s record leaves that one out.';
comment on column public.webhook_deliveries.rounds is 'Recorded rounds that failed: the place in the durable schedule.';
comment on column public.webhook_deliveries.lease_token is 'Fencing token: raised by every claim.';
comment on column public.webhook_deliveries.claim_id is 'Of the last claim: a repeated call is recognised by it.';
comment on column public.webhook_deliveries.status_before_claim is
  'What it shows again when the lease of its last claim has run out.';
alter table public.webhook_deliveries enable row level security;
revoke all on table public.webhook_deliveries from anon, authenticated, service_role;
revoke all on sequence public.webhook_deliveries_id_seq from anon, authenticated, service_role;
grant select on table public.webhook_deliveries to authenticated;
drop policy if exists "operators read" on public.webhook_deliveries;
create policy "operators read" on public.webhook_deliveries for select to authenticated
  using ((select private.is_operator()));
create or replace trigger show_delivery after insert on public.webhook_deliveries
  for each row execute function private.show_delivery();
create or replace trigger show_changed_delivery after update on public.webhook_deliveries
  for each row when (
    (old.status, old.attempts, old.last_attempt, old.response, old.dead_at)
      is distinct from (new.status, new.attempts, new.last_attempt, new.response, new.dead_at))
  execute function private.show_delivery();

-- supabase/sql/deliver/webhook_endpoints.sql
comment on table public.webhook_endpoints is
  'The places that deliveries go to: our own two webhook functions, and subscribers. Never deleted.';
comment on column public.webhook_endpoints.stage is 'The stage whose events an internal endpoint takes.';
comment on column public.webhook_endpoints.expects is
  'What proves a delivery: the answer of our own webhook functions for this job, or any 2xx.';
alter table public.webhook_endpoints enable row level security;
revoke all on table public.webhook_endpoints from anon, authenticated, service_role;
grant select on table public.webhook_endpoints to authenticated;
drop policy if exists "operators read" on public.webhook_endpoints;
create policy "operators read" on public.webhook_endpoints for select to authenticated
  using ((select private.is_operator()));
create or replace trigger keep_endpoint before delete on public.webhook_endpoints
  for each row execute function private.keep_endpoint();
create or replace trigger keep_endpoints before truncate on public.webhook_endpoints
  for each statement execute function private.keep_endpoint();
