-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_endpoint_check(p_check_id bigint, p_passed boolean, p_probes jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_check private.endpoint_checks;
  v_subscriber private.subscribers;
begin
  update private.endpoint_checks set finished_at = now(), passed = p_passed, probes = p_probes
  where id = p_check_id and finished_at is null
  returning * into v_check;
  if v_check.id is null then
    select * into strict v_check from private.endpoint_checks where id = p_check_id;
  else
    perform private.add_audit(
      p_direction => 'in', p_outcome => case when p_passed then 'endpoint_check_passed' else 'endpoint_check_failed' end,
      p_endpoint_id => v_check.endpoint_id, p_actor => v_check.actor,
      p_payload => jsonb_build_object('endpoint', 'endpoints', 'check', v_check.id));
    if p_passed
      -- A concurrent change of the URL makes another check necessary.
      and private.is_address_checked(v_check.endpoint_id)
      and exists (
        select from private.subscribers
        where endpoint_id = v_check.endpoint_id and (state = 'unverified' or state_reason = 'address_changed'))
    then
      perform private.set_subscriber_state(v_check.endpoint_id, 'active', null, v_check.actor);
    end if;
  end if;
  select * into strict v_subscriber from private.subscribers where endpoint_id = v_check.endpoint_id;
  return jsonb_build_object('endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.record_endpoint_check(bigint, boolean, jsonb) is
  'Keeps what a check has found, and activates a subscriber that waited for it: a new one, or one whose URL has changed. Returns {endpoint}. A repeated call changes nothing.';
revoke all on function public.record_endpoint_check(bigint, boolean, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_endpoint_check(bigint, boolean, jsonb) to service_role;
