create or replace function private.find_event(p_event_id text, p_job_id text)
returns public.report_events
language plpgsql stable set search_path = '' as $$
declare
  v_event public.report_events;
begin
  select * into v_event from public.report_events where id = p_event_id;
  if v_event.id is null and p_job_id is not null then
    select * into v_event from public.report_events where job_id = p_job_id;
  end if;
  return v_event;
end
$$;

comment on function private.find_event(text, text) is
  'The event with this id, else the one completion that the job has.';
revoke all on function private.find_event(text, text) from public, anon, authenticated, service_role;
