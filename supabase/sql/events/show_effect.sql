create or replace function private.show_effect(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_event.effect = 'applied' and p_event.status = 'completed' then
    perform private.show_in_report(
      p_event.report_type, p_event.report_id, private.report_status(p_event.report_type, p_event.report_id), p_event);
    perform private.notify_owner(p_event, p_owner);
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
end
$$;

comment on function private.show_effect(public.report_events, uuid) is
  'Brings the report''s row up to date with an effect that was just recorded, and notifies its owner of a final.';
revoke all on function private.show_effect(public.report_events, uuid) from public, anon, authenticated, service_role;
