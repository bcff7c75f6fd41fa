create or replace function private.add_delivery(p_event public.report_events, p_lease_seconds int)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
begin
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, lease_token, lease_expires_at)
  values (
    p_event.id, private.internal_endpoint(p_event.stage), p_event.report_type, p_event.report_id, p_event.job_id, 1,
    now() + make_interval(secs => p_lease_seconds))
  returning * into v_delivery;
  return v_delivery;
end
$$;

comment on function private.add_delivery(public.report_events, int) is
  'The pending delivery of an event to our own endpoint, under a lease of its creator: nothing has to be written again before the POST.';
revoke all on function private.add_delivery(public.report_events, int) from public, anon, authenticated, service_role;
