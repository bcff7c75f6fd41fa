CREATE OR REPLACE FUNCTION private.skip_delivery (
  p_delivery public.webhook_deliveries
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  insert into public.webhook_audit (
    direction, webhook_type, job_id, report_id, report_table, event_id, request_payload, outcome, error_message,
    attempt_number)
  values (
    'out', p_delivery.webhook_type, p_delivery.job_id, p_delivery.report_id,
    private.report_table(p_delivery.report_type), p_delivery.event_id, jsonb_build_object('id', p_delivery.event_id),
    'skipped', 'circuit open', p_delivery.attempts);
  -- It was not sent, so it has its whole schedule yet.
  update public.webhook_deliveries
  set status = 'failed', next_attempt = private.next_attempt(1, null), lease_token = lease_token + 1,
    lease_expires_at = null, response = '{"error": "not sent: circuit open"}'
  where id = p_delivery.id;
  perform public.apply_report_event(jsonb_build_object('id', p_delivery.event_id), '{"channel": "direct"}');
end $function$;

COMMENT ON FUNCTION "private"."skip_delivery"(public.webhook_deliveries) IS 'What an open circuit makes of a delivery: not sent, its event applied directly, its first slot still to come.';

REVOKE ALL ON FUNCTION "private"."skip_delivery"(public.webhook_deliveries) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."skip_delivery"(public.webhook_deliveries) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."skip_delivery"(public.webhook_deliveries) TO "postgres";
