-- Why: What was wrong with subscribers: an effect under way when a start in the past switched over was lost, a cancelled start left its subscriber deaf, a long backlog could not be claimed, a resume could deadlock, and a replay could outlive an erasure or outrun its rate.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/apply_plan.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.apply_plan(p_plan_id int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_plan public.plans;
begin
  select * into v_plan from public.plans where id = p_plan_id for update;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  elsif v_plan.status = 'proposed' then
    update public.plans
    set status = 'running', applied_at = clock_timestamp(), next_slice_at = now()
    where id = p_plan_id
    returning * into v_plan;
    perform private.add_audit(
      p_direction => 'in', p_outcome => 'plan_applied', p_actor => p_actor,
      p_payload => jsonb_build_object('endpoint', 'plans', 'plan', v_plan.id, 'kind', v_plan.kind, 'reason', v_plan.reason));
  end if;
  return jsonb_build_object('outcome', 'applied', 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.apply_plan(int, text) is
  'Begins a plan that was proposed and looked at. The same again, or of one that runs or has ended, answers it as it is. Returns {outcome: applied|plan_not_found, plan}.';
revoke all on function public.apply_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.apply_plan(int, text) to service_role;

-- supabase/sql/deliver/begin_live.sql
create or replace function private.begin_live(p_endpoint_id text, p_change text, p_actor text)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_settings private.endpoint_revisions;
begin
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  if not exists (
    select from private.subscribers
    where endpoint_id = p_endpoint_id and state <> 'removed' and verified_at is not null)
  then
    return null;
  end if;
  select * into strict v_settings from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if v_settings.takes_events then
    return null;
  end if;
  v_settings.takes_events := true;
  return private.add_revision(v_settings, p_change, p_actor);
end
$$;

comment on function private.begin_live(text, text, text) is
  'From now on effects make deliveries for a subscriber, whose start in the past has come to its end. Returns the revision; null: they do so already, or it is not verified or removed.';
revoke all on function private.begin_live(text, text, text) from public, anon, authenticated, service_role;

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
  where id = p_plan_id and status in ('proposed', 'running');
  if found and exists (select from public.plans where id = p_plan_id and kind = 'start') then
    -- Nothing else would ever let it hear of events.
    perform private.begin_live(filter ->> 'endpoint_id', 'start cancelled', p_actor) from public.plans where id = p_plan_id;
  end if;
  select * into v_plan from public.plans where id = p_plan_id;
  if v_plan.id is null then
    return '{"outcome": "plan_not_found"}';
  end if;
  return jsonb_build_object('outcome', v_plan.status, 'plan', private.plan_view(v_plan));
end
$$;

comment on function public.cancel_plan(int, text) is
  'Ends a plan that is running: no further slice begins, and what was done stays done; deliveries of a replay that are not sent yet are cancelled by the next sweep; a subscriber whose start in the past it was hears of events from now on. Returns {outcome, plan}: the plan as it stands, which may have ended before, or plan_not_found.';
revoke all on function public.cancel_plan(int, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_plan(int, text) to service_role;

-- supabase/sql/deliver/claim_due_delivery.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_due_delivery(
  p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Of one endpoint in a call, which could run into its time-out otherwise: all of it would be undone, at each call again.
  c_set_aside constant int := 200;
  v_held public.webhook_deliveries;
  v_candidate record;
  v_endpoint record;
  v_set_aside int;
  v_set_aside_before int;
  v_is_waiting boolean := false;
  v_claim jsonb;
  v_left_out jsonb := '[]';
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_held from public.webhook_deliveries where claim_id = p_claim_id and not private.lease_is_free(lease_expires_at);
  if v_held.id is not null then
    return jsonb_build_object('delivery', private.sendable(v_held), 'left_out', '[]'::jsonb);
  end if;
  -- Probe even if nothing is due; otherwise a circuit could stay open for hours.
  for v_candidate in
    select circuit.endpoint_id as probe_of, probe.id
    from public.webhook_circuits circuit
    cross join lateral (
      select delivery.id, delivery.attempts from public.webhook_deliveries delivery
      where delivery.endpoint_id = circuit.endpoint_id and delivery.status not in ('success', 'superseded', 'cancelled')
        and delivery.dead_at is null and private.lease_is_free(delivery.lease_expires_at) and delivery.waits_for is null
        and delivery.id <> all (p_left_out)
      order by delivery.attempts, delivery.id limit 16) probe
    where circuit.opened_at is not null and circuit.probe_after <= now()
      and private.lease_is_free(circuit.probe_lease_expires_at)
      and not exists (
        select from private.subscribers where endpoint_id = circuit.endpoint_id and state <> 'active')
    order by circuit.endpoint_id, probe.attempts, probe.id
  loop
    v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, v_candidate.probe_of);
    if v_claim ? 'left_out' then
      v_left_out := v_left_out || v_claim;
    elsif v_claim ? 'delivery_id' then
      return jsonb_build_object('delivery', v_claim, 'left_out', v_left_out);
    end if;
  end loop;
  for v_endpoint in
    -- Our own endpoints first, then the one that has the fewest senders now: one that is slow or has a backlog takes no turn of
    -- another. Among equals by chance: by age, whoever has waited least would come last, behind every backlog.
    select endpoint.id, endpoint.kind
    from public.webhook_endpoints endpoint
    left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
    left join (
      select endpoint_id, count(*) as senders from public.webhook_deliveries where lease_expires_at >= now()
      group by endpoint_id) held on held.endpoint_id = endpoint.id
    where (endpoint.kind = 'internal' or subscriber.state = 'active')
      and endpoint.id not in (select endpoint_id from public.webhook_circuits where opened_at is not null)
    order by endpoint.kind = 'internal' desc, coalesce(held.senders, 0), random()
  loop
    -- A short look at an index: most endpoints have nothing to send most of the time.
    continue when not exists (
      select from public.webhook_deliveries
      where endpoint_id = v_endpoint.id and next_attempt <= now()
        and status not in ('success', 'superseded', 'cancelled') and dead_at is null);
    if v_endpoint.kind = 'subscriber' and not private.may_send(v_endpoint.id) then
      v_is_waiting := true;
      continue;
    end if;
    v_set_aside := 0;
    loop
      v_set_aside_before := v_set_aside;
      for v_candidate in
        select due.id from private.due_at(v_endpoint.id, v_endpoint.kind, p_left_out, 16) due
      loop
        v_claim := private.try_claim(v_candidate.id, p_lease_seconds, p_claim_id, null);
        if v_claim ? 'left_out' then
          v_left_out := v_left_out || v_claim;
        elsif v_claim ? 'set_aside' then
          v_set_aside := v_set_aside + 1;
        elsif v_claim is not null then
          return jsonb_build_object('delivery', v_claim, 'left_out', v_left_out);
        end if;
      end loop;
      -- What was set aside is not seen again: behind it may be something to send.
      exit when v_set_aside = v_set_aside_before;
      if v_set_aside >= c_set_aside then
        v_is_waiting := true;
        exit;
      end if;
    end loop;
  end loop;
  return jsonb_build_object('delivery', null, 'left_out', v_left_out, 'waiting', v_is_waiting);
end
$$;

comment on function public.claim_due_delivery(int, uuid, bigint[]) is
  'Claims a half-open circuit''s probe, else what is due first, of our own endpoints, then of the subscriber with the fewest senders that has room for one more. Waits for no lock. Returns {delivery, left_out: [{delivery_id, event_id, left_out: held|error, error?}]}; delivery null: there is nothing to send now; waiting: a subscriber has something to be sent that its limits delay, or more than one call can put in order. p_left_out: deliveries that an earlier call of this sweep left out. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_due_delivery(int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid, bigint[]) to service_role;

-- supabase/sql/deliver/keep_subscribers.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.keep_subscribers(p_pause_max_days int, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_policy record := private.sending_policy();
  v_endpoint record;
  v_id bigint;
  v_paused int := 0;
  v_removed int := 0;
  v_expired int := 0;
  v_cancelled int := 0;
  v_woken int := 0;
begin
  -- The alerts tell when what waits is given up.
  update private.watch_state set pause_max_days = p_pause_max_days where only_row and pause_max_days <> p_pause_max_days;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'unverified' and created_at < now() - v_policy.unverified_for
    order by endpoint_id limit p_limit
  loop
    -- The lock of all that makes a revision comes before the rows of subscribers. Its check may just have passed.
    perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
    continue when not exists (
      select from private.subscribers where endpoint_id = v_endpoint.endpoint_id and state = 'unverified');
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'removed', 'never_verified', 'sweep');
    v_removed := v_removed + 1;
  end loop;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'active' and failing_since < now() - v_policy.paused_after
      and private.was_sent_lately(endpoint_id)
    order by endpoint_id limit p_limit for no key update skip locked
  loop
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'paused', 'failing', 'sweep');
    v_paused := v_paused + 1;
  end loop;
  -- What a paused subscriber has waited too long for: a person can still redrive it, as long as the content is there.
  for v_id in
    select delivery.id from private.subscribers subscriber
    join public.webhook_deliveries delivery on delivery.endpoint_id = subscriber.endpoint_id
    where subscriber.state in ('paused', 'active')
      and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
      and delivery.next_attempt < now() - make_interval(days => p_pause_max_days)
      and delivery.created_at < now() - make_interval(days => p_pause_max_days)
    order by delivery.id limit p_limit for update of delivery skip locked
  loop
    perform private.move_delivery(v_id, 'closed', p_reason => 'pause_expired');
    v_expired := v_expired + 1;
  end loop;
  for v_id in
    (select delivery.id from public.plans plan
    join public.webhook_deliveries delivery on delivery.plan = plan.id
    where plan.kind in ('replay', 'start') and plan.status = 'cancelled' and plan.finished_at > now() - interval '2 days'
      and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
    order by delivery.id limit p_limit for update of delivery skip locked)
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  for v_id in
    select delivery.id from private.subscribers subscriber
    join public.webhook_deliveries delivery on delivery.endpoint_id = subscriber.endpoint_id
    where subscriber.state = 'removed' and delivery.status not in ('success', 'superseded', 'cancelled')
      and delivery.dead_at is null
    order by delivery.id limit p_limit for update of delivery skip locked
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  -- Whoever ended the delivery before it could not get its lock.
  for v_id in
    select parked.id from public.webhook_deliveries parked
    join public.webhook_deliveries earlier on earlier.id = parked.waits_for
    where parked.waits_for is not null and not private.holds_back(earlier.id)
    order by parked.id limit p_limit for update of parked skip locked
  loop
    perform private.move_delivery(v_id, 'woken');
    v_woken := v_woken + 1;
  end loop;
  delete from private.endpoint_secrets where expires_at < now() - interval '1 day';
  return jsonb_build_object(
    'paused', v_paused, 'removed', v_removed, 'expired', v_expired, 'cancelled', v_cancelled, 'woken', v_woken,
    'more', p_limit in (v_expired, v_cancelled, v_woken));
end
$$;

comment on function public.keep_subscribers(int, int) is
  'What time makes of subscribers: pauses those that accept nothing for days, removes those that never answered a check, gives up what waited longer than p_pause_max_days, cancels what waits for a removed one, wakes what nobody woke. Returns how many of each, and more: call again.';
revoke all on function public.keep_subscribers(int, int) from public, anon, authenticated, service_role;
grant execute on function public.keep_subscribers(int, int) to service_role;

-- supabase/sql/deliver/preview_replay.sql
create or replace function private.preview_replay(p_filter jsonb)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- Pairs of an event and an endpoint. Looking at more would cost more than it tells: with 20 endpoints, more than a call may.
  c_pairs constant int := 20000;
  c_examined constant int := c_pairs / greatest(cardinality(private.texts_of(p_filter -> 'endpoint_ids')), 1);
  v_found record := private.replayed_events(p_filter, now(), null, c_examined);
begin
  return (
    with found as materialized (
      select * from jsonb_to_recordset(v_found.replayed) as item (
        event_id text, endpoint_id text, applied_at timestamptz, type text, report_type text, report_id uuid, is_there boolean,
        bytes bigint)
    ), paces as (
      select endpoint_id, count(*) filter (where is_there) as deliveries,
        -- How many a second: its rate, or what its last hundred rounds took, as many at once as it may have.
        least((p_filter ->> 'rate_per_second')::numeric, (
            select rate_per_second from private.endpoint_revisions settings
            where settings.endpoint_id = found.endpoint_id and superseded_by is null),
          coalesce((
            select (select subscriber_in_flight from private.sending_policy()) * 1000 / greatest(avg(duration_ms), 1)
            from (
              select duration_ms from public.webhook_audit
              where direction = 'out' and endpoint_id = found.endpoint_id order by created_at desc limit 100) rounds), 10)) as pace
      from found group by endpoint_id
    )
    select jsonb_build_object(
      'is_whole', v_found.examined < c_examined,
      'events', (select count(distinct event_id) from found),
      'deliveries', (select count(*) from found where is_there),
      'erased', (select count(*) from found where not is_there),
      'bytes', (select coalesce(sum(bytes), 0) from found where is_there),
      'confirmed', (
        select count(*) from found where exists (
          select from public.webhook_deliveries delivery
          where delivery.event_id = found.event_id and delivery.endpoint_id = found.endpoint_id and delivery.status = 'success')),
      'expected_seconds', (select coalesce(ceil(max(deliveries / greatest(pace, 0.01))), 0) from paces),
      'samples', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'event_id', event_id, 'endpoint_id', endpoint_id, 'type', type, 'report_type', report_type, 'report_id', report_id,
          'applied_at', private.iso_time(applied_at))), '[]')
        from (select * from found where is_there order by applied_at, event_id limit 10) sample)));
