create or replace function private.filter_values(p_document jsonb, p_paths text[])
returns jsonb
language plpgsql immutable set search_path = '' as $$
declare
  v_values jsonb := '[]';
  v_path text;
  v_name text;
  v_value jsonb;
begin
  foreach v_path in array p_paths loop
    v_value := p_document;
    foreach v_name in array string_to_array(v_path, '.') loop
      -- For an array, -> with a text returns null.
      v_value := v_value -> v_name;
    end loop;
    v_values := v_values || jsonb_build_array(case
      when v_value is null or jsonb_typeof(v_value) in ('object', 'array') then null
      -- Numbers as text: JavaScript would round a JSON number.
      when jsonb_typeof(v_value) = 'string' and length(v_value #>> '{}') > 256 then null
      else jsonb_build_array(jsonb_typeof(v_value), v_value #>> '{}') end);
  end loop;
  return v_values;
end
$$;

comment on function private.filter_values(jsonb, text[]) is
  'The values that a filter sees at these paths of a filter_document(), each [type, text], or null where the member is absent: for the explanation of a decision.';
revoke all on function private.filter_values(jsonb, text[]) from public, anon, authenticated, service_role;
