create or replace function private.fit_result(p_result private.incoming_result)
returns private.incoming_result
language plpgsql stable set search_path = '' as $$
declare
  c_limit_kb constant int := 900;
  -- A JSON escape takes at most six bytes per byte.
  c_escaped constant int := 6;
  v_metadata int := coalesce(octet_length(p_result.research_metadata::text), 0)
    + coalesce(octet_length(p_result.final_data::text), 0);
  v_text int := coalesce(octet_length(p_result.research_report), 0) + coalesce(octet_length(p_result.error), 0);
  v_bytes int;
begin
  if v_text * c_escaped + v_metadata <= c_limit_kb * 1024 then
    return p_result;
  end if;
  v_bytes := v_metadata + coalesce(octet_length(to_json(p_result.research_report)::text), 0)
    + coalesce(octet_length(to_json(p_result.error)::text), 0);
  if v_bytes > c_limit_kb * 1024 then
    p_result.type := format('report.%s.failed', p_result.stage);
    p_result.research_report := null;
    p_result.research_metadata := null;
    p_result.final_data := null;
    p_result.error := format('The result is %s KB; the limit is %s KB.', ceil(v_bytes / 1024.0), c_limit_kb);
  end if;
  return p_result;
end
$$;

comment on function private.fit_result(private.incoming_result) is
  'A result of more than 900 KB as JSON becomes a failure that says so: with its envelope it would not fit into the 1 MiB that an endpoint reads, and its delivery would fail for days.';
revoke all on function private.fit_result(private.incoming_result) from public, anon, authenticated, service_role;
