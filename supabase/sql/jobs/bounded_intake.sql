create or replace function private.bounded_intake(p_user_data jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  -- What a prompt takes (src/server/generation/prompt.ts), which is also what an owner may store.
  c_characters constant int := 300000;
  v_text text;
begin
  if private.has_long_number(p_user_data) then
    return null;
  end if;
  v_text := p_user_data::text;
  -- Not the whole text, which may be many megabytes. One character more says to the prompt that there was more.
  v_text := "left"(v_text, c_characters + 1);
  return case when char_length(v_text) > c_characters then to_jsonb(v_text) else p_user_data end;
end
$$;

comment on function private.bounded_intake(jsonb) is
  'A report''s user_data as a runner gets it: whole, or of more than 300,000 characters the beginning of its text. Null where a number in it could not be printed within reason. Rows from before the limit, and those of servers, may be of any size.';
revoke all on function private.bounded_intake(jsonb) from public, anon, authenticated, service_role;
