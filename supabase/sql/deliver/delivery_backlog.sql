-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.delivery_backlog()
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select private.backlog()
$$;

comment on function public.delivery_backlog() is
  'For a sweep, which asks for help where more is due than one can send: {due, confirmed} of private.backlog().';
revoke all on function public.delivery_backlog() from public, anon, authenticated, service_role;
grant execute on function public.delivery_backlog() to service_role;
