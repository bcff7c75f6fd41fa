create or replace function private.show_effect(p_event public.report_events, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_content private.report_contents;
begin
  if p_event.effect = 'applied' and p_event.status = 'completed' then
    v_content := private.content_of(p_event);
    execute format(
      'update public.%I set research_report = $1, research_metadata = $2, stage = $3, winner_event_id = $4,
         research_status = $5, updated_at = now() where id = $6', private.report_table(p_event.report_type))
    using v_content.research_report,
      private.shown_metadata(v_content),
      p_event.stage, p_event.id,
      private.report_status(p_event.report_type, p_event.report_id), p_event.report_id;
    if p_event.stage = 'final' and p_event.channel in ('webhook', 'direct') then
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
    end if;
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
end
$$;

comment on function private.show_effect(public.report_events, uuid) is
  'Brings the report''s row up to date with an effect that was just recorded, and notifies its owner of a final.';
revoke all on function private.show_effect(public.report_events, uuid) from public, anon, authenticated, service_role;
