create or replace function private.verify_deliveries(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  -- As in verify_range().
  v_audited_since timestamptz := case when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_event') and indisvalid)
    then now() - interval '1 day' else 'infinity' end;
  v_given_up timestamptz := (
    select now() - make_interval(days => pause_max_days + 2) from private.watch_state where only_row);
begin
  return query
  select fault.problem, event.report_type, event.report_id, event.id, event.job_id
  from public.report_events event
  -- A look-up per event, whatever number the planner expects: a slice must not read the whole table.
  cross join lateral (select * from public.webhook_deliveries sent where sent.event_id = event.id offset 0) delivery
  left join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
  cross join lateral (
    select 'an erased event that a delivery would still send' as problem
    where event.erased_at is not null and delivery.dead_at is null
      -- A deletion has no content to erase: it tells subscribers to forget theirs.
      and event.type <> 'report.deleted'
      and delivery.status not in ('success', 'superseded', 'cancelled')
    union all
    select 'a delivery of another report or job'
    where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
      -- For an imported event, the delivery has the job that the row named.
      or delivery.job_id is distinct from event.job_id and event.channel is distinct from 'import'
    union all
    select 'a delivery to an unknown endpoint, or to one of another stage'
    where endpoint.id is null or endpoint.stage <> event.stage
    union all
    select 'an open delivery that is never due'
    -- The last slot is 24 h plus up to a fifth. A delivery under a lease is free when the lease expires.
    where delivery.dead_at is null and delivery.status not in ('success', 'superseded', 'cancelled')
      and greatest(delivery.next_attempt, delivery.lease_expires_at) > now() + interval '2 days'
    union all
    -- It would hold back the next delivery of its report.
    select 'an ended delivery under a lease that does not expire'
    where (delivery.dead_at is not null or delivery.status in ('success', 'superseded', 'cancelled'))
      and delivery.lease_expires_at > now() + interval '2 days'
    union all
    -- keep_subscribers() ends these.
    select 'a delivery to a subscriber that has waited for longer than PAUSE_MAX_DAYS'
    where delivery.position is not null and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled')
      and greatest(delivery.created_at, delivery.next_attempt, delivery.lease_expires_at) < v_given_up
    union all
    select 'a replay that its plan does not ask for'
    -- A pruned plan cannot be asked any more.
    where delivery.plan > 0 and exists (
      select from public.plans plan
      where plan.id = delivery.plan
        and (plan.kind not in ('replay', 'start')
          or delivery.endpoint_id <> all (case plan.kind
            when 'start' then array[plan.filter ->> 'endpoint_id'] else private.texts_of(plan.filter -> 'endpoint_ids') end)))
    union all
    select 'a delivery that succeeded without an audit row'
    where delivery.status = 'success' and coalesce(delivery.last_attempt, delivery.created_at) > v_audited_since
      -- The first version had another form of audit.
      and event.channel is distinct from 'import'
      and not exists (
        select from public.webhook_audit audit
        where audit.event_id = event.id
          and (audit.delivery_id = delivery.id and audit.outcome = 'delivered'
            -- Our own endpoint audits the received request itself.
            or endpoint.kind = 'internal' and audit.direction = 'in' and audit.outcome in ('applied', 'superseded', 'duplicate')))
    union all
    select 'a failed attempt without its audit row'
    where delivery.status in ('sent', 'failed') and delivery.last_attempt > v_audited_since
      and event.channel is distinct from 'import'
      and not exists (
        select from public.webhook_audit audit
        -- Earlier versions audited an attempt without the id of its delivery.
        where audit.event_id = event.id and coalesce(audit.delivery_id, delivery.id) = delivery.id and audit.direction = 'out')
    union all
    select 'a delivery of an erased event that still has an answer'
    where event.erased_at is not null and event.type <> 'report.deleted'
      and delivery.response ?| '{response,error}'::text[]
    union all
    -- A redrive would send it, without its content.
    select 'a dead letter of an erased event that is not closed'
    where event.erased_at is not null and event.type <> 'report.deleted' and delivery.dead_at is not null
      and private.is_closed(delivery.dead_reason) is not true
    union all
    select 'a delivery to a subscriber without a position, or to our own endpoint with one'
    where (endpoint.kind = 'subscriber') <> (delivery.position is not null)
    union all
    select 'a delivery whose position is not that of its event'
    where delivery.position <> coalesce(event.position, 0)
    union all
    select 'a delivery that waits for no earlier delivery'
    where delivery.waits_for is not null and not exists (
      select from public.webhook_deliveries earlier
      where earlier.id = delivery.waits_for and earlier.endpoint_id = delivery.endpoint_id
        and (earlier.report_type, earlier.report_id) = (delivery.report_type, delivery.report_id)
        and earlier.position < delivery.position
        and (private.holds_back(earlier.id)
          -- If the ending transaction could not wake this delivery, the next sweep does.
          or greatest(delivery.created_at, earlier.last_attempt, earlier.claimed_at, earlier.dead_at, earlier.lease_expires_at)
            > now() - interval '5 minutes'))
  ) fault
  where event.report_type = p_report_type
    and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null);

  return query
  select 'two live deliveries of one report in flight to one subscriber', flying.report_type, flying.report_id, max(flying.event_id), null
  from public.webhook_deliveries flying
  where flying.report_type = p_report_type
    and (flying.report_id > p_after or p_after is null) and (flying.report_id <= p_to or p_to is null)
    and flying.position is not null and flying.plan = 0 and flying.redrives = 0
    -- Few rows, found by an index.
    and flying.lease_expires_at >= now()
  group by flying.report_type, flying.report_id, flying.endpoint_id
  having count(*) > 1;

  if not exists (select from private.subscribers) then
    return;
  end if;
  return query
  with events as materialized (
    select event, event.id, event.settings_revision,
      -- Once per event, not per subscriber.
      case when event.erased_at is null or event.type = 'report.deleted'
        then private.filter_document(event, content.research_metadata) end as document
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    where event.report_type = p_report_type and event.effect is not null
      and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null)
  ), settings as materialized (
    -- Once per revision.
    select seen.settings_revision, settings
    from (select distinct events.settings_revision from events where events.settings_revision is not null) seen
    cross join lateral private.settings_in_force(seen.settings_revision) settings
    where settings.takes_events
  ), asked as materialized (
    select events.id, (settings).endpoint_id, (settings).format_version, (settings).body,
      case
        when (event).bulk or not private.selects_event(settings, event, (settings).owner_id) then false
        -- Null, here and below: no longer known. The report may have changed its owner since.
        when (settings).owner_id is not null then null
        when (settings).filter_path is null or (event).type = 'report.deleted' then true
        when document is not null then private.filter_matches(document, (settings).filter_path)
      end as matches
    from events join settings using (settings_revision)
  ), made as materialized (
    select events.id, delivery.endpoint_id, delivery.format_version, delivery.body
    from events cross join lateral (
      select sent.endpoint_id, sent.format_version, sent.body from public.webhook_deliveries sent
      where sent.event_id = events.id and sent.plan = 0 and sent.position is not null offset 0) delivery
  ), wrong as (
    select 'an event without its delivery to a subscriber' as problem, asked.id
    from asked left join made using (id, endpoint_id)
    where asked.matches and made.id is null
      -- The sweep that erases a deleted report has yet to make these deliveries.
      and not exists (
        select from events join private.erasures due
          on due.report_id = (event).report_id and due.report_type = (event).report_type
        where events.id = asked.id and (event).type = 'report.deleted')
      and not exists (
      select from private.filter_faults fault where fault.event_id = asked.id and fault.endpoint_id = asked.endpoint_id)
    union
    select 'a delivery that contradicts the settings of its subscriber', made.id
    from made left join asked using (id, endpoint_id)
    where asked.id is null or not asked.matches
      or (made.format_version, made.body) is distinct from (asked.format_version, asked.body)
  )
  select wrong.problem, (event).report_type, (event).report_id, events.id, (event).job_id
  from wrong join events using (id);
end
$$;

comment on function private.verify_deliveries(text, uuid, uuid) is
  'Every delivery of the reports of this type with an id after p_after up to p_to that breaks an invariant, and every event that a subscriber should have got and did not. Null: no bound.';
revoke all on function private.verify_deliveries(text, uuid, uuid) from public, anon, authenticated, service_role;
