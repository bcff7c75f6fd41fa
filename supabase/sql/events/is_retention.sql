create or replace function private.is_retention()
returns boolean
language sql stable set search_path = '' as $$
  select coalesce(current_setting('polaris.retention', true), '') = 'on'
$$;

comment on function private.is_retention() is
  'Whether prune_expired() is at work in this transaction.';
revoke all on function private.is_retention() from public, anon, authenticated, service_role;
