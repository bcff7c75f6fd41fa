create or replace function private.close_deliveries(p_event_id text)
returns void
language sql volatile set search_path = '' as $$
  select private.move_delivery(id, 'closed', p_reason => 'report_deleted')
  from (
    select id from public.webhook_deliveries
    where event_id = p_event_id and status not in ('success', 'superseded', 'cancelled')
    order by id for update) open
$$;

comment on function private.close_deliveries(text) is
  'Ends the deliveries of an event whose report was deleted.';
revoke all on function private.close_deliveries(text) from public, anon, authenticated, service_role;
