create or replace function private.require_operator()
returns void
language plpgsql stable set search_path = '' as $$
begin
  if not private.is_operator() then
    -- Without this error, row level security would show others empty lists, which look like a system without traffic.
    raise exception 'operators only' using errcode = 'insufficient_privilege';
  end if;
end
$$;

comment on function private.require_operator() is
  'Refuses everybody who is no operator, with 42501.';
revoke all on function private.require_operator() from public, anon, authenticated, service_role;
grant execute on function private.require_operator() to authenticated;
