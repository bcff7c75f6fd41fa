create or replace function private.fits_endpoint(p_event public.report_events)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_body_bytes constant int := 1048576;
  v_content private.report_contents;
  v_text text;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if not private.is_job_id(p_event.job_id)
    or p_event.status = 'completed' and private.is_blank(v_content.research_report)
    or jsonb_typeof(v_content.research_metadata) not in ('object', 'null')
  then
    return false;
  end if;
  -- 98 levels below the metadata are 100 levels of the body, the limit for reading it. This check comes first, since the
  -- following ones recurse to the same depth.
  if jsonb_path_exists(v_content.research_metadata, 'strict $.**{98} ? (@.type() == "object" || @.type() == "array")') then
    return false;
  end if;
  if octet_length(private.envelope(p_event)) > c_body_bytes then
    return false;
  end if;
  -- Searches the printed text: a query for every number would take time quadratic in their count. Most texts contain no such
  -- run of digits; in the others, runs inside of strings do not count.
  v_text := coalesce(v_content.research_metadata::text, '');
  return v_text !~ '[0-9.]{65}' or regexp_replace(v_text, '"(?:[^"\\]|\\.)*"', '', 'g') !~ '(?:[0-9]\.?){65}';
end
$$;

comment on function private.fits_endpoint(public.report_events) is
  'Whether our own endpoint would read the body of an imported event: the limits of docs/contract.md, said in SQL for contents that never passed them. The caller asks has_long_number() first: this prints the content.';
revoke all on function private.fits_endpoint(public.report_events) from public, anon, authenticated, service_role;
