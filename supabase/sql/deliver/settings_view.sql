create or replace function private.settings_view(p_settings private.endpoint_revisions)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'url', p_settings.url, 'description', p_settings.description,
    'events', jsonb_strip_nulls(jsonb_build_object(
      'types', to_jsonb(p_settings.types), 'report_types', to_jsonb(p_settings.report_types),
      'stages', to_jsonb(p_settings.stages), 'statuses', to_jsonb(p_settings.statuses), 'owner_id', p_settings.owner_id))
      || jsonb_build_object('superseded', p_settings.takes_superseded),
    'filter', p_settings.filter, 'format_version', p_settings.format_version, 'body', p_settings.body, 'mode', p_settings.mode,
    'rate_per_second', p_settings.rate_per_second, 'compression', p_settings.compression);
end
$$;

comment on function private.settings_view(private.endpoint_revisions) is
  'Settings in the form in which a function of ours hands them over and gets them back.';
revoke all on function private.settings_view(private.endpoint_revisions) from public, anon, authenticated, service_role;
