create or replace function private.queues()
returns table (endpoint_id text, depth bigint, oldest timestamptz, event_ids text[])
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 10000;
begin
  return query
  select endpoint.id, queue.depth, queue.oldest, queue.event_ids
  from public.webhook_endpoints endpoint
  cross join lateral (
    select count(*) filter (where waiting.is_free) as depth, min(waiting.created_at) as oldest,
      private.plain_ids(array_agg(waiting.event_id order by waiting.created_at)) as event_ids
    from (
      select delivery.event_id, delivery.created_at,
        delivery.lease_expires_at is null or delivery.lease_expires_at < now() as is_free
      from public.webhook_deliveries delivery
      where delivery.endpoint_id = endpoint.id and delivery.status not in ('success', 'superseded', 'cancelled')
        and delivery.dead_at is null
      order by delivery.next_attempt, delivery.id limit c_counted) waiting) queue
  where endpoint.kind = 'internal';
end
$$;

comment on function private.queues() is
  'Waiting deliveries of each of our own endpoints, counted up to 10,000: those without a sender, the oldest, and the first ids.';
revoke all on function private.queues() from public, anon, authenticated, service_role;
