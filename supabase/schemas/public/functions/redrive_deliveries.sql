CREATE OR REPLACE FUNCTION public.redrive_deliveries (
  p_filter jsonb,
  p_actor  text,
  p_limit  integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_filter jsonb := private.as_object(p_filter);
  v_delivery public.webhook_deliveries;
  v_redriven int := 0;
begin
  for v_delivery in
    -- In the order of their reports, whose locks each takes: two redrives must not wait for each other.
    select * from (
      select * from public.webhook_deliveries
      where dead_at is not null and dead_reason <> 'report_deleted'
        and (v_filter -> 'event_ids' is null or v_filter -> 'event_ids' ? event_id)
        and (v_filter -> 'report_type' is null or report_type = v_filter ->> 'report_type')
        and (v_filter -> 'webhook_type' is null or webhook_type = v_filter ->> 'webhook_type')
        and (v_filter -> 'dead_reason' is null or dead_reason = v_filter ->> 'dead_reason')
        and (v_filter -> 'error' is null or strpos(lower(response ->> 'error'), lower(v_filter ->> 'error')) > 0)
        and (v_filter -> 'dead_after' is null or dead_at >= (v_filter ->> 'dead_after')::timestamptz)
        and (v_filter -> 'dead_before' is null or dead_at < (v_filter ->> 'dead_before')::timestamptz)
      order by dead_at, id
      limit p_limit
      -- Held by another: that one is being retried or redriven now.
      for update skip locked) picked
    order by report_type, report_id, id
  loop
    update public.webhook_deliveries
    set dead_at = null, dead_reason = null, rounds = 0, next_attempt = now(), lease_token = lease_token + 1,
      lease_expires_at = null
    where id = v_delivery.id;
    insert into public.webhook_audit (
      direction, webhook_type, job_id, report_id, report_table, event_id, actor, request_payload, outcome,
      error_message, attempt_number)
    values (
      'in', v_delivery.webhook_type, v_delivery.job_id, v_delivery.report_id,
      private.report_table(v_delivery.report_type), v_delivery.event_id, p_actor,
      jsonb_build_object('endpoint', 'redrive', 'dead_at', v_delivery.dead_at, 'dead_reason', v_delivery.dead_reason),
      'redriven', v_delivery.response ->> 'error', v_delivery.attempts);
    v_redriven := v_redriven + 1;
  end loop;
  return v_redriven;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."redrive_deliveries"(jsonb, text, integer) TO "service_role";

COMMENT ON FUNCTION "public"."redrive_deliveries"(jsonb, text, integer) IS 'Puts dead letters back on schedule, at its beginning, and audits each with who did it. Returns how many.';

REVOKE ALL ON FUNCTION "public"."redrive_deliveries"(jsonb, text, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."redrive_deliveries"(jsonb, text, integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."redrive_deliveries"(jsonb, text, integer) FROM PUBLIC, "anon", "authenticated";