end
$$;

comment on function private.preview_replay(jsonb) is
  'What a replay of this filter would do now: events, deliveries, erased ones, about how many bytes, how many were confirmed already, how long it would take, ten samples. is_whole: false, more match than the 20,000 pairs of an event and an endpoint that were looked at.';
revoke all on function private.preview_replay(jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/replayed_events.sql
create or replace function private.replayed_events(
  p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int,
  out replayed jsonb, out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
begin
  with events as materialized (
    select event, event.id, event.applied_at from public.report_events event
    where event.effect is not null
      and event.applied_at >= coalesce((p_filter ->> 'from')::timestamptz, '-infinity')
      and event.applied_at < least(coalesce((p_filter ->> 'to')::timestamptz, 'infinity'), p_until)
      and (event.applied_at, event.id) > (coalesce((p_after ->> 'at')::timestamptz, '-infinity'), coalesce(p_after ->> 'id', ''))
      -- Of one report there are few: they are found by its index, not by looking at the events of all.
      and (p_filter -> 'report_id' is null or event.report_id = (p_filter ->> 'report_id')::uuid)
      and (p_filter -> 'event_ids' is null or event.id = any (private.texts_of(p_filter -> 'event_ids')))
    order by event.applied_at, event.id
    limit p_examined
  ), candidates as materialized (
    select events.event, events.id, events.applied_at, settings
    from events
    join private.endpoint_revisions settings
      on settings.superseded_by is null and settings.endpoint_id = any (private.texts_of(p_filter -> 'endpoint_ids'))
    where (p_filter -> 'report_type' is null or (events.event).report_type = p_filter ->> 'report_type')
      and (p_filter -> 'types' is null or (events.event).type = any (private.texts_of(p_filter -> 'types')))
      -- For a start in the past: from its revision on, effects make the deliveries themselves.
      and (p_filter -> 'before_revision' is null
        or coalesce((events.event).settings_revision, 0) < (p_filter ->> 'before_revision')::bigint)
      and private.selects_event(settings, events.event, case when settings.owner_id is not null
        then private.owner_of((events.event).report_type, (events.event).report_id) end)
  ), contents as materialized (
    select candidates.*, content.event_id is not null or (event).type = 'report.deleted' as is_there,
      400 + coalesce(octet_length(content.research_report), 0)
        + coalesce(pg_column_size(content.research_metadata), 0) + coalesce(pg_column_size(content.final_data), 0) as bytes,
      content.research_metadata
    from candidates left join private.report_contents content on content.event_id = candidates.id
  )
  select
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'event_id', id, 'endpoint_id', (settings).endpoint_id, 'applied_at', applied_at, 'type', (event).type,
        'report_type', (event).report_type, 'report_id', (event).report_id, 'job_id', (event).job_id,
        'position', (event).position, 'is_there', is_there, 'bytes', case when (settings).body = 'full' then bytes else 400 end,
        'format_version', (settings).format_version, 'body', (settings).body) order by applied_at, id, (settings).endpoint_id)
      from contents
      where (settings).filter_path is null or is_there and coalesce(private.filter_matches(
        private.filter_document(event, research_metadata), (settings).filter_path), false)), '[]'),
    (select count(*)::int from events),
    (select jsonb_build_object('at', applied_at, 'id', id) from events order by applied_at desc, id desc limit 1)
  into replayed, examined, last;
