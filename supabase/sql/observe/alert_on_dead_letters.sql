create or replace function private.alert_on_dead_letters(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select dead.endpoint_id, count(*)::numeric, count(*),
    jsonb_build_object(
      'dead_letters', count(*), 'refused', count(*) filter (where dead.dead_reason = 'refused'),
      'event_ids', private.plain_ids(array_agg(dead.event_id order by dead.dead_at desc)))
  from (
    select delivery.endpoint_id, delivery.event_id, delivery.dead_at, delivery.dead_reason
    from public.webhook_deliveries delivery
    where delivery.dead_at > now() - p_rule.lookback and not private.is_closed(delivery.dead_reason)
      -- The import makes many at once, and npm run upgrade reports them.
      and delivery.dead_reason <> 'import'
    order by delivery.dead_at desc limit 1000) dead
  group by dead.endpoint_id
  having count(*) >= p_rule.threshold
$$;

comment on function private.alert_on_dead_letters(private.alert_rules) is
  'Endpoints, subscribers among them, with at least so many new dead letters that a person can redrive, counted up to 1,000.';
revoke all on function private.alert_on_dead_letters(private.alert_rules) from public, anon, authenticated, service_role;
