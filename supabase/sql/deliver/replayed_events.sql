create or replace function private.replayed_events(
  p_filter jsonb, p_until timestamptz, p_after jsonb, p_examined int,
  out replayed jsonb, out examined int, out last jsonb)
returns record
language plpgsql stable set search_path = '' as $$
begin
  with events as materialized (
    select event, event.id, event.applied_at from public.report_events event
    where event.effect is not null
      and event.applied_at >= coalesce((p_filter ->> 'from')::timestamptz, '-infinity')
      and event.applied_at < least(coalesce((p_filter ->> 'to')::timestamptz, 'infinity'), p_until)
      and (event.applied_at, event.id) > (coalesce((p_after ->> 'at')::timestamptz, '-infinity'), coalesce(p_after ->> 'id', ''))
      -- The few events of one report are found by its index, without scanning all events.
      and (p_filter -> 'report_id' is null or event.report_id = (p_filter ->> 'report_id')::uuid)
      and (p_filter -> 'event_ids' is null or event.id = any (private.texts_of(p_filter -> 'event_ids')))
    order by event.applied_at, event.id
    limit p_examined
  ), candidates as materialized (
    select events.event, events.id, events.applied_at, settings
    from events
    join private.endpoint_revisions settings
      on settings.superseded_by is null and settings.endpoint_id = any (private.texts_of(p_filter -> 'endpoint_ids'))
    join private.subscribers subscriber on subscriber.endpoint_id = settings.endpoint_id and subscriber.state <> 'removed'
    where (p_filter -> 'report_type' is null or (events.event).report_type = p_filter ->> 'report_type')
      and (p_filter -> 'types' is null or (events.event).type = any (private.texts_of(p_filter -> 'types')))
      -- For a start in the past: from its revision on, effects make the deliveries themselves.
      and (p_filter -> 'before_revision' is null
        or coalesce((events.event).settings_revision, 0) < (p_filter ->> 'before_revision')::bigint)
      and private.selects_event(settings, events.event, case when settings.owner_id is not null
        then private.owner_of((events.event).report_type, (events.event).report_id) end)
  ), contents as materialized (
    select candidates.*, content.event_id is not null or (event).type = 'report.deleted' as is_there,
      400 + coalesce(octet_length(content.research_report), 0)
        + coalesce(pg_column_size(content.research_metadata), 0) + coalesce(pg_column_size(content.final_data), 0) as bytes,
      content.research_metadata
    from candidates left join private.report_contents content on content.event_id = candidates.id
  )
  select
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'event_id', id, 'endpoint_id', (settings).endpoint_id, 'applied_at', applied_at, 'type', (event).type,
        'report_type', (event).report_type, 'report_id', (event).report_id, 'job_id', (event).job_id,
        'position', (event).position, 'is_there', is_there, 'bytes', case when (settings).body = 'full' then bytes else 400 end,
        'format_version', (settings).format_version, 'body', (settings).body) order by applied_at, id, (settings).endpoint_id)
      from contents
      where (settings).filter_path is null or (event).type = 'report.deleted' or is_there and coalesce(private.filter_matches(
        private.filter_document(event, research_metadata), (settings).filter_path), false)), '[]'),
    (select count(*)::int from events),
    (select jsonb_build_object('at', applied_at, 'id', id) from events order by applied_at desc, id desc limit 1)
  into replayed, examined, last;
end
$$;

comment on function private.replayed_events(jsonb, timestamptz, jsonb, int) is
  'Of up to p_examined events after p_after, in the order of their effects, those that a replay brings to which endpoint, by the settings that are in force now. is_there: false, its content is erased.';
revoke all on function private.replayed_events(jsonb, timestamptz, jsonb, int) from public, anon, authenticated, service_role;
