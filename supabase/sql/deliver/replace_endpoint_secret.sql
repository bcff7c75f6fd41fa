-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.replace_endpoint_secret(
  p_endpoint_id text, p_sealed_secret text, p_overlap_seconds int, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  elsif exists (select from private.endpoint_secrets where endpoint_id = p_endpoint_id and sealed = p_sealed_secret) then
    return jsonb_build_object('outcome', 'replaced', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  delete from private.endpoint_secrets where endpoint_id = p_endpoint_id and expires_at < now();
  update private.endpoint_secrets
  set expires_at = least(coalesce(expires_at, 'infinity'), now() + make_interval(secs => p_overlap_seconds))
  where endpoint_id = p_endpoint_id;
  insert into private.endpoint_secrets (endpoint_id, sealed) values (p_endpoint_id, p_sealed_secret);
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_secret_replaced', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'overlap_seconds', p_overlap_seconds));
  return jsonb_build_object('outcome', 'replaced', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.replace_endpoint_secret(text, text, int, text) is
  'Gives a subscriber a new secret. The ones before it sign too, for p_overlap_seconds. Returns {outcome: replaced|endpoint_not_found, endpoint}. A repeated call is recognised by the sealed secret.';
revoke all on function public.replace_endpoint_secret(text, text, int, text) from public, anon, authenticated, service_role;
grant execute on function public.replace_endpoint_secret(text, text, int, text) to service_role;
