CREATE OR REPLACE FUNCTION private.take_effect (
  p_event   public.report_events,
  p_channel text
)
  RETURNS text
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_table text := private.report_table(p_event.report_type);
  v_winner_id text;
  v_winner public.report_events;
  v_owner uuid;
  v_effect text;
begin
  execute format('select user_id, winner_event_id from public.%I where id = $1', v_table)
  into v_owner, v_winner_id using p_event.report_id;
  select * into v_winner from public.report_events where id = v_winner_id;

  if p_event.status = 'completed' then
    v_effect := case when private.event_outranks(p_event, v_winner) then 'applied' else 'superseded' end;
  else
    -- A failure takes no part in the order of results: it shows only while nothing newer was asked for.
    v_effect := case when exists (
        select from public.report_jobs job
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
  set effect = v_effect, channel = p_channel, applied_at = clock_timestamp()
  where id = p_event.id;

  if v_effect = 'applied' and p_event.status = 'completed' then
    execute format(
      'update public.%I set research_report = $1, research_metadata = $2, stage = $3, winner_event_id = $4,
         research_status = $5, updated_at = now() where id = $6', v_table)
    using p_event.research_report,
      coalesce(p_event.research_metadata, '{}') || coalesce(p_event.final_data, '{}'),
      p_event.stage, p_event.id,
      private.report_status(p_event.report_type, p_event.report_id), p_event.report_id;
    if p_event.stage = 'final' and p_channel in ('webhook', 'direct') then
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      values (v_owner, p_event.report_type, p_event.report_id, p_event.id);
    end if;
  else
    perform private.show_report_status(p_event.report_type, p_event.report_id);
  end if;
  return v_effect;
end $function$;

COMMENT ON FUNCTION "private"."take_effect"(public.report_events, text) IS 'Applies an event that has no effect yet; its caller holds the report''s lock. Returns applied or superseded.';

REVOKE ALL ON FUNCTION "private"."take_effect"(public.report_events, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."take_effect"(public.report_events, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."take_effect"(public.report_events, text) TO "postgres";
