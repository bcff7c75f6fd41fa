-- Callers that are at work at once take tokens of different parts. Where all parts with a token are held, the caller waits for
-- one as long as taking a token and committing may take; who has waited longer is let through by ask_limit().
create or replace function private.take_token(p_kind text, p_key text)
returns jsonb
language plpgsql volatile set search_path = '' set lock_timeout = '500ms' as $$
declare
  v_limit record := private.rate_limit(p_kind);
  v_now timestamptz;
  v_part int;
  v_full_at timestamptz;
  v_is_taken boolean;
  v_refusal jsonb;
begin
  if v_limit.quota is null then
    return null;
  end if;
  -- Another turn means that another caller has taken a token or added the parts meanwhile.
  loop
    v_now := clock_timestamp();
    select part, full_at into v_part, v_full_at from private.rate_buckets
    where kind = p_kind and key = p_key and part < v_limit.parts
      and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
    order by random() limit 1 for update skip locked;
    if v_part is null then
      -- A part without a row is full. The first of those that are added here gives the token.
      with added as (
        insert into private.rate_buckets (kind, key, part, full_at)
        select p_kind, p_key, part, case row_number() over (order by part) when 1 then v_now + v_limit.step else v_now end
        from generate_series(0, v_limit.parts - 1) part
        where not exists (
          select from private.rate_buckets known where known.kind = p_kind and known.key = p_key and known.part = part.part)
        order by part
        on conflict (kind, key, part) do nothing
        returning full_at)
      select exists (select from added where full_at > v_now) into v_is_taken;
      if v_is_taken then
        return null;
      end if;
      v_refusal := private.rate_refusal(p_kind, p_key);
      if v_refusal is not null then
        return v_refusal;
      end if;
      select part, full_at into v_part, v_full_at from private.rate_buckets
      where kind = p_kind and key = p_key and part < v_limit.parts
        and (full_at <= v_now + v_limit.ahead or full_at > v_now + v_limit.beyond)
      order by random() limit 1 for update;
    end if;
    if v_part is not null then
      update private.rate_buckets
      set full_at = case when v_full_at between v_now and v_now + v_limit.beyond then v_full_at else v_now end + v_limit.step
      where kind = p_kind and key = p_key and part = v_part;
      return null;
    end if;
  end loop;
end
$$;

comment on function private.take_token(text, text) is
  'Takes a token of the bucket until the transaction rolls back. Null: it is taken; else what rate_refusal() says. The last lock of its transaction.';
revoke all on function private.take_token(text, text) from public, anon, authenticated, service_role;
