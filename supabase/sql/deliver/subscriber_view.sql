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
      -- Counted up to a limit: more is a backlog in any case.
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
