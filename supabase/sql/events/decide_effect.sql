create or replace function private.decide_effect(p_event public.report_events)
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_winner_id text;
  v_winner public.report_events;
  v_effect text;
begin
  if p_event.status = 'completed' then
    execute format('select winner_event_id from public.%I where id = $1', private.report_table(p_event.report_type))
    into v_winner_id using p_event.report_id;
    select * into v_winner from public.report_events where id = v_winner_id;
    v_effect := case when private.event_outranks(p_event, v_winner) then 'applied' else 'superseded' end;
  else
    -- A failure does not take part in the order of results. It applies only if nothing newer has been requested.
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
  return v_effect;
end
$$;

comment on function private.decide_effect(public.report_events) is
  'The effect that applying an event would have now, recorded or not: applied or superseded. The caller holds the report''s lock.';
revoke all on function private.decide_effect(public.report_events) from public, anon, authenticated, service_role;
