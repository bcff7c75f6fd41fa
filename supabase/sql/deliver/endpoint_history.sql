-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.endpoint_history(p_endpoint_id text)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'revision', id, 'at', private.iso_time(created_at), 'actor', actor, 'change', change, 'takes_events', takes_events,
      'settings', private.settings_view(revision)) order by id desc), '[]')
    from (select * from private.endpoint_revisions where endpoint_id = p_endpoint_id order by id desc limit 100) revision);
end
$$;

comment on function public.endpoint_history(text) is
  'The last hundred revisions of a subscribers settings, newest first.';
revoke all on function public.endpoint_history(text) from public, anon, authenticated, service_role;
grant execute on function public.endpoint_history(text) to service_role;
