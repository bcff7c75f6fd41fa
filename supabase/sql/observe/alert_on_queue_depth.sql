create or replace function private.alert_on_queue_depth(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select queue.endpoint_id, queue.depth::numeric, queue.depth,
    jsonb_build_object('waiting', queue.depth, 'oldest', private.iso_time(queue.oldest), 'event_ids', queue.event_ids)
  from private.queues() queue
  where queue.depth > p_rule.threshold
$$;

comment on function private.alert_on_queue_depth(private.alert_rules) is
  'Endpoints of ours with more deliveries waiting.';
revoke all on function private.alert_on_queue_depth(private.alert_rules) from public, anon, authenticated, service_role;
