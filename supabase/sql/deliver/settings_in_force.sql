create or replace function private.settings_in_force(p_revision bigint)
returns setof private.endpoint_revisions
language plpgsql stable set search_path = '' as $$
begin
  return query
  select * from private.endpoint_revisions
  where id <= p_revision and (superseded_by is null or superseded_by > p_revision);
end
$$;

comment on function private.settings_in_force(bigint) is
  'The settings of each subscriber as of this revision: a question about an event gets the settings that its fan-out saw.';
revoke all on function private.settings_in_force(bigint) from public, anon, authenticated, service_role;
