comment on table private.ping_results is
  'The pings that sweeps send the whole road of a webhook, one row each, for eight days.';
comment on column private.ping_results.address is 'An address of WEBHOOK_BASE_URL without https:// and /api/webhooks: host, port where one is given, and path.';
comment on column private.ping_results.error is 'The error, in our own words; null: delivered.';
alter table private.ping_results enable row level security;
revoke all on table private.ping_results from anon, authenticated, service_role;
