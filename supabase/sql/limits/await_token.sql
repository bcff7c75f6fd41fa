-- Where others hold all parts that have a token, the caller waits for one, as long as taking a token and committing may take;
-- who has waited longer is let through by ask_limit().
create or replace function private.await_token(p_limit private.rate_limits, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as $$
declare
  v_now timestamptz;
  v_refusal jsonb;
begin
  -- Another turn means that another caller has taken a token or added a part meanwhile.
  loop
    v_now := clock_timestamp();
    -- A part without a row is full.
    insert into private.rate_buckets (kind, key, part, full_at)
    select p_limit.kind, p_key, part, v_now + p_limit.step from generate_series(0, p_limit.parts - 1) part
    where not exists (
      select from private.rate_buckets known
      where known.kind = p_limit.kind and known.key = p_key and known.part = part.part)
    order by random() limit 1
    on conflict (kind, key, part) do nothing;
    if found then
      return null;
    end if;
    v_refusal := private.rate_refusal(p_limit.kind, p_key);
    if v_refusal is not null then
      return v_refusal;
    end if;
    update private.rate_buckets
    set full_at = case when full_at between v_now and v_now + p_limit.beyond then full_at else v_now end + p_limit.step
    where kind = p_limit.kind and key = p_key and part = (
      select part from private.rate_buckets
      where kind = p_limit.kind and key = p_key and part < p_limit.parts
        and (full_at <= v_now + p_limit.ahead or full_at > v_now + p_limit.beyond)
      order by random() limit 1 for update);
    if found then
      return null;
    end if;
  end loop;
end
$$;

comment on function private.await_token(private.rate_limits, text) is
  'take_token() where no part with a token was there and free: adds a part, refuses, or waits.';
revoke all on function private.await_token(private.rate_limits, text) from public, anon, authenticated, service_role;
