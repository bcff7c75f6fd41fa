-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_sweep(p_sweep_id text)
returns bigint
language sql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
  select beats from private.record_heartbeat('sweep', p_sweep_id)
$$;

comment on function public.record_sweep(text) is
  'Counts a sweep that the cron asked for, so that the health check can say whether the cron works. Returns how many came so far.';
revoke all on function public.record_sweep(text) from public, anon, authenticated, service_role;
grant execute on function public.record_sweep(text) to service_role;
