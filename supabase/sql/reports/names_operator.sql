create or replace function private.names_operator(p_caller text)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (select from public.operators where user_id::text = p_caller);
end
$$;

comment on function private.names_operator(text) is
  'Whether a caller of the job endpoint is an operator. `pipeline` is none.';
revoke all on function private.names_operator(text) from public, anon, authenticated, service_role;
