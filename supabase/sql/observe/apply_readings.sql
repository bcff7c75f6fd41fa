-- An alert is pending from its first bad reading. It fires after bad readings for holds_for, and is resolved after good
-- readings for as long, and at least a minute. A pending alert with a good reading is deleted.
create or replace function private.apply_readings(p_rule private.alert_rules, p_readings jsonb, p_notify boolean)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  c_steady constant interval := '1 minute';
  v_alert public.alerts;
  v_changes jsonb := '[]';
begin
  insert into public.alerts as open (rule, subject, severity, last_value, affected, facts)
  select p_rule.rule, reading.subject, p_rule.severity, reading.value, reading.affected, reading.facts
  from jsonb_to_recordset(p_readings) as reading (subject text, value numeric, affected bigint, facts jsonb)
  on conflict (rule, subject) where state <> 'resolved' do update
    set last_value = excluded.last_value, affected = excluded.affected, facts = excluded.facts, severity = excluded.severity,
      seen_at = now(), good_since = null;

  delete from public.alerts where rule = p_rule.rule and state = 'pending' and seen_at < now();
  update public.alerts set good_since = now()
  where rule = p_rule.rule and state = 'firing' and seen_at < now() and good_since is null;

  for v_alert in
    update public.alerts set state = 'firing', fired_at = now()
    where rule = p_rule.rule and state = 'pending' and pending_since <= now() - p_rule.holds_for
    returning *
  loop
    v_changes := v_changes || private.alert_at(v_alert, p_rule);
  end loop;
  for v_alert in
    update public.alerts set state = 'resolved', resolved_at = now()
    where rule = p_rule.rule and state = 'firing' and good_since <= now() - greatest(p_rule.holds_for, c_steady)
    returning *
  loop
    v_changes := v_changes || private.alert_at(v_alert, p_rule);
    -- Even if it is silenced now: people who were told that it fires should hear that it is over.
    if p_notify and v_alert.notified_at is not null then
      perform private.send_alert(v_alert, p_rule, 'resolved');
    end if;
  end loop;
  -- Includes alerts that began to fire under a silence that has ended, or before an address was configured.
  if p_notify then
    for v_alert in
      update public.alerts set notified_at = now()
      where rule = p_rule.rule and state = 'firing' and notified_at is null
        and private.silenced_until(rule, subject) is null
      returning *
    loop
      perform private.send_alert(v_alert, p_rule, 'firing');
    end loop;
  end if;
  return v_changes;
end
$$;

comment on function private.apply_readings(private.alert_rules, jsonb, boolean) is
  'Moves the alerts of a rule by what is bad now, and writes what is to be sent of it in the same transaction. Returns each that fired or resolved.';
revoke all on function private.apply_readings(private.alert_rules, jsonb, boolean) from public, anon, authenticated, service_role;
