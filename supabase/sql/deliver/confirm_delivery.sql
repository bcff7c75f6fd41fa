create or replace function private.confirm_delivery(p_event public.report_events, p_outcome text)
returns public.webhook_deliveries
language plpgsql volatile set search_path = '' as $$
declare
  v_response jsonb := jsonb_build_object('status', 200, 'outcome', p_outcome);
  v_delivery public.webhook_deliveries;
begin
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response)
  values (
    p_event.id, private.internal_endpoint(p_event.stage), p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1,
    now(), null, v_response)
  on conflict (event_id, endpoint_id, plan) do nothing
  returning * into v_delivery;
  if v_delivery.id is null then
    select * into strict v_delivery from public.webhook_deliveries
    where event_id = p_event.id and endpoint_id = private.internal_endpoint(p_event.stage) and plan = 0;
    v_delivery := private.move_delivery(v_delivery.id, 'delivered', p_response => v_response, p_on_arrival => true);
  end if;
  return v_delivery;
end
$$;

comment on function private.confirm_delivery(public.report_events, text) is
  'A verified request proves the delivery of its event to our own endpoint. An event that others sent gets a delivery that has succeeded.';
revoke all on function private.confirm_delivery(public.report_events, text) from public, anon, authenticated, service_role;
