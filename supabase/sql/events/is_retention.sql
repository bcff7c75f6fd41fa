create or replace function private.is_retention()
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(current_setting('polaris.retention', true), '') = 'on';
end
$$;

comment on function private.is_retention() is
  'Whether retention or an erasure is at work in this transaction: prune_expired(), forget_event() or forget_audit().';
revoke all on function private.is_retention() from public, anon, authenticated, service_role;
