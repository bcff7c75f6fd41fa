-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.release_deliveries(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_id bigint;
  v_released int := 0;
begin
  for v_id in
    select id from public.webhook_deliveries
    where status = 'retrying' and lease_expires_at < now()
    order by lease_expires_at limit p_limit
  loop
    v_released := v_released + private.try_release(v_id)::int;
  end loop;
  return v_released;
end
$$;

comment on function public.release_deliveries(int) is
  'Restores the shown status of deliveries whose holder died. Waits for no lock. Returns how many.';
revoke all on function public.release_deliveries(int) from public, anon, authenticated, service_role;
grant execute on function public.release_deliveries(int) to service_role;
