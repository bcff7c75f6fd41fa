comment on table private.webhook_totals is
  'Attempts and requests of all time that are rolled up, by endpoint and outcome. They only grow, also when audit rows and slots are pruned.';
alter table private.webhook_totals enable row level security;
revoke all on table private.webhook_totals from anon, authenticated, service_role;
