create or replace function private.content_of(p_event public.report_events)
returns private.report_contents
language plpgsql stable set search_path = '' as $$
declare
  v_content private.report_contents;
begin
  select * into v_content from private.report_contents where event_id = p_event.id;
  if v_content.event_id is null then
    -- Without its content, an event would clear the report's text, or be rejected permanently by its receiver.
    raise exception 'the content of event % is missing', p_event.id using errcode = 'PL008';
  end if;
  return v_content;
end
$$;

comment on function private.content_of(public.report_events) is
  'The content of an event that is not erased. Raises PL008 where somebody has removed it: the event waits until it is back.';
revoke all on function private.content_of(public.report_events) from public, anon, authenticated, service_role;
