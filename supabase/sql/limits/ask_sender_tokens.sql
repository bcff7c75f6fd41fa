-- For a batch, which takes a token per item, all at once at its end. Taking them item by item would lock every part of the
-- bucket, and the sender's other requests would wait.
create or replace function private.ask_sender_tokens(
  p_sender text, p_count int, p_take boolean, out granted int, out refusal jsonb, out failure text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  c_patience constant interval := '200 milliseconds';
  c_pause_seconds constant float8 := 0.005;
  v_limit record;
  v_until timestamptz := clock_timestamp() + c_patience;
  v_now timestamptz;
  v_taken int;
begin
  granted := p_count;
  if p_sender is null or p_count = 0 then
    -- Not limited, or no items.
    return;
  end if;
  select tokens_per_minute, burst, parts, step, ahead, beyond, window_seconds into strict v_limit
  from private.rate_limits where kind = 'sender';
  if v_limit.tokens_per_minute is null then
    return;
  end if;
  if p_take then
    insert into private.rate_buckets (kind, key, part, full_at)
    select 'sender', p_sender, part, clock_timestamp() from generate_series(0, v_limit.parts - 1) part
    where not exists (
      select from private.rate_buckets known where known.kind = 'sender' and known.key = p_sender and known.part = part.part)
    order by part
    on conflict (kind, key, part) do nothing;
    granted := 0;
    loop
      v_now := clock_timestamp();
      -- Takes as many tokens from each part as it has, until there are enough.
      with free as (
        select part, used_to, floor(extract(epoch from v_now + v_limit.ahead - used_to) / extract(epoch from v_limit.step))::int + 1
          as tokens
        from (
          select part, case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end as used_to
          from private.rate_buckets
          where kind = 'sender' and key = p_sender and part < v_limit.parts
            and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
          for update skip locked) held
      ), shared as (
        select part, used_to, least(tokens, p_count - granted - (sum(tokens) over (order by part) - tokens)::int) as tokens
        from free
      ), taken as (
        update private.rate_buckets bucket set full_at = shared.used_to + shared.tokens * v_limit.step
        from shared
        where bucket.kind = 'sender' and bucket.key = p_sender and bucket.part = shared.part and shared.tokens > 0
        returning shared.tokens
      )
      select coalesce(sum(tokens), 0) into v_taken from taken;
      granted := granted + v_taken;
      exit when granted >= p_count;
      refusal := private.rate_refusal('sender', p_sender);
      exit when refusal is not null;
      if clock_timestamp() > v_until then
        raise exception 'every part of the rate bucket is locked' using errcode = 'lock_not_available';
      end if;
      perform pg_sleep(c_pause_seconds);
    end loop;
    return;
  end if;
  v_now := clock_timestamp();
  -- A part without a row is full.
  select
    least(p_count, sum(greatest(0, floor(extract(epoch from v_now + v_limit.ahead - used_to) / extract(epoch from v_limit.step))::int + 1))),
    jsonb_build_object(
      'outcome', 'rate_limited', 'policy', 'sender', 'quota', v_limit.burst, 'window_seconds', v_limit.window_seconds,
      'retry_after_seconds', greatest(1, ceil(extract(epoch from min(greatest(used_to - v_limit.ahead, v_now) - v_now)))::int))
  into granted, refusal
  from (
    select case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end as used_to
    from generate_series(0, v_limit.parts - 1) part
    left join private.rate_buckets bucket on bucket.kind = 'sender' and bucket.key = p_sender and bucket.part = part.part) parts;
  if granted >= p_count then
    refusal := null;
  end if;
exception when others then
  granted := p_count;
  refusal := null;
  failure := 'could not check the rate limit: ' || "left"(sqlerrm, 200);
end
$$;

comment on function private.ask_sender_tokens(text, int, boolean) is
  'Asks the bucket of a sender for the tokens of a batch. Without p_take it takes and locks nothing; granted: for how many there are tokens, refusal: of the others. With p_take it takes them: the last lock of its transaction; refusal: others took them meanwhile, and the caller undoes its work. failure: the limiter failed; the caller goes on without it, and says so.';
revoke all on function private.ask_sender_tokens(text, int, boolean) from public, anon, authenticated, service_role;
