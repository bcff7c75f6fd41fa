CREATE OR REPLACE FUNCTION private.confirm_delivery (
  p_event   public.report_events,
  p_outcome text
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  insert into public.webhook_deliveries (
    event_id, webhook_type, report_type, report_id, job_id, status, attempts, counted_on_arrival, last_attempt,
    next_attempt, response)
  values (
    p_event.id, p_event.stage || '-report', p_event.report_type, p_event.report_id, p_event.job_id, 'success', 1, false,
    now(), null, jsonb_build_object('status', 200, 'outcome', p_outcome))
  on conflict (event_id) do update
  set status = 'success', attempts = webhook_deliveries.attempts + 1, counted_on_arrival = true, last_attempt = now(),
    next_attempt = null, dead_at = null, dead_reason = null, response = excluded.response
  where webhook_deliveries.status <> 'success';
end $function$;

COMMENT ON FUNCTION "private"."confirm_delivery"(public.report_events, text) IS 'A verified request proves the delivery of its event: success, which nothing undoes. Its lease stays with its sender.';

REVOKE ALL ON FUNCTION "private"."confirm_delivery"(public.report_events, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."confirm_delivery"(public.report_events, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."confirm_delivery"(public.report_events, text) TO "postgres";
