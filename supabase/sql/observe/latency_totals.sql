comment on table private.latency_totals is
  'How long attempts and requests of all time took that are rolled up, in the buckets of webhook_latencies.';
alter table private.latency_totals enable row level security;
revoke all on table private.latency_totals from anon, authenticated, service_role;
