-- Why: a report that was generated twice has two deliveries, and who picks one of them to retry means that one. Without an
-- event it is still the latest, as the platform's clients ask.

drop function public.claim_report_delivery(text, uuid, text, int);
create function public.claim_report_delivery(
  p_report_type text, p_report_id uuid, p_webhook_type text, p_lease_seconds int, p_event_id text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_delivery public.webhook_deliveries;
  v_exists boolean;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists is null then
    return '{"outcome": "report_not_found"}';
  end if;
  select * into v_delivery from public.webhook_deliveries
  where report_type = p_report_type and report_id = p_report_id
    and (p_webhook_type is null or webhook_type = p_webhook_type)
    and (p_event_id is null or event_id = p_event_id)
  order by id desc
  limit 1
  for update;
  return case
    when v_delivery.id is null then '{"outcome": "delivery_not_found"}'
    when v_delivery.status = 'success' then '{"outcome": "already_succeeded"}'
    when v_delivery.lease_expires_at > now() then '{"outcome": "delivery_busy"}'
    else jsonb_build_object('outcome', 'claimed', 'delivery', private.claim(v_delivery.id, p_lease_seconds))
  end;
end $$;
comment on function public.claim_report_delivery(text, uuid, text, int, text) is
  'Claims the delivery of an event of this report, or its latest one, due or not. Returns {outcome, delivery}.';

select private.apply_grants();
