-- Definer rights: people may read only their own row of the table of operators.
create or replace function private.is_operator()
returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.operators where user_id = (select auth.uid()))
$$;

comment on function private.is_operator() is
  'Whether the signed-in person is an operator.';
revoke all on function private.is_operator() from public, anon, authenticated, service_role;
grant execute on function private.is_operator() to authenticated;
