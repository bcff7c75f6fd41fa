-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.event_samples(p_endpoint_id text, p_limit int, p_own boolean)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Looked at, newest first.
  c_examined constant int := 1000;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', (recent.event).id, 'applied_at', private.iso_time((recent.event).applied_at), 'effect', (recent.event).effect,
      'document', private.filter_document(recent.event, content.research_metadata),
      'bodies', case when p_own then (
        select jsonb_object_agg(version, private.body_of(recent.event, version, 'thin')) from generate_series(0, 2) version) end)
      order by (recent.event).applied_at desc), '[]')
    from (
      select event from (
        select event from public.report_events event
        where event.effect is not null order by event.applied_at desc, event.id desc limit c_examined) newest
      where (newest.event).channel <> 'import'
        and ((newest.event).erased_at is null or (newest.event).type = 'report.deleted')
        and (not p_own or exists (
          select from public.webhook_deliveries where event_id = (newest.event).id and endpoint_id = p_endpoint_id))
      limit p_limit) recent
    left join private.report_contents content on content.event_id = (recent.event).id);
end
$$;

comment on function public.event_samples(text, int, boolean) is
  'The newest events, for a trial of a filter or a format version: what a filter sees of each. p_own: only those of this subscriber, with their bodies in each version, without the content. Of the last thousand events.';
revoke all on function public.event_samples(text, int, boolean) from public, anon, authenticated, service_role;
grant execute on function public.event_samples(text, int, boolean) to service_role;
