CREATE OR REPLACE FUNCTION public.claim_due_delivery (
  p_lease_seconds integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_id bigint;
begin
  select id into v_id from public.webhook_deliveries
  where id in (select id from private.due_deliveries order by next_attempt, id limit 64)
    -- Seen again under the lock: another sweep may have taken it since.
    and status <> 'success' and dead_at is null and (lease_expires_at is null or lease_expires_at < now())
  order by next_attempt, id
  limit 1
  for update skip locked;
  return case when v_id is not null then private.claim(v_id, p_lease_seconds) end;
end $function$;

GRANT EXECUTE ON FUNCTION "public"."claim_due_delivery"(integer) TO "service_role";

COMMENT ON FUNCTION "public"."claim_due_delivery"(integer) IS 'Claims the delivery that has been due longest. Returns it with its event, or null: nothing is due.';

REVOKE ALL ON FUNCTION "public"."claim_due_delivery"(integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_due_delivery"(integer) TO "postgres";

REVOKE ALL ON FUNCTION "public"."claim_due_delivery"(integer) FROM PUBLIC, "anon", "authenticated";
