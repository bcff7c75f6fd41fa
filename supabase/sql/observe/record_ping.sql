-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_ping(p_ping_id text)
returns jsonb
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  select jsonb_build_object('pings', ping.beats, 'database_time', private.iso_time(ping.last_at))
  from private.record_heartbeat('ping', p_ping_id) ping
$$;

comment on function public.record_ping(text) is
  'Counts a verified ping, and changes nothing else. Returns how many pings came so far, and the time of the database.';
revoke all on function public.record_ping(text) from public, anon, authenticated, service_role;
grant execute on function public.record_ping(text) to service_role;
