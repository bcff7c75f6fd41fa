create or replace function private.internal_endpoint(p_stage text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return p_stage || '-report';
end
$$;

comment on function private.internal_endpoint(text) is
  'Our own endpoint for events of this stage: prelim-report or final-report.';
revoke all on function private.internal_endpoint(text) from public, anon, authenticated, service_role;
grant execute on function private.internal_endpoint(text) to authenticated;
