create or replace function private.bounded_intake(p_user_data jsonb)
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  -- The prompt's limit (src/server/generation/prompt.ts), which is also the owner's limit.
  c_characters constant int := 300000;
  -- Limit of the stored size. Within it, even a million small values are walked and printed in less than half a second.
  c_bytes constant int := 4194304;
  -- Decompresses the value once for all that follows; pg_column_size() would otherwise return the compressed size.
  v_user_data jsonb := p_user_data #> '{}';
  v_text text;
begin
  if pg_column_size(v_user_data) > c_bytes or private.has_long_number(v_user_data) then
    return null;
  end if;
  v_text := v_user_data::text;
  -- Not the whole text, which may be megabytes. One more character than the limit tells the prompt that the text was cut.
  v_text := "left"(v_text, c_characters + 1);
  return case when char_length(v_text) > c_characters then to_jsonb(v_text) else v_user_data end;
end
$$;

comment on function private.bounded_intake(jsonb) is
  'A report''s user_data as a runner gets it: whole, or of more than 300,000 characters the beginning of its text. Null where it takes more than 4 MiB as it is stored, or where a number in it could not be printed within reason. Rows from before the limit, and those of servers, may be of any size.';
revoke all on function private.bounded_intake(jsonb) from public, anon, authenticated, service_role;
