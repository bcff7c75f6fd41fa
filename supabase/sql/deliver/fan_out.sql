-- Only inserts. The event itself has the revision of the settings in force, so the result is the same whenever this runs.
create or replace function private.fan_out(p_event public.report_events, p_owner uuid default null)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  -- Delay of an edit: an owner who goes on typing makes several, and only the last one should be sent.
  c_quiet constant interval := '2 minutes';
  v_asks record;
  v_owner uuid := p_owner;
  v_document jsonb;
begin
  if p_event.settings_revision is null or p_event.bulk then
    return;
  end if;
  select bool_or(owner_id is not null) as owner, bool_or(filter is not null) as document into v_asks
  from private.settings_in_force(p_event.settings_revision) where takes_events;
  if v_asks.owner and v_owner is null then
    execute format('select user_id from public.%I where id = $1', private.report_table(p_event.report_type))
    into v_owner using p_event.report_id;
  end if;
  if v_asks.document then
    begin
      v_document := private.filter_document(
        p_event, (select research_metadata from private.report_contents where event_id = p_event.id));
    exception when others then
      -- A failing filter must not undo the effect: it counts as no match.
      insert into private.filter_faults (endpoint_id, event_id, error)
      select endpoint_id, p_event.id, "left"(sqlerrm, 200)
      from private.settings_in_force(p_event.settings_revision) where takes_events and filter is not null;
    end;
  end if;
  insert into public.webhook_deliveries (
    event_id, endpoint_id, report_type, report_id, job_id, position, format_version, body, next_attempt, created_xid)
  select p_event.id, endpoint_id, p_event.report_type, p_event.report_id, p_event.job_id, p_event.position, format_version, body,
    case when p_event.type = 'report.owner.edited' then p_event.applied_at + c_quiet else now() end, pg_current_xact_id()
  from private.settings_in_force(p_event.settings_revision) settings
  where takes_events and private.selects_event(settings, p_event, v_owner)
    and (filter_path is null or p_event.type = 'report.deleted' or coalesce(private.filter_matches(v_document, filter_path), false))
  -- A sweep fans out a deletion, and may repeat that.
  on conflict (event_id, endpoint_id, plan) do nothing;
end
$$;

comment on function private.fan_out(public.report_events, uuid) is
  'Makes a delivery of an event for each subscriber whose settings match: in the transaction of its effect, or for a deletion in that of the sweep. p_owner: of the report, where the caller knows it, or the report was deleted.';
revoke all on function private.fan_out(public.report_events, uuid) from public, anon, authenticated, service_role;
