create or replace function private.selects_event(
  p_settings private.endpoint_revisions, p_event public.report_events, p_owner uuid)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return (p_event.effect = 'applied' or p_settings.takes_superseded and p_event.effect = 'superseded')
    and (p_settings.types is null or p_event.type = any (p_settings.types))
    and (p_settings.report_types is null or p_event.report_type = any (p_settings.report_types))
    -- A deletion tells subscribers to forget earlier events of any stage and status. It has no content for a filter.
    and (p_event.type = 'report.deleted'
      or (p_settings.stages is null or p_event.stage = any (p_settings.stages))
        and (p_settings.statuses is null or p_event.status = any (p_settings.statuses)))
    and (p_settings.owner_id is null or p_settings.owner_id is not distinct from p_owner);
end
$$;

comment on function private.selects_event(private.endpoint_revisions, public.report_events, uuid) is
  'Whether a subscriber''s settings, apart from the filter, are about this event.';
revoke all on function private.selects_event(private.endpoint_revisions, public.report_events, uuid) from public, anon, authenticated, service_role;
