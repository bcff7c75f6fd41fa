-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.move_endpoint(p_endpoint_id text, p_state text, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' and p_state <> 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  elsif v_subscriber.state = 'unverified' and p_state <> 'removed'
    or p_state = 'active' and not private.is_address_checked(p_endpoint_id)
  then
    return '{"outcome": "endpoint_unverified"}';
  end if;
  v_subscriber := private.set_subscriber_state(p_endpoint_id, p_state, 'operator', p_actor);
  return jsonb_build_object('outcome', 'moved', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.move_endpoint(text, text, text) is
  'Pauses a subscriber (p_state paused), resumes it (active) or removes it (removed), for a person. Returns {outcome: moved|endpoint_not_found|endpoint_unverified, endpoint}; also where it is so already.';
revoke all on function public.move_endpoint(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.move_endpoint(text, text, text) to service_role;
