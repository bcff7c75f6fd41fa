CREATE OR REPLACE FUNCTION private.take_probe (
  p_webhook_type  text,
  p_delivery_id   bigint,
  p_token         bigint,
  p_lease_seconds integer
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  update public.webhook_circuits
  set probe_delivery_id = p_delivery_id, probe_token = p_token,
    probe_lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where webhook_type = p_webhook_type and opened_at is not null and probe_after <= now()
    and (probe_lease_expires_at is null or probe_lease_expires_at < now());
  return found;
end $function$;

COMMENT ON FUNCTION "private"."take_probe"(text, bigint, bigint, integer) IS 'Takes the one probe of a half-open circuit for this delivery. False: it is open, or another has the probe.';

REVOKE ALL ON FUNCTION "private"."take_probe"(text, bigint, bigint, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."take_probe"(text, bigint, bigint, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."take_probe"(text, bigint, bigint, integer) TO "postgres";
