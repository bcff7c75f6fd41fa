-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.claim_report_delivery(
  p_report_type text, p_report_id uuid, p_lease_seconds int, p_endpoint_id text default null,
  p_event_id text default null, p_claim_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists is null then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_delivery from public.webhook_deliveries delivery
  where report_type = p_report_type and report_id = p_report_id
    and (p_endpoint_id is null or endpoint_id = p_endpoint_id)
    and (p_event_id is null or event_id = p_event_id)
    and exists (select from public.webhook_endpoints where id = delivery.endpoint_id and kind = 'internal')
  order by id desc
  limit 1
  for update;
  return case
    when v_delivery.id is null then '{"outcome": "delivery_not_found"}'
    when v_delivery.claim_id = p_claim_id and not private.lease_is_free(v_delivery.lease_expires_at) then
      jsonb_build_object('outcome', 'claimed', 'delivery', private.sendable(v_delivery))
    when v_delivery.status = 'success' then '{"outcome": "already_succeeded"}'
    when private.is_closed(v_delivery.dead_reason) then '{"outcome": "delivery_closed"}'
    when not private.lease_is_free(v_delivery.lease_expires_at) then '{"outcome": "delivery_busy"}'
    else jsonb_build_object(
      'outcome', 'claimed', 'delivery', private.claim_delivery(v_delivery.id, p_lease_seconds, p_claim_id))
  end;
end
$$;

comment on function public.claim_report_delivery(text, uuid, int, text, text, uuid) is
  'Claims the delivery of an event of this report to our own endpoint, or its latest one, due or not. Returns {outcome, delivery}. A repeated call is recognised by p_claim_id.';
revoke all on function public.claim_report_delivery(text, uuid, int, text, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.claim_report_delivery(text, uuid, int, text, text, uuid) to service_role;
