create or replace function private.cause_of(p_error text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return regexp_replace(
    "left"(p_error, 200), '(?<!^answered )(?<![\w.:/-])[\w.:/-]*\d(?:[\w.:/-]*\w)?', '…', 'g');
end
$$;

comment on function private.cause_of(text) is
  'An attempt''s error without what differs from one failure to the next: each word with a digit in it (an id, a number, a time, an address) is an ellipsis. The status in "answered 502" stays. Null for null.';
revoke all on function private.cause_of(text) from public, anon, authenticated, service_role;
grant execute on function private.cause_of(text) to authenticated;
