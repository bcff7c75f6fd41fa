CREATE OR REPLACE FUNCTION private.close_delivery (
  p_event_id text
)
  RETURNS void
  LANGUAGE sql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  update public.webhook_deliveries
  set status = 'failed', dead_at = coalesce(dead_at, now()), dead_reason = 'report_deleted', next_attempt = null,
    lease_expires_at = null, lease_token = lease_token + 1
  where event_id = p_event_id and status <> 'success' and dead_reason is distinct from 'report_deleted'
$function$;

COMMENT ON FUNCTION "private"."close_delivery"(text) IS 'Ends the delivery of an event whose report was deleted.';

REVOKE ALL ON FUNCTION "private"."close_delivery"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."close_delivery"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."close_delivery"(text) TO "postgres";
