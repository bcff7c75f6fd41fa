create or replace function private.alert_on_subscriber_paused(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select subscriber.endpoint_id,
    -- If nothing waits yet: the time at which a delivery made now would be given up.
    greatest(round(extract(epoch from coalesce(kept.given_up_at, now() + kept.longest) - now()) / 86400, 1), 0),
    queue.waiting,
    jsonb_build_object(
      'reason', subscriber.state_reason, 'paused_at', private.iso_time(subscriber.state_since), 'waiting', queue.waiting,
      'given_up_at', private.iso_time(kept.given_up_at))
  from private.subscribers subscriber
  cross join lateral private.waiting_for(subscriber.endpoint_id) queue
  cross join lateral (
    select watch.longest, queue.oldest + watch.longest as given_up_at
    from (select make_interval(days => pause_max_days) as longest from private.watch_state where only_row) watch) kept
  where subscriber.state = 'paused' and (
    -- An operator knows of their own pause.
    subscriber.state_reason <> 'operator' or kept.given_up_at < now() + p_rule.threshold * interval '1 day')
$$;

comment on function private.alert_on_subscriber_paused(private.alert_rules) is
  'Subscribers that nobody has paused and that are paused, and those of which the oldest delivery is given up in fewer days.';
revoke all on function private.alert_on_subscriber_paused(private.alert_rules) from public, anon, authenticated, service_role;
