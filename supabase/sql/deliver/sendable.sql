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
  'The data that a sender needs for a delivery that it holds: the fencing token, where it goes, and the bytes to send; null for a body that body_of() does not make.';
revoke all on function private.sendable(public.webhook_deliveries) from public, anon, authenticated, service_role;
