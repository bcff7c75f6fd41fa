create or replace function private.shown_metadata(p_content private.report_contents)
returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  -- Other writers may store metadata that is not an object; it is left unchanged.
  return case
    when p_content.final_data is null then coalesce(p_content.research_metadata, '{}')
    else coalesce(p_content.research_metadata, '{}') || p_content.final_data end;
end
$$;

comment on function private.shown_metadata(private.report_contents) is
  'The metadata that a report shows of its winner: its research_metadata with final_data over it.';
revoke all on function private.shown_metadata(private.report_contents) from public, anon, authenticated, service_role;
