-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.pause_unreadable_endpoint(p_endpoint_id text)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
begin
  if exists (select from private.subscribers where endpoint_id = p_endpoint_id and state = 'active') then
    perform private.set_subscriber_state(p_endpoint_id, 'paused', 'secret_unreadable', 'sender');
  end if;
end
$$;

comment on function public.pause_unreadable_endpoint(text) is
  'Pauses a subscriber whose secret no key of the functions can open. Nothing is lost meanwhile.';
revoke all on function public.pause_unreadable_endpoint(text) from public, anon, authenticated, service_role;
grant execute on function public.pause_unreadable_endpoint(text) to service_role;
