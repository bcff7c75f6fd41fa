-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.subscriber_secrets()
returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '7s' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'endpoint_id', subscriber.endpoint_id, 'sealed', (
      select coalesce(jsonb_agg(secret.sealed order by secret.id desc), '[]') from private.endpoint_secrets secret
      where secret.endpoint_id = subscriber.endpoint_id and (secret.expires_at is null or secret.expires_at > now())))
    order by subscriber.endpoint_id), '[]')
  from private.subscribers subscriber
  where subscriber.state <> 'removed'
$$;

comment on function public.subscriber_secrets() is
  'The sealed secrets of each subscriber: the health check and the doctor try whether they can still be opened.';
revoke all on function public.subscriber_secrets() from public, anon, authenticated, service_role;
grant execute on function public.subscriber_secrets() to service_role;
