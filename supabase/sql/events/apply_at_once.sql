-- Decides by the same functions as the step-by-step path, but writes each row once: the event with its effect, and the report
-- with its result and its delivery.
create or replace function private.apply_at_once(
  p_event_id text, p_result private.incoming_result, p_known public.report_events, p_owner uuid, p_winner_id text,
  p_channel text, out event public.report_events, out outcome text)
returns record
language plpgsql volatile set search_path = '' as $$
declare
  v_event public.report_events;
  v_job private.job_runs;
  v_delivery public.webhook_deliveries;
  v_facts record;
begin
  -- Returns without writing anything unless the case is the usual one.
  if p_known.id is not null then
    -- Another transaction may have applied the event while this call waited for the locks.
    select * into v_event from public.report_events where id = p_known.id;
    if v_event.effect is not null or v_event.erased_at is not null or v_event.status <> 'completed' then
      return;
    end if;
  else
    select * into v_job from private.job_runs where job_id = p_result.job_id for no key update;
    v_event.id := p_event_id;
    v_event.type := p_result.type;
    v_event.status := split_part(p_result.type, '.', 3);
    v_event.report_type := p_result.report_type;
    v_event.report_id := p_result.report_id;
    v_event.stage := p_result.stage;
    v_event.job_id := p_result.job_id;
    v_event.requested_at := coalesce(v_job.created_at, least(p_result.requested_at, clock_timestamp()));
    if v_event.status is distinct from 'completed'
      or v_job.job_id is null and (p_result.requested_at is null or p_result.requested_at > now() + interval '5 minutes')
      or v_job.job_id is not null and (
        v_job.status not in ('queued', 'running')
        or (v_job.report_type, v_job.report_id, v_job.stage)
          is distinct from (p_result.report_type, p_result.report_id, p_result.stage)
        or not private.job_serves(v_job, p_owner))
    then
      return;
    end if;
  end if;
  select
    coalesce((select private.event_outranks(v_event, winner) from public.report_events winner where winner.id = p_winner_id), true)
      as wins,
    -- If true, the event's status is the report's (report_status()).
    not exists (
      select from private.job_runs other
      where other.report_id = v_event.report_id and other.report_type = v_event.report_type
        and other.job_id is distinct from v_event.job_id and other.created_at > v_event.requested_at - interval '1 millisecond')
    and not exists (
      select from public.report_events other
      where other.report_id = v_event.report_id and other.report_type = v_event.report_type
        and other.requested_at >= v_event.requested_at and other.id <> v_event.id and other.effect is not null)
      as is_newest,
    (select coalesce(max(position), 0) + 1 from public.report_events
      where report_type = v_event.report_type and report_id = v_event.report_id) as position,
    (select max(id) from private.endpoint_revisions) as settings_revision
  into v_facts;
  if not v_facts.wins then
    return;
  end if;

  v_event.effect := 'applied';
  v_event.channel := p_channel;
  v_event.position := v_facts.position;
  v_event.settings_revision := v_facts.settings_revision;
  -- The id before the time: plans rely on no effect having both an earlier time and a later transaction id.
  v_event.applied_xid := pg_current_xact_id();
  v_event.applied_at := clock_timestamp();
  if p_known.id is not null then
    update public.report_events
    set effect = v_event.effect, channel = v_event.channel, position = v_event.position,
      settings_revision = v_event.settings_revision, applied_xid = v_event.applied_xid, applied_at = v_event.applied_at
    where id = v_event.id;
  else
    v_event.digest := private.content_digest(p_result);
    v_event.trace_id := coalesce(
      case when v_job.job_id is null then p_result.trace_id else v_job.trace_id end, private.new_trace_id());
    v_event.error := p_result.error;
    with recorded as (
      insert into public.report_events (
        id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, position, applied_at,
        applied_xid, settings_revision, trace_id)
      values (
        v_event.id, v_event.type, v_event.report_type, v_event.report_id, v_event.stage, v_event.job_id, v_event.requested_at,
        v_event.digest, v_event.error, v_event.channel, v_event.effect, v_event.position, v_event.applied_at,
        v_event.applied_xid, v_event.settings_revision, v_event.trace_id)
      on conflict do nothing
      returning *
    ), kept as (
      insert into private.report_contents (event_id, research_report, research_metadata, final_data)
      select id, p_result.research_report, p_result.research_metadata, p_result.final_data from recorded
    )
    select * into v_event from recorded;
    if v_event.id is null then
      -- A concurrent request finished this job first. Return busy; the sender's retry will see it.
      outcome := 'busy';
      return;
    end if;
    if v_job.job_id is not null then
      perform private.finish_job(v_event);
    end if;
  end if;
  if v_event.settings_revision is not null then
    perform private.fan_out(v_event, p_owner);
  end if;
  if p_channel = 'webhook' then
    perform set_config('polaris.import', 'on', true);
    v_delivery := private.confirm_delivery(v_event, v_event.effect);
    perform set_config('polaris.import', '', true);
    if p_known.id is not null and private.is_shown_delivery(v_delivery) is not true then
      v_delivery := null;
    end if;
  end if;
  perform private.show_in_report(
    v_event.report_type, v_event.report_id,
    case when v_facts.is_newest then 'completed' else private.report_status(v_event.report_type, v_event.report_id) end,
    v_event, v_delivery);
  perform private.notify_owner(v_event, p_owner);
  event := v_event;
  outcome := v_event.effect;
end
$$;

comment on function private.apply_at_once(text, private.incoming_result, public.report_events, uuid, text, text) is
  'Records and applies a completed result that wins, of an ordinary job or of none: what happens mostly. p_known: its event, if it has one. Outcome null: nothing was written, and register_event() or take_effect() decide. The caller holds the lock of the report, whose owner and winner are p_owner and p_winner_id.';
revoke all on function private.apply_at_once(text, private.incoming_result, public.report_events, uuid, text, text) from public, anon, authenticated, service_role;
