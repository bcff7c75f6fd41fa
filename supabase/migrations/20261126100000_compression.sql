-- Why: bodies for subscribers may be compressed: what the settings ask for, and what a check has seen accepted. The defaults are
-- constant: no row is rewritten.

alter table private.endpoint_revisions
  add column compression text not null default 'none'
    constraint revision_compression_is_known check (compression in ('none', 'gzip', 'zstd'));
alter table private.endpoint_checks
  add column compression text not null default 'none'
    constraint check_compression_is_known check (compression in ('none', 'gzip', 'zstd'));
alter table private.subscribers
  add column accepted_coding text
    constraint subscriber_coding_is_known check (accepted_coding in ('gzip', 'zstd')),
  add column coding_refused_at timestamptz;

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/begin_endpoint_check.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.begin_endpoint_check(p_endpoint_id text, p_host text, p_actor text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_per_hour constant int := 5;
  v_subscriber private.subscribers;
  v_check private.endpoint_checks;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if v_subscriber.endpoint_id is null or v_subscriber.state = 'removed' then
    return '{"outcome": "endpoint_not_found"}';
  end if;
  -- A check sends requests that nobody there has asked for: few, whoever asks.
  perform pg_advisory_xact_lock(hashtextextended('polaris.check:' || p_host, 0));
  if (select count(*) from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour') >= c_per_hour then
    return jsonb_build_object('outcome', 'too_many_checks', 'retry_after_seconds', (
      select ceil(extract(epoch from min(created_at) + interval '1 hour' - now()))
      from private.endpoint_checks where host = p_host and created_at > now() - interval '1 hour'));
  end if;
  insert into private.endpoint_checks (endpoint_id, host, url, compression, actor)
  select p_endpoint_id, p_host, settings.url, settings.compression, p_actor from private.endpoint_revisions settings
  where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null returning * into v_check;
  return (
    select jsonb_build_object(
      'outcome', 'begun', 'check_id', v_check.id, 'url', settings.url,
      'compression', v_check.compression, 'sealed_secrets', (
        select coalesce(jsonb_agg(sealed order by id desc), '[]') from private.endpoint_secrets
        where endpoint_id = p_endpoint_id and (expires_at is null or expires_at > now())))
    from private.endpoint_revisions settings where settings.endpoint_id = p_endpoint_id and settings.superseded_by is null);
end
$$;

comment on function public.begin_endpoint_check(text, text, text) is
  'Allows one check of a subscriber: at most five an hour for its host. Returns {outcome: begun|too_many_checks|endpoint_not_found, check_id, url, compression, sealed_secrets, retry_after_seconds}.';
revoke all on function public.begin_endpoint_check(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.begin_endpoint_check(text, text, text) to service_role;

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
  if v_new.url <> v_old.url then
    -- What another URL accepts, no check has seen.
    update private.subscribers set accepted_coding = null, coding_refused_at = null
    where endpoint_id = p_endpoint_id returning * into v_subscriber;
  end if;
  if v_subscriber.state = 'active' and not private.is_address_checked(p_endpoint_id) then
    -- Nobody there has asked for events yet. Effects go on making deliveries.
    v_subscriber := private.set_subscriber_state(p_endpoint_id, 'paused', 'address_changed', p_actor);
  end if;
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'endpoint_changed', p_endpoint_id => p_endpoint_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'endpoints', 'change', p_change, 'from', private.settings_view(v_old), 'to', private.settings_view(v_new)));
  return jsonb_build_object('outcome', 'changed', 'endpoint', private.subscriber_view(v_subscriber));
end
$$;

comment on function public.change_endpoint(text, bigint, jsonb, text, text, text) is
  'Puts new settings of a subscriber in force, if p_revision is still the present one. Deliveries that exist keep their format version and body. A new URL that has passed no check pauses it until it does. Returns {outcome: changed|unchanged|revision_conflict|endpoint_not_found, endpoint}.';
revoke all on function public.change_endpoint(text, bigint, jsonb, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.change_endpoint(text, bigint, jsonb, text, text, text) to service_role;

-- supabase/sql/deliver/observe_subscriber.sql
create or replace function private.observe_subscriber(p_endpoint_id text, p_result text, p_attempts jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_subscriber private.subscribers;
  v_status int := (p_attempts #>> '{-1,status}')::int;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if p_attempts = '[]' then
    return;
  elsif p_result = 'delivered' then
    if p_attempts #> '{-2,request,headers}' ? 'content-encoding' then
      -- It refused the compressed body, and took the same event uncompressed.
      update private.subscribers set accepted_coding = null, coding_refused_at = now() where endpoint_id = p_endpoint_id;
    end if;
    if v_subscriber.failing_since is not null then
      update private.subscribers set failing_since = null where endpoint_id = p_endpoint_id;
    end if;
    return;
  end if;
  if v_subscriber.failing_since is null or v_status is null or v_status in (408, 410, 429) or v_status >= 500 then
    update private.subscribers
    set failing_since = coalesce(failing_since, now()),
      in_flight_limit = case when v_status is null or v_status in (408, 429) or v_status >= 500
        then greatest(1, private.in_flight_allowed(in_flight_limit, limited_at) / 2.0) else in_flight_limit end,
      limited_at = case when v_status is null or v_status in (408, 429) or v_status >= 500 then now() else limited_at end
    where endpoint_id = p_endpoint_id;
  end if;
  if v_status = 410 and v_subscriber.state = 'active' then
    perform private.set_subscriber_state(p_endpoint_id, 'paused', 'gone', 'subscriber');
  end if;
end
$$;

comment on function private.observe_subscriber(text, text, jsonb) is
  'What a round says about a subscriber: half as many in flight after a time-out, 429 or 5xx, since when it fails, its wish to hear no more (410), and that it refuses compressed bodies. The good path writes nothing.';
revoke all on function private.observe_subscriber(text, text, jsonb) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/read_settings.sql
create or replace function private.read_settings(p_endpoint_id text, p_settings jsonb, p_filter_path text)
returns private.endpoint_revisions
language plpgsql stable set search_path = '' as $$
declare
  v_settings private.endpoint_revisions;
  v_events jsonb := coalesce(p_settings -> 'events', '{}');
begin
  v_settings.endpoint_id := p_endpoint_id;
  v_settings.url := p_settings ->> 'url';
  v_settings.description := p_settings ->> 'description';
  v_settings.types := private.texts_of(v_events -> 'types');
  v_settings.report_types := private.texts_of(v_events -> 'report_types');
  v_settings.stages := private.texts_of(v_events -> 'stages');
  v_settings.statuses := private.texts_of(v_events -> 'statuses');
  v_settings.owner_id := (v_events ->> 'owner_id')::uuid;
  v_settings.takes_superseded := coalesce((v_events ->> 'superseded')::boolean, false);
  v_settings.filter := nullif(p_settings -> 'filter', 'null');
  v_settings.filter_path := p_filter_path::jsonpath;
  v_settings.format_version := (p_settings ->> 'format_version')::int;
  v_settings.body := p_settings ->> 'body';
  v_settings.mode := p_settings ->> 'mode';
  v_settings.rate_per_second := (p_settings ->> 'rate_per_second')::int;
  v_settings.compression := coalesce(p_settings ->> 'compression', 'none');
  return v_settings;
end
$$;

comment on function private.read_settings(text, jsonb, text) is
  'Settings as a function of ours hands them over: checked there, and by the constraints of the table here.';
revoke all on function private.read_settings(text, jsonb, text) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/record_endpoint_check.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_endpoint_check(p_check_id bigint, p_passed boolean, p_probes jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_check private.endpoint_checks;
  v_subscriber private.subscribers;
  v_accepts_coding boolean;
begin
  -- Before any row, as whoever changes settings does: what the check has found is of the URL in force, or of none.
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

-- supabase/sql/deliver/sendable.sql
create or replace function private.sendable(p_delivery public.webhook_deliveries)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'delivery_id', p_delivery.id, 'delivery_token', p_delivery.lease_token, 'event_id', event.id,
      'endpoint_id', p_delivery.endpoint_id, 'expects', endpoint.expects, 'job_id', event.job_id, 'trace_id', event.trace_id,
      'body', case when p_delivery.position is null then private.envelope(event)
        else private.body_of(event, p_delivery.format_version, p_delivery.body) end,
      'subscriber', (
        select jsonb_build_object(
          'url', settings.url, 'position', p_delivery.position, 'plan', p_delivery.plan, 'redriven', p_delivery.redrives > 0,
          'format_version', p_delivery.format_version,
          'compression', case when settings.compression = subscriber.accepted_coding then settings.compression end, 'sealed_secrets', (
            select coalesce(jsonb_agg(sealed order by id desc), '[]') from private.endpoint_secrets
            where endpoint_id = p_delivery.endpoint_id and (expires_at is null or expires_at > now())))
        from private.endpoint_revisions settings join private.subscribers subscriber using (endpoint_id)
        where settings.endpoint_id = p_delivery.endpoint_id and settings.superseded_by is null))
    from public.report_events event, public.webhook_endpoints endpoint
    where event.id = p_delivery.event_id and endpoint.id = p_delivery.endpoint_id);
end
$$;

comment on function private.sendable(public.webhook_deliveries) is
  'What a sender needs of a delivery that it holds: the fencing token, where it goes, and the bytes to send.';
revoke all on function private.sendable(public.webhook_deliveries) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/settings_view.sql
create or replace function private.settings_view(p_settings private.endpoint_revisions)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'url', p_settings.url, 'description', p_settings.description,
    'events', jsonb_strip_nulls(jsonb_build_object(
      'types', to_jsonb(p_settings.types), 'report_types', to_jsonb(p_settings.report_types),
      'stages', to_jsonb(p_settings.stages), 'statuses', to_jsonb(p_settings.statuses), 'owner_id', p_settings.owner_id))
      || jsonb_build_object('superseded', p_settings.takes_superseded),
    'filter', p_settings.filter, 'format_version', p_settings.format_version, 'body', p_settings.body, 'mode', p_settings.mode,
    'rate_per_second', p_settings.rate_per_second, 'compression', p_settings.compression);
end
$$;

comment on function private.settings_view(private.endpoint_revisions) is
  'Settings in the form in which a function of ours hands them over and gets them back.';
revoke all on function private.settings_view(private.endpoint_revisions) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/subscriber_view.sql
create or replace function private.subscriber_view(p_subscriber private.subscribers)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 10000;
begin
  return (
    select jsonb_build_object(
      'endpoint_id', p_subscriber.endpoint_id, 'state', p_subscriber.state, 'state_reason', p_subscriber.state_reason,
      'state_since', private.iso_time(p_subscriber.state_since), 'verified_at', private.iso_time(p_subscriber.verified_at),
      'failing_since', private.iso_time(p_subscriber.failing_since),
      'created_at', private.iso_time(p_subscriber.created_at), 'created_by', p_subscriber.created_by,
      'circuit_open_since', (
        select private.iso_time(opened_at) from public.webhook_circuits where endpoint_id = p_subscriber.endpoint_id),
      'in_flight_allowed', private.in_flight_allowed(p_subscriber.in_flight_limit, p_subscriber.limited_at),
      'revision', settings.id, 'revised_at', private.iso_time(settings.created_at), 'takes_events', settings.takes_events,
      'settings', private.settings_view(settings),
      'compression', jsonb_build_object(
        'in_use', case when settings.compression = p_subscriber.accepted_coding then settings.compression end,
        'refused_at', private.iso_time(p_subscriber.coding_refused_at)),
      'secrets', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'id', id, 'created_at', private.iso_time(created_at), 'expires_at', private.iso_time(expires_at)) order by id desc), '[]')
        from private.endpoint_secrets
        where endpoint_id = p_subscriber.endpoint_id and (expires_at is null or expires_at > now())),
      -- Up to so many: more is a backlog in any case.
      'waiting', (
        select count(*) from (
          select from public.webhook_deliveries
          where endpoint_id = p_subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
          limit c_counted) open),
      'oldest_waiting_at', (
        select private.iso_time(min(next_attempt)) from public.webhook_deliveries
        where endpoint_id = p_subscriber.endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null),
      'last_check', (
        select jsonb_build_object(
          'at', private.iso_time(created_at), 'actor', actor, 'passed', passed, 'probes', probes)
        from private.endpoint_checks where endpoint_id = p_subscriber.endpoint_id order by id desc limit 1),
      'filter_fault', (
        select jsonb_build_object('at', private.iso_time(created_at), 'event_id', event_id, 'error', error)
        from private.filter_faults where endpoint_id = p_subscriber.endpoint_id order by id desc limit 1))
    from private.endpoint_revisions settings
    where settings.endpoint_id = p_subscriber.endpoint_id and settings.superseded_by is null);
