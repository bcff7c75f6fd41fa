comment on table private.alert_rules is
  'The alert rules, one row for each private.alert_on_<rule>(). An operator changes a number, or turns a rule off, with one update.';
comment on column private.alert_rules.threshold is 'In this unit. Values beyond the threshold are bad.';
comment on column private.alert_rules.minimum is 'Fewer of them (attempts, failures, pings, MB) are no reason for an alert.';
comment on column private.alert_rules.lookback is 'How far back the rule looks.';
comment on column private.alert_rules.holds_for is
  'How long it must be bad before the alert fires. For as long, and at least a minute, it must be good before the alert resolves.';
alter table private.alert_rules enable row level security;
revoke all on table private.alert_rules from anon, authenticated, service_role;
grant select on table private.alert_rules to authenticated;
drop policy if exists "operators read" on private.alert_rules;
create policy "operators read" on private.alert_rules for select to authenticated
  using ((select private.is_operator()));
