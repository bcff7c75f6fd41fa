-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.list_endpoints(p_endpoint_id text default null, p_with_removed boolean default false)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  return (
    select coalesce(jsonb_agg(private.subscriber_view(newest) order by newest.created_at desc, newest.endpoint_id), '[]')
    from (
      select * from private.subscribers
      where (p_endpoint_id is null or endpoint_id = p_endpoint_id) and (state <> 'removed' or p_with_removed)
      order by created_at desc, endpoint_id limit 1000) newest);
end
$$;

comment on function public.list_endpoints(text, boolean) is
  'The newest 1,000 subscribers, newest first, or one: what subscriber_view() says of each.';
revoke all on function public.list_endpoints(text, boolean) from public, anon, authenticated, service_role;
grant execute on function public.list_endpoints(text, boolean) to service_role;
