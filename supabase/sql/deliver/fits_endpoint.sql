create or replace function private.fits_endpoint(p_event public.report_events)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_body_bytes constant int := 1048576;
  c_digits constant int := 64;
  v_content private.report_contents;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if not private.is_job_id(p_event.job_id)
    or p_event.status = 'completed' and private.is_blank(v_content.research_report)
    or jsonb_typeof(v_content.research_metadata) not in ('object', 'null')
  then
    return false;
  end if;
  -- An object or array this deep lies 98 levels below the metadata, which is the third level of a body; 100 are read.
  -- Asked first: what follows recurses no deeper.
  if jsonb_path_exists(v_content.research_metadata, 'strict $.**{98} ? (@.type() == "object" || @.type() == "array")') then
    return false;
  end if;
  -- Asked before the body is composed, since a short number may print as many thousands of digits.
  if exists (
    select from jsonb_path_query(v_content.research_metadata, 'strict $.** ? (@.type() == "number")') number
    where length(translate(number::text, '-.', '')) > c_digits)
  then
    return false;
  end if;
  return octet_length(private.envelope(p_event)) <= c_body_bytes;
end
$$;

comment on function private.fits_endpoint(public.report_events) is
  'Whether our own endpoint would read the body of an imported event: the limits of docs/contract.md, said in SQL for contents that never passed them.';
revoke all on function private.fits_endpoint(public.report_events) from public, anon, authenticated, service_role;
