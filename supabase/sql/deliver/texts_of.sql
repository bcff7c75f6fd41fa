create or replace function private.texts_of(p_texts jsonb)
returns text[]
language plpgsql immutable set search_path = '' as $$
begin
  return case when jsonb_typeof(p_texts) = 'array' then array(select jsonb_array_elements_text(p_texts)) end;
end
$$;

comment on function private.texts_of(jsonb) is
  'A JSON array of texts as an array. Null: it is none.';
revoke all on function private.texts_of(jsonb) from public, anon, authenticated, service_role;
