-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_endpoint_check(p_check_id bigint, p_passed boolean, p_probes jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_check private.endpoint_checks;
  v_subscriber private.subscribers;
  v_accepts_coding boolean;
begin
  -- Before any row lock, as in every change of settings: the result of the check must apply to the URL in force, or not at
  -- all.
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
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
    select probe -> 'ok' = 'true' into v_accepts_coding from jsonb_array_elements(p_probes) probe where probe ->> 'name' = 'compressed';
    if v_accepts_coding is not null then
      update private.subscribers subscriber
      set accepted_coding = case when v_accepts_coding then v_check.compression end,
        coding_refused_at = case when not v_accepts_coding then coding_refused_at end
      from private.endpoint_revisions settings
      where subscriber.endpoint_id = v_check.endpoint_id
        and settings.endpoint_id = v_check.endpoint_id and settings.superseded_by is null and settings.url = v_check.url;
    end if;
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
  'Keeps what a check has found, and activates a subscriber that waited for it: a new one, or one whose URL has changed. Bodies are compressed from then on, or not, as its compressed ping was answered. Returns {endpoint}. A repeated call changes nothing.';
revoke all on function public.record_endpoint_check(bigint, boolean, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_endpoint_check(bigint, boolean, jsonb) to service_role;
