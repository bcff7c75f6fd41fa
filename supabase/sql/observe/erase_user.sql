-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_user(p_user_id uuid, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  -- Whatever becomes of this caller, the sweeps go on.
  insert into private.erasures (user_id) values (p_user_id) on conflict do nothing;
  return public.erase_due(p_limit, p_user_id);
end
$$;

comment on function public.erase_user(uuid, int) is
  'Begins the erasure of a user''s content, or goes on with it: a step as erase_due() takes it, with its answer. What is left, the next call or the next sweep erases.';
revoke all on function public.erase_user(uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.erase_user(uuid, int) to service_role;
