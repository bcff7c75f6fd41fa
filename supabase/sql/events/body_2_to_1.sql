create or replace function private.body_2_to_1(p_members text[])
returns text[]
language plpgsql immutable set search_path = '' as $$
declare
  v_kept text[] := '{}';
begin
  for i in 1 .. cardinality(p_members) by 2 loop
    if p_members[i] not in ('data.position', 'data.stage', 'data.channel') then
      -- One by one: PL/pgSQL appends in place, while `||` copies the whole array with its large texts each time.
      v_kept := array_append(v_kept, p_members[i]);
      v_kept := array_append(v_kept, p_members[i + 1]);
    end if;
  end loop;
  return v_kept;
end
$$;

comment on function private.body_2_to_1(text[]) is
  'A body of version 2 in version 1, which has no position, stage and channel. Members as body_members() returns them.';
revoke all on function private.body_2_to_1(text[]) from public, anon, authenticated, service_role;
