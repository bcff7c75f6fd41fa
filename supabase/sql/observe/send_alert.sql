create or replace function private.send_alert(p_alert public.alerts, p_rule private.alert_rules, p_transition text)
returns void
language sql volatile set search_path = '' as $$
  insert into public.alert_deliveries (id, alert_id, transition, alert)
  values (
    'alert_' || replace(p_alert.id::text, '-', '') || '_' || p_transition, p_alert.id, p_transition,
    private.alert_at(p_alert, p_rule))
  on conflict (id) do nothing
$$;

comment on function private.send_alert(public.alerts, private.alert_rules, text) is
  'Writes the delivery of a transition, firing or resolved, once.';
revoke all on function private.send_alert(public.alerts, private.alert_rules, text) from public, anon, authenticated, service_role;
