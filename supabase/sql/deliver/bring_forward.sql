create or replace function private.bring_forward(p_delivery public.webhook_deliveries, p_plan public.plans)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.move_delivery(p_delivery.id, 'brought_forward');
  perform private.add_audit(
    p_direction => 'in', p_outcome => 'brought_forward', p_endpoint_id => p_delivery.endpoint_id,
    p_event_id => p_delivery.event_id, p_job_id => p_delivery.job_id, p_report_type => p_delivery.report_type,
    p_report_id => p_delivery.report_id, p_actor => p_plan.actor,
    p_payload => jsonb_build_object('endpoint', 'plans', 'plan', p_plan.id, 'next_attempt', p_delivery.next_attempt),
    p_error => p_delivery.response ->> 'error', p_attempt_number => p_delivery.attempts);
end
$$;

comment on function private.bring_forward(public.webhook_deliveries, public.plans) is
  'Makes a delivery due that waits for its slot, whose lock the caller holds, and audits it with who asked.';
revoke all on function private.bring_forward(public.webhook_deliveries, public.plans) from public, anon, authenticated, service_role;
