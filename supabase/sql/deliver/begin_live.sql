create or replace function private.begin_live(p_endpoint_id text, p_change text, p_actor text)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_settings private.endpoint_revisions;
begin
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  if not exists (
    select from private.subscribers
    where endpoint_id = p_endpoint_id and state <> 'removed' and verified_at is not null)
  then
    return null;
  end if;
  select * into strict v_settings from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if v_settings.takes_events then
    return null;
  end if;
  v_settings.takes_events := true;
  return private.add_revision(v_settings, p_change, p_actor);
end
$$;

comment on function private.begin_live(text, text, text) is
  'From now on effects make deliveries for a subscriber, whose start in the past has come to its end. Returns the revision; null: they do so already, or it is not verified or removed.';
revoke all on function private.begin_live(text, text, text) from public, anon, authenticated, service_role;
