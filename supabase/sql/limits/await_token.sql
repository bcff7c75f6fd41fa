-- If other transactions hold all parts that have a token, the caller retries for as long as taking a token and committing may
-- take. It waits for no single transaction, which could be a stuck one. After that time, ask_limit() lets the request
-- through.
create or replace function private.await_token(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  c_patience constant interval := '1 second';
  c_pause_seconds constant float8 := 0.005;
  v_limit private.rate_limits;
  v_until timestamptz := clock_timestamp() + c_patience;
  v_now timestamptz;
  v_refusal jsonb;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  -- Another round: another caller was faster, or a part has yet to be added.
  loop
    v_now := clock_timestamp();
    -- A part without a row is full. If another caller is inserting the same part, this waits for it.
    insert into private.rate_buckets (kind, key, part, full_at)
    select p_kind, p_key, part, v_now + v_limit.step from generate_series(0, v_limit.parts - 1) part
    where not exists (
      select from private.rate_buckets known where known.kind = p_kind and known.key = p_key and known.part = part.part)
    order by random() limit 1
    on conflict (kind, key, part) do nothing;
    if found then
      return null;
    end if;
    v_refusal := private.rate_refusal(p_kind, p_key);
    if v_refusal is not null then
      return v_refusal;
    end if;
    update private.rate_buckets
    set full_at = case when full_at between v_now and v_now + v_limit.beyond then full_at else v_now end + v_limit.step
    where kind = p_kind and key = p_key and part = (
      select part from private.rate_buckets
      where kind = p_kind and key = p_key and part < v_limit.parts
        and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
      order by random() limit 1 for update skip locked);
    if found then
      return null;
    elsif clock_timestamp() > v_until then
      raise exception 'every part of the rate bucket is locked' using errcode = 'lock_not_available';
    end if;
    perform pg_sleep(c_pause_seconds);
  end loop;
end
$$;

comment on function private.await_token(text, text) is
  'For ask_limit(), where no part with a token was there and free: adds a part, refuses, or tries for a second.';
revoke all on function private.await_token(text, text) from public, anon, authenticated, service_role;
