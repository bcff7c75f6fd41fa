-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.user_is_operator(p_user_id uuid)
returns boolean
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select exists (select from public.operators where user_id = p_user_id)
$$;

comment on function public.user_is_operator(uuid) is
  'Whether this person is an operator now. Endpoints ask it for callers whom they have authenticated.';
revoke all on function public.user_is_operator(uuid) from public, anon, authenticated, service_role;
grant execute on function public.user_is_operator(uuid) to service_role;
