create or replace function private.is_address_checked(p_endpoint_id text)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from private.endpoint_revisions settings
    join private.endpoint_checks checked on checked.endpoint_id = settings.endpoint_id and checked.url = settings.url and checked.passed
    where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null);
end
$$;

comment on function private.is_address_checked(text) is
  'Whether the present URL of a subscriber has passed a check. Nothing is sent to one that has not.';
revoke all on function private.is_address_checked(text) from public, anon, authenticated, service_role;
