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
  'How many deliveries may be sent to a subscriber at once. The number grows with time, so that the good path writes nothing.';
revoke all on function private.in_flight_allowed(double precision, timestamptz) from public, anon, authenticated, service_role;
