-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.replace_read_token(p_endpoint_id text, p_read_token_sha256 text, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
begin
  update private.subscribers set read_token_sha256 = p_read_token_sha256
  where endpoint_id = p_endpoint_id and state <> 'removed'
  returning * into v_subscriber;
  if v_subscriber.endpoint_id is null then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_token_replaced', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => '{"endpoint": "endpoints"}');
  return jsonb_build_object('outcome', 'replaced', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.replace_read_token(text, text, text) is
  'Gives a subscriber a new read token; the one before it is void at once. Returns {outcome: replaced|endpoint_not_found, endpoint}.';
revoke all on function public.replace_read_token(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.replace_read_token(text, text, text) to service_role;
