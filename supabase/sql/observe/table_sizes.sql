comment on table private.table_sizes is
  'How large our tables are, once an hour for eight days, by the estimates of pg_class: nothing is read or locked for it.';
alter table private.table_sizes enable row level security;
revoke all on table private.table_sizes from anon, authenticated, service_role;
