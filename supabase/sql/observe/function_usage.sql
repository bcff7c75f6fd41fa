comment on table private.function_usage is
  'Resources used by the instances of each function, since the first instance; see report_usage().';
comment on column private.function_usage.memory_bytes is
  'The most that an instance had at once, of those that reported within about 15 minutes before memory_at.';
alter table private.function_usage enable row level security;
revoke all on table private.function_usage from anon, authenticated, service_role;
