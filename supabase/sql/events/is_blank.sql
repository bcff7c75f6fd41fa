create or replace function private.is_blank(p_text text)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- White space as trimmed by JavaScript, which the endpoints use.
  return coalesce(btrim(p_text, E' \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff') = '', true);
end
$$;

comment on function private.is_blank(text) is
  'Whether a text is null or nothing but white space: no result of a report.';
revoke all on function private.is_blank(text) from public, anon, authenticated, service_role;
