-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.list_endpoints(p_endpoint_id text default null, p_with_removed boolean default false)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  return (
    select coalesce(jsonb_agg(private.subscriber_view(subscriber) order by subscriber.created_at desc, subscriber.endpoint_id), '[]')
    from private.subscribers subscriber
    where (p_endpoint_id is null or endpoint_id = p_endpoint_id) and (state <> 'removed' or p_with_removed)
    limit 1000);
end
$$;

comment on function public.list_endpoints(text, boolean) is
  'All subscribers, newest first, or one: what subscriber_view() says of each.';
revoke all on function public.list_endpoints(text, boolean) from public, anon, authenticated, service_role;
grant execute on function public.list_endpoints(text, boolean) to service_role;
