create or replace function private.keep_audit()
returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if tg_op = 'DELETE' and private.is_retention() then
    return old;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end
$$;

comment on function private.keep_audit() is
  'Refuses every change of an audit row, and its deletion by anybody but retention.';
revoke all on function private.keep_audit() from public, anon, authenticated, service_role;
