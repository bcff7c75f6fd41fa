create or replace view private.alert_rows with (security_invoker = true) as
  select alert.id, alert.rule, alert.subject, alert.state, alert.severity, alert.pending_since, alert.fired_at, alert.good_since,
    alert.resolved_at, alert.last_value, rule.threshold, rule.unit, alert.affected, alert.facts,
    case when alert.state <> 'resolved' then private.silenced_until(alert.rule, alert.subject) end as silenced_until,
    (select coalesce(jsonb_agg(jsonb_build_object(
        'transition', delivery.transition, 'created_at', delivery.created_at, 'attempts', delivery.attempts,
        'delivered_at', delivery.delivered_at, 'dead_at', delivery.dead_at, 'next_attempt', delivery.next_attempt,
        'error', delivery.error, 'host', delivery.host) order by delivery.created_at), '[]')
      from public.alert_deliveries delivery where delivery.alert_id = alert.id) as deliveries
  from public.alerts alert
  left join private.alert_rules rule on rule.rule = alert.rule;

comment on view private.alert_rows is
  'An alert in a list: with its threshold, until when it is silenced, and what was sent of it.';
revoke all on table private.alert_rows from public, anon, authenticated, service_role;
grant select on table private.alert_rows to authenticated;
