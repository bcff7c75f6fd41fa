CREATE OR REPLACE FUNCTION public.record_webhook_request (
  p_request        jsonb,
  p_verified       boolean,
  p_cap_per_minute integer
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_request jsonb := private.as_object(p_request);
  v_requests bigint := 0;
begin
  if not p_verified then
    insert into public.webhook_refusals as refusals (minute, requests) values (date_trunc('minute', now()), 1)
    on conflict (minute) do update set requests = refusals.requests + 1
    returning requests into v_requests;
  end if;
  if v_requests > p_cap_per_minute then
    return false;
  end if;
  insert into public.webhook_audit (
    direction, webhook_type, event_id, report_id, report_table, actor, request_payload, response_status, response_body,
    outcome, error_message, body_sha256, body_bytes, duration_ms, attempt_number)
  values (
    'in', v_request ->> 'webhook_type', v_request ->> 'event_id', (v_request ->> 'report_id')::uuid,
    private.report_table(v_request ->> 'report_type'), v_request ->> 'actor',
    jsonb_build_object('endpoint', v_request ->> 'endpoint', 'method', v_request ->> 'method'),
    (v_request ->> 'status')::int, nullif(v_request -> 'answer', 'null'), v_request ->> 'outcome',
    v_request ->> 'detail', v_request ->> 'body_sha256', (v_request ->> 'body_bytes')::int,
    (v_request ->> 'elapsed_ms')::numeric, 1);
  return true;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."record_webhook_request"(jsonb, boolean, integer) TO "service_role";

COMMENT ON FUNCTION "public"."record_webhook_request"(jsonb, boolean, integer) IS 'Audits a request that applied nothing, without its body. False: over the cap of this minute, so it was only counted.';

REVOKE ALL ON FUNCTION "public"."record_webhook_request"(jsonb, boolean, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."record_webhook_request"(jsonb, boolean, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."record_webhook_request"(jsonb, boolean, integer) FROM PUBLIC, "anon", "authenticated";
