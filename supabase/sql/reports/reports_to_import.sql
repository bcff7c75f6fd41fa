comment on table private.reports_to_import is
  'Reports from before the events. Whoever first touches one imports it in the same transaction.';
alter table private.reports_to_import enable row level security;
revoke all on table private.reports_to_import from anon, authenticated, service_role;
