create or replace function private.in_flight_allowed(p_limit double precision, p_limited_at timestamptz)
returns int
language plpgsql stable set search_path = '' as $$
declare
  v_policy record := private.sending_policy();
begin
  return least(
    v_policy.subscriber_in_flight,
    floor(p_limit * power(2, least(extract(epoch from now() - p_limited_at) / v_policy.in_flight_doubles_each_seconds, 30))));
end
$$;

comment on function private.in_flight_allowed(double precision, timestamptz) is
  'How many may send to a subscriber at once, now: it grows by itself, so that nothing is written while all goes well.';
revoke all on function private.in_flight_allowed(double precision, timestamptz) from public, anon, authenticated, service_role;
