-- Why: The functions of subscribers are called through REST, where a parameter that may be null must have null as its default

drop function public.change_endpoint(text, pg_catalog.int8, jsonb, text, text, text);

drop function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz);

drop function public.event_samples(text, integer, boolean);

drop function public.explain_fan_out(text, text);

drop function public.read_events(text, jsonb, text, integer);

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/change_endpoint.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.change_endpoint(
  p_endpoint_id text, p_revision bigint, p_settings jsonb, p_change text, p_actor text, p_filter_path text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_subscriber private.subscribers;
  v_old private.endpoint_revisions;
  v_new private.endpoint_revisions := private.read_settings(p_endpoint_id, p_settings, p_filter_path);
begin
  perform pg_advisory_xact_lock(hashtextextended('polaris.endpoint_revisions', 0));
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id for no key update;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  select * into strict v_old from private.endpoint_revisions where endpoint_id = p_endpoint_id and superseded_by is null;
  if private.settings_view(v_old) = private.settings_view(v_new) then
    -- The same again.
    return jsonb_build_object('outcome', 'unchanged', 'endpoint', private.subscriber_view(v_subscriber));
  elsif v_old.id <> p_revision then
    return jsonb_build_object('outcome', 'revision_conflict', 'endpoint', private.subscriber_view(v_subscriber));
  end if;
  v_new.takes_events := v_old.takes_events;
  perform private.add_revision(v_new, p_change, p_actor);
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_changed', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'endpoints', 'change', p_change, 'from', private.settings_view(v_old), 'to', private.settings_view(v_new)));
  return jsonb_build_object('outcome', 'changed', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.change_endpoint(text, bigint, jsonb, text, text, text) is
  'Puts new settings of a subscriber in force, if p_revision is still the present one. Deliveries that exist keep their format version and body. Returns {outcome: changed|unchanged|revision_conflict|endpoint_not_found, endpoint}.';
revoke all on function public.change_endpoint(text, bigint, jsonb, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.change_endpoint(text, bigint, jsonb, text, text, text) to service_role;

-- supabase/sql/deliver/create_endpoint.sql
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
    -- Its secret was shown once; whoever has not seen it replaces it.
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
  'Makes a subscriber, unverified: it hears nothing until its check has passed. p_settings is checked by the function that calls. p_start_at: it begins with past events. Returns {outcome: created|exists|too_many_endpoints, endpoint}. A repeated call is recognised by p_request_id.';
revoke all on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.create_endpoint(uuid, jsonb, text, text, text, text, text, timestamptz) to service_role;

-- supabase/sql/deliver/event_samples.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.event_samples(
  p_limit int, p_endpoint_id text default null, p_paths text[] default null, p_filter_path text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Looked at, newest first.
  c_examined constant int := 1000;
  v_path jsonpath := p_filter_path::jsonpath;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', (recent.event).id, 'type', (recent.event).type, 'report_type', (recent.event).report_type,
      'report_id', (recent.event).report_id, 'applied_at', private.iso_time((recent.event).applied_at),
      'effect', (recent.event).effect,
      'values', case when p_paths is not null then private.filter_values(seen.document, p_paths) end,
      'matches', case when p_filter_path is not null then private.filter_matches(seen.document, v_path) end,
      'bodies', case when p_endpoint_id is not null then (
        select jsonb_agg(private.body_of(recent.event, version, 'thin') order by version) from generate_series(0, 2) version) end)
      order by (recent.event).applied_at desc, (recent.event).id desc), '[]')
    from (
      select event from (
        select event from public.report_events event
        where event.effect is not null order by event.applied_at desc, event.id desc limit c_examined) newest
      where (newest.event).channel <> 'import'
        and ((newest.event).erased_at is null or (newest.event).type = 'report.deleted')
        and (p_endpoint_id is null or exists (
          select from public.webhook_deliveries where event_id = (newest.event).id and endpoint_id = p_endpoint_id))
      limit p_limit) recent
    left join private.report_contents content on content.event_id = (recent.event).id
    cross join lateral private.filter_document(recent.event, content.research_metadata) seen (document));
