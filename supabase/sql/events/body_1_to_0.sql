create or replace function private.body_1_to_0(p_members text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_flat text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if starts_with(p_members[i], 'data.') then
      v_flat := array_append(v_flat, substr(p_members[i], length('data.') + 1));
      v_flat := array_append(v_flat, p_members[i + 1]);
    end if;
  end loop;
  return v_flat;
end
$$;

comment on function private.body_1_to_0(text[]) is
  'A body of version 1 in version 0, the platform''s flat form: the members of data at the top level, without type and timestamp.';
revoke all on function private.body_1_to_0(text[]) from public, anon, authenticated, service_role;
