create or replace function private.take_effect(p_event public.report_events, p_channel text, p_owner uuid)
returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_table text := private.report_table(p_event.report_type);
  v_winner_id text;
  v_winner public.report_events;
  v_content private.report_contents;
  v_effect text;
begin
  if p_event.status = 'completed' then
    execute format('select winner_event_id from public.%I where id = $1', v_table) into v_winner_id using p_event.report_id;
    select * into v_winner from public.report_events where id = v_winner_id;
    v_effect := case when private.event_outranks(p_event, v_winner) then 'applied' else 'superseded' end;
  else
    -- A failure takes no part in the order of results: it shows only while nothing newer was asked for.
    v_effect := case when exists (
        select from private.job_runs job
        where job.report_id = p_event.report_id and job.report_type = p_event.report_type
          and job.status <> 'cancelled' and job.job_id is distinct from p_event.job_id
          and job.created_at::timestamptz(3) > p_event.requested_at)
      or exists (
        select from public.report_events event
        where event.report_id = p_event.report_id and event.report_type = p_event.report_type
          and event.requested_at > p_event.requested_at and event.effect is not null)
      then 'superseded' else 'applied' end;
  end if;

  update public.report_events
  set effect = v_effect, channel = p_channel, applied_at = clock_timestamp(),
    position = private.next_position(p_event.report_type, p_event.report_id)
  where id = p_event.id;

  if v_effect = 'applied' and p_event.status = 'completed' then
    select * into v_content from private.report_contents where event_id = p_event.id;
    execute format(
      'update public.%I set research_report = $1, research_metadata = $2, stage = $3, winner_event_id = $4,
         research_status = $5, updated_at = now() where id = $6', v_table)
    using v_content.research_report,
      coalesce(v_content.research_metadata, '{}') || coalesce(v_content.final_data, '{}'),
      p_event.stage, p_event.id,
      private.report_status(p_event.report_type, p_event.report_id), p_event.report_id;
    if p_event.stage = 'final' and p_channel in ('webhook', 'direct') then
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      values (p_owner, p_event.report_type, p_event.report_id, p_event.id);
    end if;
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
  return v_effect;
end
$$;

comment on function private.take_effect(public.report_events, text, uuid) is
  'Applies an event that has no effect yet. The caller holds the lock of the report, whose owner is p_owner. Returns the effect.';
revoke all on function private.take_effect(public.report_events, text, uuid) from public, anon, authenticated, service_role;
