create or replace function private.alert_on_subscriber_failing(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select subscriber.endpoint_id, round(extract(epoch from now() - subscriber.failing_since) / 86400, 1),
    queue.waiting,
    jsonb_build_object(
      'failing_since', private.iso_time(subscriber.failing_since),
      'paused_at', private.iso_time(subscriber.failing_since + policy.paused_after), 'waiting', queue.waiting)
  from private.subscribers subscriber
  cross join private.sending_policy() policy
  cross join lateral private.waiting_for(subscriber.endpoint_id) queue
  where subscriber.state = 'active' and subscriber.failing_since < now() - p_rule.threshold * interval '1 day'
    and private.was_sent_lately(subscriber.endpoint_id)
$$;

comment on function private.alert_on_subscriber_failing(private.alert_rules) is
  'Subscribers that have accepted nothing for longer, in days: they will be paused.';
revoke all on function private.alert_on_subscriber_failing(private.alert_rules) from public, anon, authenticated, service_role;
