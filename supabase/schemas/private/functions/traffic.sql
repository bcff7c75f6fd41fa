CREATE OR REPLACE FUNCTION private.traffic (
  p_total     bigint,
  p_succeeded bigint,
  p_p50       integer,
  p_p95       integer,
  p_p99       integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
begin
  return jsonb_build_object(
    'total', coalesce(p_total, 0), 'succeeded', coalesce(p_succeeded, 0),
    'failed', coalesce(p_total - p_succeeded, 0),
    'success_rate', round(p_succeeded::numeric / nullif(p_total, 0), 6),
    'p50_ms', round(power(1.05::float8, p_p50 - 0.5::float8)::numeric, 4),
    'p95_ms', round(power(1.05::float8, p_p95 - 0.5::float8)::numeric, 4),
    'p99_ms', round(power(1.05::float8, p_p99 - 0.5::float8)::numeric, 4));
end $function$;

GRANT EXECUTE ON FUNCTION "private"."traffic"(bigint, bigint, integer, integer, integer) TO "authenticated";

COMMENT ON FUNCTION "private"."traffic"(bigint, bigint, integer, integer, integer) IS 'Counts and percentiles as the console takes them.';

REVOKE ALL ON FUNCTION "private"."traffic"(bigint, bigint, integer, integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."traffic"(bigint, bigint, integer, integer, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."traffic"(bigint, bigint, integer, integer, integer) TO "postgres";
