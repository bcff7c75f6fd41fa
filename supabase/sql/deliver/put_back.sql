create or replace function private.put_back(p_delivery public.webhook_deliveries, p_actor text, p_asked jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.move_delivery(p_delivery.id, 'redriven');
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'redriven', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_actor => p_actor,
    p_payload => jsonb_build_object(
      'endpoint', 'redrive', 'dead_at', p_delivery.dead_at, 'dead_reason', p_delivery.dead_reason) || p_asked,
    p_error => p_delivery.response ->> 'error', p_attempt_number => p_delivery.attempts);
end
$$;

comment on function private.put_back(public.webhook_deliveries, text, jsonb) is
  'Redrives a dead letter, whose lock the caller holds, and audits it. p_asked names the call or the plan that asked for it.';
revoke all on function private.put_back(public.webhook_deliveries, text, jsonb) from public, anon, authenticated, service_role;
