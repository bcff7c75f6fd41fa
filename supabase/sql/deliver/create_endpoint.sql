-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.create_endpoint(
  p_request_id uuid, p_settings jsonb, p_endpoint_id text, p_sealed_secret text, p_read_token_sha256 text, p_actor text,
  p_filter_path text default null, p_start_at timestamptz default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_subscribers constant int := 200;
  v_subscriber private.subscribers;
  v_settings private.endpoint_revisions := private.read_settings(p_endpoint_id, p_settings, p_filter_path);
begin
  perform private.await_same_call(p_request_id::text);
  select * into v_subscriber from private.subscribers where request_id = p_request_id;
  if v_subscriber.endpoint_id is not null then
    if private.settings_view(v_settings) is distinct from (
      select private.settings_view(first) from private.endpoint_revisions first
      where endpoint_id = v_subscriber.endpoint_id order by id limit 1)
    then
      return '{"outcome": "idempotency_conflict"}';
    end if;
    -- The secret was shown only in the first answer; an operator who has not seen it must replace it.
    return jsonb_build_object('outcome', 'exists', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  if (select count(*) from private.subscribers where state <> 'removed') >= c_subscribers then
    return '{"outcome": "too_many_endpoints"}';
  end if;
  insert into public.webhook_endpoints (id, kind, expects) values (p_endpoint_id, 'subscriber', 'any_2xx');
  insert into public.webhook_circuits (endpoint_id) values (p_endpoint_id);
  insert into private.subscribers (endpoint_id, request_id, created_by, read_token_sha256)
  values (p_endpoint_id, p_request_id, p_actor, p_read_token_sha256)
  returning * into v_subscriber;
  insert into private.endpoint_secrets (endpoint_id, sealed) values (p_endpoint_id, p_sealed_secret);
  v_settings.takes_events := false;
  perform private.add_revision(v_settings, 'created', p_actor);
  if p_start_at is not null then
    insert into public.plans (request_id, kind, name, reason, filter, actor, next_slice_at)
    values (
      p_request_id, 'start', 'Start of ' || p_endpoint_id, 'The subscriber starts with past events.',
      jsonb_build_object('endpoint_id', p_endpoint_id, 'from', private.iso_time(p_start_at)), p_actor, now());
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_created', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object('endpoint', 'endpoints', 'settings', private.settings_view(v_settings)));
  return jsonb_build_object('outcome', 'created', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) is
  'Makes a subscriber, unverified: it hears nothing until its check has passed. p_settings is checked by the function that calls. p_start_at: it begins with past events. Returns {outcome: created|exists|idempotency_conflict|too_many_endpoints, endpoint}. A repeated call is recognised by p_request_id.';
revoke all on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) to service_role;
