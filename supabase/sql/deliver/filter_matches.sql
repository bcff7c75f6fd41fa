create or replace function private.filter_matches(p_document jsonb, p_path jsonpath)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- Silent: otherwise a member of another type would abort the transaction of the effect. A path with a variable raises an
  -- error even so; compiled paths have none.
  return coalesce(jsonb_path_match(p_document, p_path, silent => true), false);
end
$$;

comment on function private.filter_matches(jsonb, jsonpath) is
  'Whether a compiled filter (src/server/deliver/filters/compile.ts) matches a filter_document(). An undecidable filter is no match, and no error.';
revoke all on function private.filter_matches(jsonb, jsonpath) from public, anon, authenticated, service_role;
