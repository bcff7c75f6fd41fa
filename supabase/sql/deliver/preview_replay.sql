create or replace function private.preview_replay(p_filter jsonb)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- Limit of pairs of event and endpoint. With 20 endpoints, examining more could exceed the time of a call.
  c_pairs constant int := 20000;
  c_examined constant int := c_pairs / greatest(cardinality(private.texts_of(p_filter -> 'endpoint_ids')), 1);
  v_found record := private.replayed_events(p_filter, now(), null, c_examined);
begin
  return (
    with found as materialized (
      select * from jsonb_to_recordset(v_found.replayed) as item (
        event_id text, endpoint_id text, applied_at timestamptz, type text, report_type text, report_id uuid, is_there boolean,
        bytes bigint)
    ), paces as (
      select endpoint_id, count(*) filter (where is_there) as deliveries,
        -- Events per second: the rate, or the pace of the last hundred rounds with the maximum number in flight.
        least((p_filter ->> 'rate_per_second')::numeric, (
            select rate_per_second from private.endpoint_revisions settings
            where settings.endpoint_id = found.endpoint_id and superseded_by is null),
          coalesce((
            select (select subscriber_in_flight from private.sending_policy()) * 1000 / greatest(avg(duration_ms), 1)
            from (
              select duration_ms from public.webhook_audit
              where direction = 'out' and endpoint_id = found.endpoint_id order by created_at desc limit 100) rounds), 10)) as pace
      from found group by endpoint_id
    )
    select jsonb_build_object(
      'is_whole', v_found.examined < c_examined,
      'events', (select count(distinct event_id) from found),
      'deliveries', (select count(*) from found where is_there),
      'erased', (select count(*) from found where not is_there),
      'bytes', (select coalesce(sum(bytes), 0) from found where is_there),
      'confirmed', (
        select count(*) from found where exists (
          select from public.webhook_deliveries delivery
          where delivery.event_id = found.event_id and delivery.endpoint_id = found.endpoint_id and delivery.status = 'success')),
      'expected_seconds', (select coalesce(ceil(max(deliveries / greatest(pace, 0.01))), 0) from paces),
      'samples', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'event_id', event_id, 'endpoint_id', endpoint_id, 'type', type, 'report_type', report_type, 'report_id', report_id,
          'applied_at', private.iso_time(applied_at))), '[]')
        from (select * from found where is_there order by applied_at, event_id limit 10) sample)));
end
$$;

comment on function private.preview_replay(jsonb) is
  'The preview of a replay with this filter: events, deliveries, erased ones, about how many bytes, how many were confirmed already, how long it would take, ten samples. is_whole: false, more match than the 20,000 pairs of an event and an endpoint that were looked at.';
revoke all on function private.preview_replay(jsonb) from public, anon, authenticated, service_role;
