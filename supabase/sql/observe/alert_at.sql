create or replace function private.alert_at(p_alert public.alerts, p_rule private.alert_rules)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'alert_id', p_alert.id, 'rule', p_alert.rule, 'subject', p_alert.subject, 'severity', p_alert.severity,
    'value', p_alert.last_value, 'threshold', p_rule.threshold, 'affected', p_alert.affected, 'facts', p_alert.facts,
    'since', private.iso_time(p_alert.pending_since), 'fired_at', private.iso_time(p_alert.fired_at),
    'resolved_at', private.iso_time(p_alert.resolved_at));
end
$$;

comment on function private.alert_at(public.alerts, private.alert_rules) is
  'The data of an alert''s message.';
revoke all on function private.alert_at(public.alerts, private.alert_rules) from public, anon, authenticated, service_role;