end
$$;

comment on function private.subscriber_view(private.subscribers) is
  'A subscriber as operators see it: state, settings, secrets without their values, what waits (counted up to 10,000), the last check.';
revoke all on function private.subscriber_view(private.subscribers) from public, anon, authenticated, service_role;

-- supabase/sql/deliver/endpoint_checks.sql
comment on table private.endpoint_checks is
  'The checks of subscribers, with what each probe has found.';
comment on column private.endpoint_checks.host is 'Checks are limited by host: they send what nobody has asked for yet.';
comment on column private.endpoint_checks.passed is 'Null: it is under way, or its function died.';
comment on column private.endpoint_checks.compression is 'In which its probe of that name was sent: what the settings asked for then.';
alter table private.endpoint_checks enable row level security;
revoke all on table private.endpoint_checks from anon, authenticated, service_role;
revoke all on sequence private.endpoint_checks_id_seq from anon, authenticated, service_role;

-- supabase/sql/deliver/endpoint_revisions.sql
comment on table private.endpoint_revisions is
  'The settings of subscribers. A change makes a new row; ids are in the order of commits.';
comment on column private.endpoint_revisions.takes_events is 'Whether an effect makes a delivery for it: not before it is verified or has caught up, nor once it is removed.';
comment on column private.endpoint_revisions.types is 'Event types. Null here, as in the next three: all.';
comment on column private.endpoint_revisions.filter_path is 'The filter, compiled by the function that saved it.';
comment on column private.endpoint_revisions.compression is 'What is asked for. It is in use once the subscriber accepts it: private.subscribers.accepted_coding.';
comment on column private.endpoint_revisions.change is 'What was changed, in a word or two, for the history.';
comment on column private.endpoint_revisions.superseded_by is 'The revision after it. Null: it is in force.';
alter table private.endpoint_revisions enable row level security;
revoke all on table private.endpoint_revisions from anon, authenticated, service_role;
revoke all on sequence private.endpoint_revisions_id_seq from anon, authenticated, service_role;

-- supabase/sql/deliver/subscribers.sql
comment on table private.subscribers is
  'Endpoints of other systems: how each stands. A row is never deleted: deliveries and revisions name it.';
comment on column private.subscribers.request_id is 'Of the request that made it, minted by who asked: a repeated one is recognised by it.';
comment on column private.subscribers.in_flight_limit is
  'How many could send to it at once at limited_at; since then twice as many every ten seconds. Written only when it changes for the worse.';
comment on column private.subscribers.failing_since is 'Its first failure since its last success. Null: the last round succeeded.';
comment on column private.subscribers.read_token_sha256 is 'SHA-256 of its read token, as hex. Null: it is removed.';
comment on column private.subscribers.accepted_coding is
  'In which it has answered a compressed ping at its present URL. Null: in none, or it refused a compressed body since.';
comment on column private.subscribers.coding_refused_at is
  'When it refused a compressed body and took the same event uncompressed. Null: not since a check saw that it accepts them.';
alter table private.subscribers enable row level security;
revoke all on table private.subscribers from anon, authenticated, service_role;
