create or replace function private.read_settings(p_endpoint_id text, p_settings jsonb, p_filter_path text)
returns private.endpoint_revisions
language plpgsql stable set search_path = '' as $$
declare
  v_settings private.endpoint_revisions;
  v_events jsonb := coalesce(p_settings -> 'events', '{}');
begin
  v_settings.endpoint_id := p_endpoint_id;
  v_settings.url := p_settings ->> 'url';
  v_settings.description := p_settings ->> 'description';
  v_settings.types := private.texts_of(v_events -> 'types');
  v_settings.report_types := private.texts_of(v_events -> 'report_types');
  v_settings.stages := private.texts_of(v_events -> 'stages');
  v_settings.statuses := private.texts_of(v_events -> 'statuses');
  v_settings.owner_id := (v_events ->> 'owner_id')::uuid;
  v_settings.takes_superseded := coalesce((v_events ->> 'superseded')::boolean, false);
  v_settings.filter := nullif(p_settings -> 'filter', 'null');
  v_settings.filter_path := p_filter_path::jsonpath;
  v_settings.format_version := (p_settings ->> 'format_version')::int;
  v_settings.body := p_settings ->> 'body';
  v_settings.mode := p_settings ->> 'mode';
  v_settings.rate_per_second := (p_settings ->> 'rate_per_second')::int;
  v_settings.compression := coalesce(p_settings ->> 'compression', 'none');
  return v_settings;
end
$$;

comment on function private.read_settings(text, jsonb, text) is
  'Settings as a function of ours hands them over: checked there, and by the constraints of the table here.';
revoke all on function private.read_settings(text, jsonb, text) from public, anon, authenticated, service_role;
