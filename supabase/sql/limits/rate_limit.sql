create or replace function private.rate_limit(
  p_kind text, out quota int, out window_seconds int, out parts int, out step interval, out ahead interval,
  out beyond interval)
returns record
language plpgsql stable set search_path = '' as $$
declare
  c_minute constant interval := '1 minute';
  v_limit private.rate_limits;
begin
  select * into strict v_limit from private.rate_limits where kind = p_kind;
  if v_limit.tokens_per_minute is null then
    return;
  end if;
  quota := v_limit.burst;
  window_seconds := ceil(60.0 * v_limit.burst / v_limit.tokens_per_minute);
  parts := v_limit.parts;
  -- From one token of a part to its next.
  step := c_minute * v_limit.parts / v_limit.tokens_per_minute;
  -- A part has a token while it is full again within this time, and a part without any is full one step later.
  ahead := step * (v_limit.burst / v_limit.parts - 1);
  -- What lies a minute beyond that was written by a clock that was set back since, or under other limits: the part counts as
  -- full, or it would give nothing for as long.
  beyond := ahead + step + c_minute;
end
$$;

comment on function private.rate_limit(text) is
  'A row of rate_limits as the limiter counts with it. All null: no limit. A kind without a row is an error, which ask_limit() reports.';
revoke all on function private.rate_limit(text) from public, anon, authenticated, service_role;
