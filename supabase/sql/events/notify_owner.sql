create or replace function private.notify_owner(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_event.stage = 'final' and p_event.channel in ('webhook', 'direct') then
    insert into public.report_notifications (user_id, report_type, report_id, event_id)
    values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
  end if;
end
$$;

comment on function private.notify_owner(public.report_events, uuid) is
  'Tells the owner of a report of a final that the report shows from now on.';
revoke all on function private.notify_owner(public.report_events, uuid) from public, anon, authenticated, service_role;
