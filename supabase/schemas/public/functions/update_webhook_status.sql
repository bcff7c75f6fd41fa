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
begin
  -- Only the latest delivery says what the webhook columns show, and success is absorbing.
  update public.webhook_deliveries delivery
  set status = new_status, response = private.as_object(response_data), last_attempt = now(),
    attempts = delivery.attempts + increment_attempts::int,
    next_attempt = case when new_status <> 'success' then coalesce(delivery.next_attempt, now()) end,
    dead_at = null, dead_reason = null
  where delivery.status <> 'success' and delivery.id = (
    select latest.id from public.webhook_deliveries latest
    join public.report_types type on type.report_type = latest.report_type
    where type.table_name = update_webhook_status.table_name and latest.report_id = record_id
    order by latest.id desc limit 1);
end $function$;

GRANT EXECUTE ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) TO "service_role";

COMMENT ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) IS 'Sets the webhook columns of a report; increment_attempts counts one attempt more.';

REVOKE ALL ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) TO "postgres";

REVOKE ALL ON FUNCTION "public"."update_webhook_status"(text, uuid, text, jsonb, boolean) FROM PUBLIC, "anon", "authenticated";
