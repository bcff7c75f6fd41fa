create or replace function private.as_pattern(p_text text)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  return replace(regexp_replace(p_text, '([\\%_])', '\\\1', 'g'), '*', '%');
end
$$;

comment on function private.as_pattern(text) is
  'A pattern of like, of a text in which only the asterisk has a meaning.';
revoke all on function private.as_pattern(text) from public, anon, authenticated, service_role;
grant execute on function private.as_pattern(text) to authenticated;
