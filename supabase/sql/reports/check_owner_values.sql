create or replace function private.check_owner_values(
  p_user_data jsonb default null, p_research_report text default null, p_research_metadata jsonb default null)
returns void
language plpgsql immutable set search_path = '' as $$
declare
  -- The most that a language model gets of it (300,000 characters).
  c_user_data_kb constant int := 300;
  -- The limit of a result, so that what an owner saves could also be delivered.
  c_content_kb constant int := 900;
  c_levels constant int := 100;
  v_value record;
  v_bytes bigint;
begin
  for v_value in
    select * from (values
      ('user_data', p_user_data, c_user_data_kb), ('research_metadata', p_research_metadata, c_content_kb))
      given (name, value, kb)
    where value is not null
  loop
    if jsonb_typeof(v_value.value) <> 'object' then
      raise exception '% must be a JSON object', v_value.name using errcode = 'PL007';
    end if;
    -- In storage, a value takes at most four times the bytes of its text (for a list of digits), plus its frame. This check
    -- costs nothing, whatever the size.
    if pg_column_size(v_value.value) > 5 * v_value.kb * 1024 then
      raise exception '% is larger than the limit of % KB', v_value.name, v_value.kb using errcode = 'PL007';
    end if;
    if private.has_long_number(v_value.value) then
      raise exception '% has a number of more than 64 digits', v_value.name using errcode = 'PL007';
    end if;
    if jsonb_path_exists(v_value.value, format(
      'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', c_levels)::jsonpath)
    then
      raise exception '% has more than % levels', v_value.name, c_levels using errcode = 'PL007';
    end if;
    v_bytes := octet_length(v_value.value::text);
    if v_bytes > v_value.kb * 1024 then
      raise exception '% is % KB; the limit is % KB', v_value.name, ceil(v_bytes / 1024.0), v_value.kb
        using errcode = 'PL007';
    end if;
  end loop;
  v_bytes := coalesce(octet_length(to_json(p_research_report)::text), 0)
    + coalesce(octet_length(p_research_metadata::text), 0);
  if v_bytes > c_content_kb * 1024 then
    raise exception 'research_report with its metadata is % KB as JSON; the limit is % KB', ceil(v_bytes / 1024.0), c_content_kb
      using errcode = 'PL007';
  end if;
end
$$;

comment on function private.check_owner_values(jsonb, text, jsonb) is
  'Refuses (PL007) what an owner may not store in a report: no object, too large, too deep, or with numbers that print as more than 64 digits. Null is not checked.';
revoke all on function private.check_owner_values(jsonb, text, jsonb) from public, anon, authenticated, service_role;
