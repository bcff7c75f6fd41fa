create or replace function private.take_token(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_limit private.rate_limits;
  v_now timestamptz := clock_timestamp();
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  if v_limit.tokens_per_minute is null then
    return null;
  end if;
  -- Callers that are at work at once take tokens of different parts.
  update private.rate_buckets
  set full_at = case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end + v_limit.step
  where kind = p_kind and key = p_key and part = (
    select part from private.rate_buckets
    where kind = p_kind and key = p_key and part < v_limit.parts
      and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
    order by random() limit 1 for update skip locked);
  if found then
    return null;
  end if;
  return private.await_token(v_limit, p_key);
end
$$;

comment on function private.take_token(text, text) is
  'Takes a token of the bucket, until the transaction should roll back. Null: it is taken; else what rate_refusal() says. The last lock of its transaction.';
revoke all on function private.take_token(text, text) from public, anon, authenticated, service_role;
