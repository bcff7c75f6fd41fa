create or replace function private.insert_event(
  p_event_id text, p_result private.incoming_result, p_requested_at timestamptz)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  insert into public.report_events (id, type, report_type, report_id, stage, job_id, requested_at, digest, error)
  values (
    p_event_id, p_result.type, p_result.report_type, p_result.report_id, p_result.stage, p_result.job_id, p_requested_at,
    private.content_digest(p_result), p_result.error)
  on conflict do nothing
  returning * into v_event;
  if v_event.id is not null then
    insert into private.report_contents (event_id, research_report, research_metadata, final_data)
    values (v_event.id, p_result.research_report, p_result.research_metadata, p_result.final_data);
  end if;
  return v_event;
end
$$;

comment on function private.insert_event(text, private.incoming_result, timestamptz) is
  'Records an event with its content. Null: its id or its job has one already.';
revoke all on function private.insert_event(text, private.incoming_result, timestamptz) from public, anon, authenticated, service_role;
