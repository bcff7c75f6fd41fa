create or replace function private.tell_deletion(p_report_type text, p_report_id uuid, p_owner uuid)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
begin
  for v_event in
    select * from public.report_events
    where report_id = p_report_id and report_type = p_report_type and type = 'report.deleted'
  loop
    perform private.fan_out(v_event, p_owner);
  end loop;
end
$$;

comment on function private.tell_deletion(text, uuid, uuid) is
  'Makes the deliveries of the event that a report was deleted, for the sweep that erases it. p_owner: whose report it was. A repeated call makes none.';
revoke all on function private.tell_deletion(text, uuid, uuid) from public, anon, authenticated, service_role;
