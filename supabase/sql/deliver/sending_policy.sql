create or replace function private.sending_policy(
  out slots interval[], out jitter double precision, out longest_retry_after interval,
  out circuit_window interval, out circuit_attempts int, out circuit_failed_share double precision,
  out circuit_pause interval, out subscriber_in_flight int, out in_flight_doubles_each_seconds double precision,
  out slow_after interval, out paused_after interval, out unverified_for interval)
returns record
language plpgsql immutable set search_path = '' as $$
begin
  slots := '{30 seconds,2 minutes,10 minutes,1 hour,6 hours,24 hours}';
  -- Each slot is up to a fifth shorter or longer, so that deliveries that failed together are not retried together.
  jitter := 0.2;
  longest_retry_after := '1 hour';
  -- A circuit opens when this share of at least this many attempts in the window failed retryably.
  circuit_window := '1 minute';
  circuit_attempts := 10;
  circuit_failed_share := 0.5;
  -- Pause before a probe.
  circuit_pause := '30 seconds';
  -- Maximum in flight per subscriber. Halved after a time-out, 429 or 5xx; then it doubles again with time.
  subscriber_in_flight := 16;
  in_flight_doubles_each_seconds := 10;
  -- A subscriber that has not answered for this long gets at most two senders.
  slow_after := '1 second';
  -- A subscriber that has accepted nothing for this long is paused. The alert subscriber_failing fires before.
  paused_after := '5 days';
  -- A subscriber that never passed its check is removed after this time.
  unverified_for := '7 days';
end
$$;

comment on function private.sending_policy() is
  'The numbers of the sending policy, here and nowhere else: the retry slots, how far Retry-After is honoured, when a circuit opens and is probed, and how gently subscribers are sent to.';
revoke all on function private.sending_policy() from public, anon, authenticated, service_role;