end
$$;

comment on function private.replayed_events(jsonb, timestamptz, jsonb, int) is
  'Of up to p_examined events after p_after, in the order of their effects, those that a replay brings to which endpoint, by the settings that are in force now. is_there: false, its content is erased.';
revoke all on function private.replayed_events(jsonb, timestamptz, jsonb, int) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/set_subscriber_state.sql
create or replace function private.set_subscriber_state(p_endpoint_id text, p_state text, p_reason text, p_actor text)
returns private.subscribers
language plpgsql volatile set search_path = '' as $$
declare
  v_old private.subscribers;
  v_new private.subscribers;
  v_settings private.endpoint_revisions;
begin
  if p_state = 'removed' or p_state = 'active' then
    -- Before the row's lock, as in all that makes a revision.
    perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  end if;
  if p_state = 'active' then
    -- As in whoever records a round: the circuit, then the subscriber.
    perform from public.webhook_circuits where endpoint_id = p_endpoint_id for no key update;
  end if;
  select * into strict v_old from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_old.state = p_state or v_old.state = 'removed' then
    return v_old;
  end if;
  update private.subscribers
  set state = p_state, state_reason = p_reason, state_since = clock_timestamp(),
    read_token_sha256 = case when p_state <> 'removed' then read_token_sha256 end,
    verified_at = case when p_state = 'active' then coalesce(verified_at, clock_timestamp()) else verified_at end,
    failing_since = case when p_state <> 'active' then failing_since end,
    -- It returns slowly: one, two, four … in flight.
    in_flight_limit = case when p_state = 'active' then 1 else in_flight_limit end,
    limited_at = case when p_state = 'active' then clock_timestamp() else limited_at end
  where endpoint_id = p_endpoint_id
  returning * into v_new;
  if p_state = 'active' then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where endpoint_id = p_endpoint_id and opened_at is not null;
  end if;
  select * into strict v_settings from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if p_state = 'removed' then
    delete from private.endpoint_secrets where endpoint_id = p_endpoint_id;
    v_settings.takes_events := false;
    perform private.add_revision(v_settings, 'removed', p_actor);
  elsif v_old.verified_at is null and v_new.verified_at is not null and not exists (
    select from public.plans where kind = 'start' and status = 'running' and filter ->> 'endpoint_id' = p_endpoint_id)
  then
    v_settings.takes_events := true;
    perform private.add_revision(v_settings, 'verified', p_actor);
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_' || p_state, p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'from', v_old.state, 'reason', p_reason));
  return v_new;
