CREATE OR REPLACE FUNCTION public.update_webhook_status (
  table_name         text,
  record_id          uuid,
  new_status         text,
  response_data      jsonb   DEFAULT '{}'::jsonb,
  increment_attempts boolean DEFAULT true
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_type text;
  v_delivery public.webhook_deliveries;
begin
  select report_type into v_type from public.report_types type where type.table_name = update_webhook_status.table_name;
  if v_type is null then
    raise exception 'no table of reports: %', table_name using errcode = 'undefined_table';
  end if;
  -- Only the latest delivery says what the webhook columns show, and success is absorbing.
  select * into v_delivery from public.webhook_deliveries
  where report_type = v_type and report_id = record_id
  order by id desc
  limit 1
  for update;
  if v_delivery.id is null or v_delivery.status = 'success' or v_delivery.dead_reason = 'report_deleted' then
    return;
  end if;
  if exists (select from public.report_events where id = v_delivery.event_id and effect is null) then
    perform public.apply_report_event(jsonb_build_object('id', v_delivery.event_id), '{"channel": "direct"}');
  end if;
  update public.webhook_deliveries
  set status = new_status, response = private.as_object(response_data), last_attempt = now(),
    attempts = attempts + increment_attempts::int,
    next_attempt = case when new_status <> 'success' then coalesce(next_attempt, now()) end,
    dead_at = null, dead_reason = null
  where id = v_delivery.id;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) TO "service_role";

COMMENT ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) IS 'Sets the webhook columns of a report; increment_attempts counts one attempt more.';

REVOKE ALL ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) TO "postgres";

REVOKE ALL ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) FROM PUBLIC, "anon", "authenticated";
