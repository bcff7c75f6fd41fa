-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.event_samples(
  p_limit int, p_endpoint_id text default null, p_paths text[] default null, p_filter_path text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Number of events examined, newest first.
  c_examined constant int := 1000;
  v_path jsonpath := p_filter_path::jsonpath;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', (recent.event).id, 'type', (recent.event).type, 'report_type', (recent.event).report_type,
      'report_id', (recent.event).report_id, 'applied_at', private.iso_time((recent.event).applied_at),
      'effect', (recent.event).effect,
      'values', case when p_paths is not null then private.filter_values(seen.document, p_paths) end,
      'matches', case when p_filter_path is not null then private.filter_matches(seen.document, v_path) end,
      'bodies', case when p_endpoint_id is not null then (
        select jsonb_agg(private.body_of(recent.event, version, 'thin') order by version) from generate_series(0, 2) version) end)
      order by (recent.event).applied_at desc, (recent.event).id desc), '[]')
    from (
      select event from (
        select event from public.report_events event
        where event.effect is not null order by event.applied_at desc, event.id desc limit c_examined) newest
      where (newest.event).channel <> 'import'
        and ((newest.event).erased_at is null or (newest.event).type = 'report.deleted')
        -- Filters do not apply to deletions.
        and (p_filter_path is null or (newest.event).type <> 'report.deleted')
        and (p_endpoint_id is null or exists (
          select from public.webhook_deliveries where event_id = (newest.event).id and endpoint_id = p_endpoint_id))
      limit p_limit) recent
    left join private.report_contents content on content.event_id = (recent.event).id
    cross join lateral private.filter_document(recent.event, content.research_metadata) seen (document));
end
$$;

comment on function public.event_samples(int, text, text[], text) is
  'The newest of the last thousand events, for a trial. With p_paths and p_filter_path: what a filter sees at these paths, and whether it matches. With p_endpoint_id: only events that this subscriber was sent, each with its bodies by format version, the oldest first and without the content.';
revoke all on function public.event_samples(int, text, text[], text) from public, anon, authenticated, service_role;
grant execute on function public.event_samples(int, text, text[], text) to service_role;
