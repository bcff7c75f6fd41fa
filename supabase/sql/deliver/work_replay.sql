create or replace function private.work_replay(p_plan public.plans, p_limit int)
returns public.plans
language plpgsql volatile set search_path = '' as $$
declare
  c_examined constant int := 2000;
  -- Limit of open deliveries: a backlog slows every claim, and a cancelled plan should leave little behind.
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
    -- The next transaction, not the one that set the time or the revision: an effect that began between the first lock and
    -- the commit of that one has a later id, and has not seen its change.
    p_plan.applied_xid := pg_current_xact_id();
    p_plan.next_slice_at := now();
    return p_plan;
  elsif p_plan.applied_xid >= pg_snapshot_xmin(pg_current_snapshot()) then
    -- A running effect may still appear before the end of this slice: wait for it.
    p_plan.next_slice_at := now() + interval '2 seconds';
    return p_plan;
  elsif (
    select count(*) from (
      select from public.webhook_deliveries delivery
      -- Deliveries to a paused subscriber must not delay the others.
      join private.subscribers subscriber on subscriber.endpoint_id = delivery.endpoint_id and subscriber.state = 'active'
      where delivery.plan = p_plan.id and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
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
    -- Locks the events: an erasure running now would not find the new delivery, which then would never end.
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
    -- Caught up. From the next revision on, effects make the deliveries themselves. Effects in progress under the earlier
    -- revision are found once they have ended.
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
