create or replace function private.alert_on_queue_age(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select queue.endpoint_id, round(extract(epoch from now() - queue.oldest)), greatest(queue.depth, 1),
    jsonb_build_object('waiting', queue.depth, 'oldest', private.iso_time(queue.oldest), 'event_ids', queue.event_ids)
  from private.queues() queue
  where queue.oldest < now() - make_interval(secs => p_rule.threshold::double precision)
$$;

comment on function private.alert_on_queue_age(private.alert_rules) is
  'Endpoints of ours whose oldest delivery waits longer, in seconds.';
revoke all on function private.alert_on_queue_age(private.alert_rules) from public, anon, authenticated, service_role;
