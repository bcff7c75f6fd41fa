CREATE OR REPLACE FUNCTION public.claim_report_delivery (
  p_report_type   text,
  p_report_id     uuid,
  p_webhook_type  text,
  p_lease_seconds integer,
  p_event_id      text    DEFAULT NULL::text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
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
end $function$;

GRANT EXECUTE ON FUNCTION "public"."claim_report_delivery"(text, uuid, text, integer, text) TO "service_role";

COMMENT ON FUNCTION "public"."claim_report_delivery"(text, uuid, text, integer, text) IS 'Claims the delivery of an event of this report, or its latest one, due or not. Returns {outcome, delivery}.';

REVOKE ALL ON FUNCTION "public"."claim_report_delivery"(text, uuid, text, integer, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_report_delivery"(text, uuid, text, integer, text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."claim_report_delivery"(text, uuid, text, integer, text) FROM PUBLIC, "anon", "authenticated";