end
$$;

comment on function private.set_subscriber_state(text, text, text, text) is
  'The one writer of a subscriber''s state, with its audit row: unverified to active; active to paused and back; any to removed, which stays. What it pauses loses nothing: effects keep making deliveries for it.';
revoke all on function private.set_subscriber_state(text, text, text, text) from public, anon, authenticated, service_role;

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
    if v_plan.kind in ('replay', 'start') then
      v_plan := private.work_replay(v_plan, p_limit);
      update public.plans
      set status = v_plan.status, outcomes = v_plan.outcomes, position = v_plan.position, applied_at = v_plan.applied_at,
        applied_xid = v_plan.applied_xid, next_slice_at = v_plan.next_slice_at, faults = 0, last_error = v_plan.last_error,
        finished_at = v_plan.finished_at
      where id = v_plan.id;
      return jsonb_build_object('plan_id', v_plan.id, 'status', v_plan.status, 'redriven', 0);
    end if;
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
  exception when query_canceled or others then
    -- Also where the slice used up the time of the call: without this, it would be tried again at once, for ever.
    update public.plans
    set faults = faults + 1, last_error = "left"(sqlerrm, 200), next_slice_at = now() + c_pause,
      status = case when faults + 1 >= c_faults then 'failed' else status end,
      finished_at = case when faults + 1 >= c_faults then now() end
    where id = v_plan.id
    returning * into v_plan;
    if v_plan.kind = 'start' and v_plan.status = 'failed' then
      perform private.begin_live(v_plan.filter ->> 'endpoint_id', 'start failed', v_plan.actor);
    end if;
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

