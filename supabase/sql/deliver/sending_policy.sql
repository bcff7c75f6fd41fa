create or replace function private.sending_policy(
  out slots interval[], out jitter double precision, out longest_retry_after interval,
  out circuit_window interval, out circuit_attempts int, out circuit_failed_share double precision,
  out circuit_pause interval)
returns record
language sql immutable set search_path = '' as $$
  select
    array['30 seconds', '2 minutes', '10 minutes', '1 hour', '6 hours', '24 hours']::interval[],
    -- Each slot is up to a fifth shorter or longer: deliveries that failed together must not come back together.
    0.2::double precision,
    '1 hour'::interval,
    '1 minute'::interval,
    10,
    0.5::double precision,
    '30 seconds'::interval
$$;

comment on function private.sending_policy() is
  'The numbers of the sending policy, here and nowhere else: the retry slots, how far Retry-After is honoured, and when a circuit opens and is probed.';
revoke all on function private.sending_policy() from public, anon, authenticated, service_role;
