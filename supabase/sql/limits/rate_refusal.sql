create or replace function private.rate_refusal(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_limit private.rate_limits;
  v_now timestamptz := clock_timestamp();
  v_empty int;
  v_free_at timestamptz;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  select count(*), min(full_at) - v_limit.ahead into v_empty, v_free_at from private.rate_buckets
  where kind = p_kind and key = p_key and part < v_limit.parts
    and full_at > v_now + v_limit.ahead and full_at <= v_now + v_limit.beyond;
  if v_limit.tokens_per_minute is null or v_empty < v_limit.parts then
    return null;
  end if;
  return jsonb_build_object(
    'outcome', 'rate_limited', 'policy', p_kind, 'quota', v_limit.burst, 'window_seconds', v_limit.window_seconds,
    'retry_after_seconds', ceil(extract(epoch from v_free_at - v_now))::int);
end
$$;

comment on function private.rate_refusal(text, text) is
  'Null while a part of the bucket has a token; else {outcome, policy, quota, window_seconds, retry_after_seconds}. It locks and takes nothing.';
revoke all on function private.rate_refusal(text, text) from public, anon, authenticated, service_role;
