create or replace function private.traffic(
  p_total bigint, p_succeeded bigint, p_reported_failures bigint, p_p50 int, p_p95 int, p_p99 int)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_build_object(
    'total', coalesce(p_total, 0), 'succeeded', coalesce(p_succeeded, 0),
    -- Delivered, but reporting a failed generation: neither a success nor a failure of the webhook.
    'reported_failures', coalesce(p_reported_failures, 0),
    'failed', coalesce(p_total - p_succeeded - p_reported_failures, 0),
    'success_rate', round(p_succeeded::numeric / nullif(p_total - p_reported_failures, 0), 6),
    'p50_ms', round(power(1.05::float8, p_p50 - 0.5::float8)::numeric, 4),
    'p95_ms', round(power(1.05::float8, p_p95 - 0.5::float8)::numeric, 4),
    'p99_ms', round(power(1.05::float8, p_p99 - 0.5::float8)::numeric, 4));
end
$$;

comment on function private.traffic(bigint, bigint, bigint, int, int, int) is
  'Counts and percentiles as the console takes them. p_reported_failures: of p_total, those that brought the news of a failed generation; p_succeeded leaves them out.';
revoke all on function private.traffic(bigint, bigint, bigint, int, int, int) from public, anon, authenticated, service_role;
grant execute on function private.traffic(bigint, bigint, bigint, int, int, int) to authenticated;
