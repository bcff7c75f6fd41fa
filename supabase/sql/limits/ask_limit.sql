-- The only entry to the limiter: a failing limiter must not stop the work that it limits. The path of an admitted request is
-- inlined here, since each function call would cost more than the statement in it.
create or replace function private.ask_limit(
  p_kind text, p_key text, p_take boolean, out refusal jsonb, out failure text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  -- Not a table's row type: if the table is missing, the function could not start, and so could not report its failure.
  v_limit record;
  v_now timestamptz := clock_timestamp();
begin
  if p_key is null then
    -- No key: not limited.
    return;
  elsif not p_take then
    perform from private.rate_limits rate
    join private.rate_buckets bucket on bucket.kind = rate.kind and bucket.key = p_key and bucket.part < rate.parts
    where rate.kind = p_kind and bucket.full_at > v_now + rate.ahead limit 1;
    if found then
      -- This part has no token; another one may have.
      refusal := private.rate_refusal(p_kind, p_key);
    end if;
    return;
  end if;
  select tokens_per_minute, parts, step, ahead, beyond into strict v_limit from private.rate_limits where kind = p_kind;
  if v_limit.parts = 1 and p_kind <> 'sender' and v_limit.tokens_per_minute is not null then
    -- The caller holds the lock of the report or user, which serialises requests of this key. A part without a row is full.
    insert into private.rate_buckets as bucket (kind, key, part, full_at)
    values (p_kind, p_key, 0, v_now + v_limit.step)
    on conflict (kind, key, part) do update
    set full_at = case when bucket.full_at between v_now and v_now + v_limit.beyond then bucket.full_at else v_now end + v_limit.step
    where bucket.full_at <= v_now + v_limit.ahead or bucket.full_at > v_now + v_limit.beyond;
  elsif v_limit.tokens_per_minute is not null then
    -- Concurrent callers take tokens from different parts.
    update private.rate_buckets
    set full_at = case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end + v_limit.step
    where kind = p_kind and key = p_key and part = (
      select part from private.rate_buckets
      where kind = p_kind and key = p_key and part < v_limit.parts
        and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
      order by random() limit 1 for update skip locked);
  end if;
  if v_limit.tokens_per_minute is not null and not found then
    refusal := private.await_token(p_kind, p_key);
  end if;
exception when others then
  failure := 'could not check the rate limit: ' || "left"(sqlerrm, 200);
end
$$;

comment on function private.ask_limit(text, text, boolean) is
  'Asks a bucket for a token. With p_take it takes one, until the transaction should roll back: the last lock of its transaction. refusal: there is none; what rate_refusal() says. failure: the limiter failed; the caller goes on without it, and says so.';
revoke all on function private.ask_limit(text, text, boolean) from public, anon, authenticated, service_role;