-- supabase/sql/deliver/work_replay.sql
create or replace function private.work_replay(p_plan public.plans, p_limit int)
returns public.plans
language plpgsql volatile set search_path = '' as $$
declare
  c_examined constant int := 2000;
  -- A backlog in the outbox costs every claim, and a cancelled plan should leave little behind.
  c_waiting constant int := 2000;
  v_filter jsonb := p_plan.filter;
  v_rate numeric := (p_plan.filter ->> 'rate_per_second')::numeric;
  v_until timestamptz := p_plan.applied_at;
  v_found record;
  v_made int;
  v_erased int;
  v_examined int := least(c_examined, p_limit * 10);
begin
  if p_plan.kind = 'start' then
    v_filter := v_filter || jsonb_build_object('endpoint_ids', jsonb_build_array(v_filter ->> 'endpoint_id'));
    if (select verified_at from private.subscribers where endpoint_id = v_filter ->> 'endpoint_id') is null then
      p_plan.next_slice_at := now() + interval '1 minute';
      p_plan.applied_at := null;
    elsif p_plan.applied_at is null then
      p_plan.applied_at := clock_timestamp();
      p_plan.next_slice_at := now();
      return p_plan;
    end if;
    v_until := case when p_plan.position ? 'revision' then clock_timestamp() else p_plan.applied_at end;
    v_filter := v_filter || jsonb_strip_nulls(jsonb_build_object('before_revision', p_plan.position -> 'revision'));
  end if;
  if not exists (
    select from private.subscribers
    where endpoint_id = any (private.texts_of(v_filter -> 'endpoint_ids')) and state <> 'removed')
  then
    p_plan.status := 'failed';
    p_plan.last_error := 'the subscriber was removed';
    p_plan.finished_at := now();
    return p_plan;
  elsif p_plan.applied_at is null then
    return p_plan;
  elsif p_plan.applied_xid is null then
    -- The next transaction, not the one that set the time or the revision: an effect that began between that one's first lock and
    -- its commit has a later id, and has seen nothing of it.
    p_plan.applied_xid := pg_current_xact_id();
    p_plan.next_slice_at := now();
    return p_plan;
  elsif p_plan.applied_xid >= pg_snapshot_xmin(pg_current_snapshot()) then
    -- An effect that is under way may still appear before the place where this slice ends.
    p_plan.next_slice_at := now() + interval '2 seconds';
    return p_plan;
  elsif (
    select count(*) from (
      select from public.webhook_deliveries
      where plan = p_plan.id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
      limit c_waiting) waiting) >= c_waiting
  then
    p_plan.next_slice_at := now() + interval '5 seconds';
    return p_plan;
  end if;
  v_found := private.replayed_events(v_filter, v_until, p_plan.position, v_examined);
  with item as (
    select * from jsonb_to_recordset(v_found.replayed) as item (
      event_id text, endpoint_id text, report_type text, report_id uuid, job_id text, "position" bigint, is_there boolean,
      format_version int, body text)
  ), there as materialized (
    -- What is being erased now would find no delivery to end, and this one would never end.
    select id from public.report_events
    where id in (select event_id from item where is_there) and (erased_at is null or type = 'report.deleted')
    order by id for share
  ), made as (
    insert into public.webhook_deliveries (
      event_id, endpoint_id, plan, report_type, report_id, job_id, position, format_version, body, next_attempt, created_xid)
    select event_id, endpoint_id, p_plan.id, report_type, report_id, job_id, item.position,
      coalesce((v_filter ->> 'format_version')::int, format_version), body,
      now() + case when v_rate is null then '0' else make_interval(secs => ((row_number() over () - 1) / v_rate)::double precision) end,
      pg_current_xact_id()
    from item where is_there and event_id in (select id from there)
    on conflict (event_id, endpoint_id, plan) do nothing
    returning 1
  )
  select (select count(*) from made), (select count(*) from item where not is_there or event_id not in (select id from there)) into v_made, v_erased;
  p_plan.outcomes := p_plan.outcomes || jsonb_build_object(
    'planned', coalesce((p_plan.outcomes ->> 'planned')::int, 0) + v_made,
    'content_erased', coalesce((p_plan.outcomes ->> 'content_erased')::int, 0) + v_erased);
  p_plan.position := coalesce(p_plan.position, '{}') || coalesce(v_found.last, '{}');
  p_plan.next_slice_at := now() + case when v_rate is null then '0' else make_interval(secs => (v_made / v_rate)::double precision) end;
  if v_found.examined = v_examined then
    return p_plan;
  elsif p_plan.kind = 'start' and p_plan.position -> 'revision' is null then
    -- Caught up. From the next revision on its effects make their deliveries themselves; those of before it that are under way now
    -- are seen once they have ended.
    p_plan.position := p_plan.position || jsonb_build_object(
      'revision', private.begin_live(v_filter ->> 'endpoint_id', 'caught up', p_plan.actor));
    p_plan.applied_xid := null;
    p_plan.next_slice_at := now();
    return p_plan;
  end if;
  p_plan.status := 'done';
  p_plan.finished_at := now();
  return p_plan;
end
$$;

comment on function private.work_replay(public.plans, int) is
  'The next slice of a replay or of a start in the past, which the caller holds: its deliveries are made, and claims do the rest. Returns the plan as it stands then; a slice that is repeated makes nothing twice.';
revoke all on function private.work_replay(public.plans, int) from public, anon, authenticated, service_role;

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
comment on column public.plans.preview is 'What a replay would have done when it was proposed.';
comment on column public.plans.applied_at is 'When a proposed plan was begun: it is about events until then.';
comment on column public.plans.applied_xid is 'A transaction after that: until all before it have ended, the plan waits.';
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
