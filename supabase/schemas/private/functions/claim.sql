CREATE OR REPLACE FUNCTION private.claim (
  p_delivery_id   bigint,
  p_lease_seconds integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_delivery public.webhook_deliveries;
  v_event public.report_events;
begin
  update public.webhook_deliveries
  set status = 'retrying', lease_token = lease_token + 1, counted_on_arrival = false,
    lease_expires_at = now() + make_interval(secs => p_lease_seconds),
    -- A dead letter that is retried is due again should its sender die before it records anything.
    dead_at = null, dead_reason = null, next_attempt = coalesce(next_attempt, now())
  where id = p_delivery_id
  returning * into v_delivery;
  select * into v_event from public.report_events where id = v_delivery.event_id;
  return jsonb_build_object(
    'delivery_id', v_delivery.id, 'delivery_token', v_delivery.lease_token, 'event_id', v_event.id,
    'webhook_type', v_delivery.webhook_type, 'type', v_event.type,
    'data', private.without_nulls(jsonb_build_object(
      'job_id', v_event.job_id, 'report_id', v_event.report_id, 'report_type', v_event.report_type,
      'research_report', v_event.research_report, 'research_status', v_event.status,
      'requested_at', to_char(v_event.requested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'research_metadata', v_event.research_metadata, 'final_data', v_event.final_data, 'error', v_event.error)));
end $function$;

COMMENT ON FUNCTION "private"."claim"(bigint, integer) IS 'Puts a delivery, whose lock the caller holds, under a new lease.';

REVOKE ALL ON FUNCTION "private"."claim"(bigint, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."claim"(bigint, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."claim"(bigint, integer) TO "postgres";
