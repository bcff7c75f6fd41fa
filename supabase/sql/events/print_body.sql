create or replace function private.print_body(p_members text[])
returns text
language plpgsql immutable set search_path = '' as $$
declare
  v_top text[] := '{}';
  v_data text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if starts_with(p_members[i], 'data.') then
      v_data := array_append(v_data, '"' || substr(p_members[i], length('data.') + 1) || '":' || p_members[i + 1]);
    else
      v_top := array_append(v_top, '"' || p_members[i] || '":' || p_members[i + 1]);
    end if;
  end loop;
  if v_data <> '{}' then
    v_top := array_append(v_top, '"data":{' || array_to_string(v_data, ',') || '}');
  end if;
  return '{' || array_to_string(v_top, ',') || '}';
end
$$;

comment on function private.print_body(text[]) is
  'The JSON text of a body''s members. Concatenated: jsonb would reorder the members and parse every value again.';
revoke all on function private.print_body(text[]) from public, anon, authenticated, service_role;
