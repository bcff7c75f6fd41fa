CREATE OR REPLACE FUNCTION private.observe_attempts (
  p_delivery public.webhook_deliveries,
  p_token    bigint,
  p_attempts jsonb
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_circuit public.webhook_circuits;
  v_authentic boolean := p_attempts @> '[{"authentic": true}]';
  v_total int;
  v_failed int;
begin
  select * into v_circuit from public.webhook_circuits where webhook_type = p_delivery.webhook_type;
  if v_circuit.opened_at is null then
    if v_authentic or p_attempts = '[]' then
      return;
    end if;
    select count(*), count(*) filter (where outcome in ('failed', 'unknown')) into v_total, v_failed
    from public.webhook_audit
    where direction = 'out' and webhook_type = p_delivery.webhook_type and outcome <> 'skipped'
      and created_at > greatest(now() - interval '1 minute', v_circuit.closed_at);
    if v_total >= 10 and v_failed * 2 >= v_total then
      update public.webhook_circuits set opened_at = now(), probe_after = now() + interval '30 seconds'
      where webhook_type = p_delivery.webhook_type and opened_at is null;
    end if;
  elsif v_authentic then
    update public.webhook_circuits
    set opened_at = null, closed_at = clock_timestamp(), probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where webhook_type = p_delivery.webhook_type and opened_at is not null;
  else
    update public.webhook_circuits
    set probe_after = now() + interval '30 seconds', probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null
    where webhook_type = p_delivery.webhook_type and probe_delivery_id = p_delivery.id and probe_token = p_token;
  end if;
end $function$;

COMMENT ON FUNCTION "private"."observe_attempts"(public.webhook_deliveries, bigint, jsonb) IS 'Opens, closes or keeps open an endpoint''s circuit, by what came of a round. The last lock of its transaction.';

REVOKE ALL ON FUNCTION "private"."observe_attempts"(public.webhook_deliveries, bigint, jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."observe_attempts"(public.webhook_deliveries, bigint, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."observe_attempts"(public.webhook_deliveries, bigint, jsonb) TO "postgres";
