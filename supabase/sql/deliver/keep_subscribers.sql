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
  -- Alerts report when waiting deliveries will be given up.
  update private.watch_state set pause_max_days = p_pause_max_days where only_row and pause_max_days <> p_pause_max_days;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'unverified' and created_at < now() - v_policy.unverified_for
    order by endpoint_id limit p_limit
  loop
    -- Lock order: every new revision takes this lock before rows of subscribers. The check may have passed since the query.
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
  -- Ends deliveries that a paused subscriber has kept waiting for too long. A person can still redrive them while their
  -- content exists.
  for v_id in
    select id from public.webhook_deliveries
    where id in (
      -- The oldest of each subscriber, in the order of an index: most of a backlog is younger.
      select delivery.id from private.subscribers subscriber
      cross join lateral (
        select id from public.webhook_deliveries
        where endpoint_id = subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          and next_attempt < now() - make_interval(days => p_pause_max_days)
          and created_at < now() - make_interval(days => p_pause_max_days)
        order by next_attempt limit p_limit) delivery
      where subscriber.state in ('paused', 'active')
      limit p_limit)
    order by id for update skip locked
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
    select id from public.webhook_deliveries
    where id in (
      select delivery.id from private.subscribers subscriber
      cross join lateral (
        select id from public.webhook_deliveries
        where endpoint_id = subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        order by next_attempt limit p_limit) delivery
      where subscriber.state = 'removed'
      limit p_limit)
    order by id for update skip locked
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  -- Wakes deliveries that were left parked because the one that ended the earlier delivery could not lock them.
  for v_id in
    select parked.id from public.webhook_deliveries parked
    join public.webhook_deliveries earlier on earlier.id = parked.waits_for
    -- The same condition as holds_back(), without a call for each of many deliveries that are rightly parked.
    where (earlier.dead_at is not null or earlier.status in ('success', 'superseded', 'cancelled'))
      and (earlier.lease_expires_at is null or earlier.lease_expires_at < now())
    order by parked.id limit p_limit for update of parked skip locked
  loop
    perform private.move_delivery(v_id, 'woken');
    v_woken := v_woken + 1;
  end loop;
  delete from private.endpoint_secrets where expires_at < now() - interval '1 day';
  return jsonb_build_object(
    'paused', v_paused, 'removed', v_removed, 'expired', v_expired, 'cancelled', v_cancelled, 'woken', v_woken,
    -- v_cancelled is the sum of two limits.
    'more', p_limit <= greatest(v_expired, v_cancelled, v_woken));
end
$$;

comment on function public.keep_subscribers(int, int) is
  'Time-based changes of subscribers: pauses those that accept nothing for days, removes those that never passed a check, ends deliveries that waited longer than p_pause_max_days, cancels those of removed subscribers, wakes forgotten ones. Returns how many of each, and more: call again.';
revoke all on function public.keep_subscribers(int, int) from public, anon, authenticated, service_role;
grant execute on function public.keep_subscribers(int, int) to service_role;
