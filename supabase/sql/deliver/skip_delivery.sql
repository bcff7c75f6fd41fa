create or replace function private.skip_delivery(p_delivery public.webhook_deliveries)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'skipped', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_delivery_id => p_delivery.id,
    p_payload => jsonb_build_object('id', p_delivery.event_id), p_error => 'circuit open',
    p_attempt_number => p_delivery.attempts);
  perform private.move_delivery(p_delivery.id, 'skipped', p_response => '{"error": "not sent: circuit open"}');
  perform public.apply_report_event(p_delivery.event_id, 'direct');
end
$$;

comment on function private.skip_delivery(public.webhook_deliveries) is
  'Skips a delivery because of an open circuit: not sent, its event applied directly, its first slot still ahead.';
revoke all on function private.skip_delivery(public.webhook_deliveries) from public, anon, authenticated, service_role;
