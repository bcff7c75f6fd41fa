create or replace function private.sending_policy(
  out slots interval[], out jitter double precision, out longest_retry_after interval,
  out circuit_window interval, out circuit_attempts int, out circuit_failed_share double precision,
  out circuit_pause interval, out subscriber_in_flight int, out in_flight_doubles_each_seconds double precision,
  out slow_after interval, out paused_after interval, out unverified_for interval)
returns record
language plpgsql immutable set search_path = '' as $$
begin
  slots := '{30 seconds,2 minutes,10 minutes,1 hour,6 hours,24 hours}';
  -- Each slot is up to a fifth shorter or longer: deliveries that failed together must not come back together.
  jitter := 0.2;
  longest_retry_after := '1 hour';
  -- A circuit opens when this share of at least so many attempts in the window failed retryably.
  circuit_window := '1 minute';
  circuit_attempts := 10;
  circuit_failed_share := 0.5;
  -- Until one probe asks whether the endpoint is back.
  circuit_pause := '30 seconds';
  -- To one subscriber at once. After a time-out, 429 or 5xx half as many, which doubles again with the time that passes.
  subscriber_in_flight := 16;
  in_flight_doubles_each_seconds := 10;
  -- One that has not answered for so long has at most two senders.
  slow_after := '1 second';
  -- A subscriber that has accepted nothing for so long is paused. The alert subscriber_failing comes before.
  paused_after := '5 days';
  -- One that never answered its check is removed.
  unverified_for := '7 days';
end
$$;

comment on function private.sending_policy() is
  'The numbers of the sending policy, here and nowhere else: the retry slots, how far Retry-After is honoured, when a circuit opens and is probed, and how gently subscribers are sent to.';
revoke all on function private.sending_policy() from public, anon, authenticated, service_role;
