-- The one way to ask the limiter: a limiter that fails must not stop the work that it watches over.
create or replace function private.ask_limit(
  p_kind text, p_key text, p_take boolean, out refusal jsonb, out failure text)
returns record
language plpgsql volatile set search_path = '' as $$
begin
  -- Without a key there is nobody to limit.
  if p_key is not null then
    refusal := case when p_take then private.take_token(p_kind, p_key) else private.rate_refusal(p_kind, p_key) end;
  end if;
exception when others then
  failure := 'the rate limit was not asked: ' || "left"(sqlerrm, 200);
end
$$;

comment on function private.ask_limit(text, text, boolean) is
  'Asks a bucket for a token, and with p_take takes it. refusal: it has none. failure: the limiter failed; the caller goes on without it, and says so.';
revoke all on function private.ask_limit(text, text, boolean) from public, anon, authenticated, service_role;