end
$$;

comment on function public.event_samples(int, text, text[], text) is
  'The newest of the last thousand events, for a trial. With p_paths and p_filter_path: what a filter sees at these paths, and whether it matches. With p_endpoint_id: only events that this subscriber was sent, each with its bodies by format version, the oldest first and without the content.';
revoke all on function public.event_samples(int, text, text[], text) from public, anon, authenticated, service_role;
grant execute on function public.event_samples(int, text, text[], text) to service_role;

-- supabase/sql/deliver/explain_fan_out.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.explain_fan_out(p_endpoint_id text, p_event_id text, p_paths text[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_event public.report_events;
  v_subscriber private.subscribers;
  v_settings private.endpoint_revisions;
  v_owner uuid;
  v_document jsonb;
begin
  select * into v_event from public.report_events where id = p_event_id;
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_event.id is null then
    return '{"outcome": "event_not_found"}';
  elsif v_subscriber.endpoint_id is null then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  select * into v_settings from private.settings_in_force(v_event.settings_revision) where endpoint_id = p_endpoint_id;
  execute format('select user_id from public.%I where id = $1', private.report_table(v_event.report_type))
  into v_owner using v_event.report_id;
  if v_event.erased_at is null or v_event.type = 'report.deleted' then
    v_document := private.filter_document(
      v_event, (select research_metadata from private.report_contents where event_id = v_event.id));
  end if;
  return jsonb_build_object(
    'outcome', 'explained',
    'event', jsonb_build_object(
      'id', v_event.id, 'type', v_event.type, 'report_type', v_event.report_type, 'report_id', v_event.report_id,
      'stage', v_event.stage, 'status', case when v_event.type = 'report.deleted' then 'deleted' else v_event.status end,
      'channel', v_event.channel, 'effect', v_event.effect,
      'position', v_event.position, 'applied_at', private.iso_time(v_event.applied_at), 'bulk', v_event.bulk,
      'erased_at', private.iso_time(v_event.erased_at)),
    'endpoint', jsonb_build_object(
      'state', v_subscriber.state, 'state_reason', v_subscriber.state_reason,
      'created_at', private.iso_time(v_subscriber.created_at), 'verified_at', private.iso_time(v_subscriber.verified_at),
      'circuit_open_since', (
        select private.iso_time(opened_at) from public.webhook_circuits where endpoint_id = p_endpoint_id)),
    'revision', v_settings.id, 'takes_events', v_settings.takes_events, 'change', v_settings.change,
    'settings', case when v_settings.id is not null then private.settings_view(v_settings) end,
    -- Null: the report is gone, and nobody can say any more whose it was.
    'is_owner', case when v_settings.owner_id is not null then v_settings.owner_id = v_owner end,
    'matches', v_settings.id is not null and v_settings.takes_events and private.selects_event(v_settings, v_event, v_owner),
    -- Null in these two as well: the content is erased.
    'filter_matches', case when v_settings.filter_path is not null and v_document is not null
      then private.filter_matches(v_document, v_settings.filter_path) end,
    'values', case when v_document is not null and p_paths is not null then private.filter_values(v_document, p_paths) end,
    'fault', (select error from private.filter_faults where endpoint_id = p_endpoint_id and event_id = p_event_id limit 1),
    'deliveries', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'delivery_id', id, 'plan', plan, 'status', status, 'attempts', attempts, 'dead_reason', dead_reason,
        'format_version', format_version, 'waits_for', (
          select event_id from public.webhook_deliveries earlier where earlier.id = delivery.waits_for),
        'last_attempt', private.iso_time(last_attempt), 'next_attempt', private.iso_time(next_attempt)) order by plan), '[]')
      from public.webhook_deliveries delivery where event_id = p_event_id and endpoint_id = p_endpoint_id));
