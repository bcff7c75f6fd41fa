-- Where others hold all parts that have a token, the caller waits for one, as long as taking a token and committing may take;
-- who has waited longer is let through by ask_limit().
create or replace function private.await_token(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as $$
declare
  v_limit private.rate_limits;
  v_now timestamptz;
  v_refusal jsonb;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  -- Another turn means that another caller was faster, or that a part is still to be added.
  loop
    v_now := clock_timestamp();
    -- A part without a row is full.
    insert into private.rate_buckets (kind, key, part, full_at)
    values (p_kind, p_key, floor(random() * v_limit.parts), v_now + v_limit.step)
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
      order by random() limit 1 for update);
    if found then
      return null;
    end if;
  end loop;
end
$$;

comment on function private.await_token(text, text) is
  'For ask_limit(), where no part with a token was there and free: adds a part, refuses, or waits.';
revoke all on function private.await_token(text, text) from public, anon, authenticated, service_role;
