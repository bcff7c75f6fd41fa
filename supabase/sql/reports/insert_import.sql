create or replace function private.insert_import(
  p_event_id text, p_result private.incoming_result, p_effect text, p_is_printable boolean default true)
returns public.report_events
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  p_result.job_id := coalesce(p_result.job_id, p_event_id);
  v_event := private.insert_event(p_event_id, p_result, p_result.requested_at, 'import', p_effect, p_is_printable);
  if v_event.id is null then
    -- A sender has used this id, or the id of this job, for another report.
    p_result.job_id := private.new_id('import_');
    v_event := private.insert_event(p_result.job_id, p_result, p_result.requested_at, 'import', p_effect, p_is_printable);
  end if;
  update private.job_runs set event_id = v_event.id where job_id = v_event.job_id and status = 'succeeded';
  return v_event;
end
$$;

comment on function private.insert_import(text, private.incoming_result, text, boolean) is
  'Records an event of the import, and that its job, if there is one, ended with it. An event without a known job, or whose id or job another event has, gets its own id as job id, since the endpoints require one.';
revoke all on function private.insert_import(text, private.incoming_result, text, boolean) from public, anon, authenticated, service_role;
