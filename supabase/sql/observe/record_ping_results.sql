-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_ping_results(p_results jsonb)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  insert into private.ping_results (at, address, ok, duration_ms, status, error)
  select now(), result.address, result.ok, result.duration_ms, result.status, "left"(result.error, 500)
  from jsonb_to_recordset(p_results) as result (address text, ok boolean, duration_ms numeric, status int, error text)
  on conflict (address, at) do nothing;
  delete from private.ping_results where at < now() - interval '8 days';
end
$$;

comment on function public.record_ping_results(jsonb) is
  'Keeps what came of a ping to each address: [{address, ok, duration_ms, status, error}].';
revoke all on function public.record_ping_results(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_ping_results(jsonb) to service_role;
