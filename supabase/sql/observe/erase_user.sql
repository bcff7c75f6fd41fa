-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.erase_user(p_user_id uuid, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  -- With this row, the sweeps finish what this call leaves.
  insert into private.erasures (user_id) values (p_user_id) on conflict do nothing;
  return public.erase_due(p_limit, p_user_id);
end
$$;

comment on function public.erase_user(uuid, int) is
  'Begins or continues the erasure of a user''s content: one step of erase_due(), with its answer. The next call or sweep erases the rest.';
revoke all on function public.erase_user(uuid, int) from public, anon, authenticated, service_role;
grant execute on function public.erase_user(uuid, int) to service_role;
