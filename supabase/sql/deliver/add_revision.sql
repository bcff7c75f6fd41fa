create or replace function private.add_revision(p_settings private.endpoint_revisions, p_change text, p_actor text)
returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  -- Held until the commit, so that ids are in the order of commits.
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  p_settings.id := nextval('private.endpoint_revisions_id_seq');
  p_settings.change := p_change;
  p_settings.actor := p_actor;
  p_settings.created_at := clock_timestamp();
  p_settings.superseded_by := null;
  update private.endpoint_revisions set superseded_by = p_settings.id
  where endpoint_id = p_settings.endpoint_id and superseded_by is null;
  insert into private.endpoint_revisions overriding system value select p_settings.*;
  return p_settings.id;
end
$$;

comment on function private.add_revision(private.endpoint_revisions, text, text) is
  'Puts settings of a subscriber in force. Effects that are under way keep the settings that their events name.';
revoke all on function private.add_revision(private.endpoint_revisions, text, text) from public, anon, authenticated, service_role;