end
$$;

comment on function public.explain_fan_out(text, text, text[]) is
  'What there is to say about an event and a subscriber: the event, the settings in force for it, whether its filter matches and what it sees at p_paths, and its deliveries. The function that calls says it in words. Returns {outcome: explained|event_not_found|endpoint_not_found, …}.';
revoke all on function public.explain_fan_out(text, text, text[]) from public, anon, authenticated, service_role;
grant execute on function public.explain_fan_out(text, text, text[]) to service_role;

-- supabase/sql/deliver/read_events.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.read_events(
  p_read_token_sha256 text, p_limit int, p_after jsonb default null, p_event_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- The body after it may have 1 MB as well, and quotes double what they escape: Vercel's functions answer 4.5 MB at most.
  c_bytes constant int := 1048576;
  v_subscriber private.subscribers;
  -- One event has no neighbours that could be missed: whoever got its thin body asks at once, whatever else is under way.
  v_horizon xid8 := case when p_event_id is null then pg_snapshot_xmin(pg_current_snapshot()) else '18446744073709551615'::xid8 end;
  v_row record;
  v_body text;
  v_bytes int := 0;
  v_events jsonb := '[]';
  v_next jsonb := p_after;
  v_has_more boolean := false;
begin
  select * into v_subscriber from private.subscribers where read_token_sha256 = p_read_token_sha256;
  if v_subscriber.endpoint_id is null then
    return '{"outcome": "invalid_token"}';
  end if;
  for v_row in
    select delivery.id as delivery_id, delivery.created_xid, delivery.position, delivery.plan, delivery.format_version,
      delivery.body as form, event
    from public.webhook_deliveries delivery
    join public.report_events event on event.id = delivery.event_id
    where delivery.endpoint_id = v_subscriber.endpoint_id and delivery.created_xid < v_horizon
      and (delivery.created_xid, delivery.id)
        > (coalesce((p_after ->> 'xid')::xid8, '0'), coalesce((p_after ->> 'id')::bigint, 0))
      and (p_event_id is null or delivery.event_id = p_event_id)
    order by delivery.created_xid, delivery.id
    limit p_limit + 1
  loop
    if jsonb_array_length(v_events) >= p_limit or v_bytes > c_bytes then
      v_has_more := true;
      exit;
    end if;
    -- What was erased has no content any more; that it was there stays.
    v_body := case when (v_row.event).erased_at is null or (v_row.event).type = 'report.deleted'
      then private.body_of(v_row.event, v_row.format_version, case when p_event_id is null then v_row.form else 'full' end) end;
    v_bytes := v_bytes + coalesce(octet_length(v_body), 0);
    v_events := v_events || jsonb_build_object(
      'id', (v_row.event).id, 'position', v_row.position, 'plan', v_row.plan, 'format_version', v_row.format_version,
      'timestamp', private.iso_time((v_row.event).created_at), 'body', v_body,
      'gone', case when v_body is null then 'content_erased' end);
    v_next := jsonb_build_object('xid', v_row.created_xid::text, 'id', v_row.delivery_id);
  end loop;
  return jsonb_build_object('outcome', 'read', 'endpoint_id', v_subscriber.endpoint_id, 'events', v_events, 'next', v_next, 'has_more', v_has_more);
end
$$;

comment on function public.read_events(text, int, jsonb, text) is
  'What was or will be sent to the subscriber of this token, from p_after on, in the order in which it was committed, up to the oldest transaction that runs: nothing can come before the cursor any more. With p_event_id that event alone, in full. Returns {outcome: read|invalid_token, events: [{id, position, plan, format_version, timestamp, body, gone}], next, has_more}; it ends after 1 MB of bodies.';
revoke all on function public.read_events(text, int, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.read_events(text, int, jsonb, text) to service_role;
