create or replace function private.title_of(p_user_data jsonb)
returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- The first member that may name the subject of the report, else the first text. All members are read at once, so that a
  -- long intake is decompressed only once.
  return "left"(coalesce(
    (select coalesce(full_name, requirement_title, title, name, organisation_name)
      from jsonb_to_record(case when jsonb_typeof(p_user_data) = 'object' then p_user_data end)
        as named (full_name text, requirement_title text, title text, name text, organisation_name text)),
    jsonb_path_query_first(p_user_data, 'strict $.* ? (@ like_regex "\\S")', '{}', true) #>> '{}'), 300);
end
$$;

comment on function private.title_of(jsonb) is
  'The title of a report: the name of its subject in user_data. Null: user_data has no name.';
revoke all on function private.title_of(jsonb) from public, anon, authenticated, service_role;
grant execute on function private.title_of(jsonb) to authenticated;
