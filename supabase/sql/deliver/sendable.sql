create or replace function private.sendable(p_delivery public.webhook_deliveries)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'delivery_id', p_delivery.id, 'delivery_token', p_delivery.lease_token, 'event_id', event.id,
      'endpoint_id', p_delivery.endpoint_id, 'expects', endpoint.expects, 'job_id', event.job_id, 'trace_id', event.trace_id,
      'body', private.envelope(event))
    from public.report_events event, public.webhook_endpoints endpoint
    where event.id = p_delivery.event_id and endpoint.id = p_delivery.endpoint_id);
end
$$;

comment on function private.sendable(public.webhook_deliveries) is
  'What a sender needs of a delivery that it holds: the fencing token, where it goes, and the bytes to send.';
revoke all on function private.sendable(public.webhook_deliveries) from public, anon, authenticated, service_role;
