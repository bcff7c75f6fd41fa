-- Why: what subscribers promise was watched by nothing: neither by verify_reports(), nor by an alert of their own.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/deliver/keep_subscribers.sql
-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.keep_subscribers(p_pause_max_days int, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_policy record := private.sending_policy();
  v_endpoint record;
  v_id bigint;
  v_paused int := 0;
  v_removed int := 0;
  v_expired int := 0;
  v_cancelled int := 0;
  v_woken int := 0;
begin
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'active' and failing_since < now() - v_policy.paused_after
      -- It can answer only what it was sent.
      and exists (
        select from public.webhook_deliveries delivery
        where delivery.endpoint_id = subscribers.endpoint_id and last_attempt > now() - interval '2 days')
    order by endpoint_id limit p_limit for no key update skip locked
  loop
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'paused', 'failing', 'sweep');
    v_paused := v_paused + 1;
  end loop;
  for v_endpoint in
    select endpoint_id from private.subscribers
    where state = 'unverified' and created_at < now() - v_policy.unverified_for
    order by endpoint_id limit p_limit
  loop
    perform private.set_subscriber_state(v_endpoint.endpoint_id, 'removed', 'never_verified', 'sweep');
    v_removed := v_removed + 1;
  end loop;
  -- What a paused subscriber has waited too long for: a person can still redrive it, as long as the content is there.
  for v_id in
    select delivery.id from private.subscribers subscriber
    join public.webhook_deliveries delivery on delivery.endpoint_id = subscriber.endpoint_id
    where subscriber.state in ('paused', 'active')
      and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
      and delivery.next_attempt < now() - make_interval(days => p_pause_max_days)
      and delivery.created_at < now() - make_interval(days => p_pause_max_days)
    order by delivery.id limit p_limit for update of delivery skip locked
  loop
    perform private.move_delivery(v_id, 'closed', p_reason => 'pause_expired');
    v_expired := v_expired + 1;
  end loop;
  for v_id in
    (select delivery.id from public.plans plan
    join public.webhook_deliveries delivery on delivery.plan = plan.id
    where plan.kind in ('replay', 'start') and plan.status = 'cancelled' and plan.finished_at > now() - interval '2 days'
      and delivery.status not in ('success', 'superseded', 'cancelled') and delivery.dead_at is null
    order by delivery.id limit p_limit for update of delivery skip locked)
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  for v_id in
    select delivery.id from private.subscribers subscriber
    join public.webhook_deliveries delivery on delivery.endpoint_id = subscriber.endpoint_id
    where subscriber.state = 'removed' and delivery.status not in ('success', 'superseded', 'cancelled')
      and delivery.dead_at is null
    order by delivery.id limit p_limit for update of delivery skip locked
  loop
    perform private.move_delivery(v_id, 'cancelled');
    v_cancelled := v_cancelled + 1;
  end loop;
  -- Whoever ended the delivery before it could not get its lock.
  for v_id in
    select parked.id from public.webhook_deliveries parked
    join public.webhook_deliveries earlier on earlier.id = parked.waits_for
    where parked.waits_for is not null and not private.holds_back(earlier.id)
    order by parked.id limit p_limit for update of parked skip locked
  loop
    perform private.move_delivery(v_id, 'woken');
    v_woken := v_woken + 1;
  end loop;
  delete from private.endpoint_secrets where expires_at < now() - interval '1 day';
  return jsonb_build_object(
    'paused', v_paused, 'removed', v_removed, 'expired', v_expired, 'cancelled', v_cancelled, 'woken', v_woken,
    'more', p_limit in (v_expired, v_cancelled, v_woken));
end
$$;

comment on function public.keep_subscribers(int, int) is
  'What time makes of subscribers: pauses those that accept nothing for days, removes those that never answered a check, gives up what waited longer than p_pause_max_days, cancels what waits for a removed one, wakes what nobody woke. Returns how many of each, and more: call again.';
revoke all on function public.keep_subscribers(int, int) from public, anon, authenticated, service_role;
grant execute on function public.keep_subscribers(int, int) to service_role;

-- supabase/sql/observe/verify_deliveries.sql
create or replace function private.verify_deliveries(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select fault.problem, event.report_type, event.report_id, event.id, event.job_id
  from public.report_events event
  join public.webhook_deliveries delivery on delivery.event_id = event.id
  join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
  cross join lateral (
    select 'an erased event that a delivery would still send' as problem
    where event.erased_at is not null and delivery.dead_at is null
      -- It has no content to be erased: it tells subscribers to forget what they have.
      and event.type <> 'report.deleted'
      and delivery.status not in ('success', 'superseded', 'cancelled')
    union all
    select 'a delivery of another report'
    where endpoint.kind = 'subscriber'
      and (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
    union all
    select 'a delivery to a subscriber without a position, or to our own endpoint with one'
    where (endpoint.kind = 'subscriber') <> (delivery.position is not null)
    union all
    select 'a delivery whose position is not that of its event'
    where delivery.position <> coalesce(event.position, 0)
    union all
    select 'a delivery that waits for none before it'
    where delivery.waits_for is not null and not exists (
      select from public.webhook_deliveries earlier
      where earlier.id = delivery.waits_for and earlier.endpoint_id = delivery.endpoint_id
        and (earlier.report_type, earlier.report_id) = (delivery.report_type, delivery.report_id)
        and (private.holds_back(earlier.id)
          -- Where its end could not wake this delivery, the next sweep does.
          or greatest(delivery.created_at, earlier.last_attempt, earlier.claimed_at, earlier.dead_at, earlier.lease_expires_at)
            > now() - interval '5 minutes'))
  ) fault
  where event.report_type = p_report_type
    and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null);

  return query
  select 'two live deliveries of a report under way to one subscriber', flying.report_type, flying.report_id, max(flying.event_id), null
  from public.webhook_deliveries flying
  where flying.report_type = p_report_type
    and (flying.report_id > p_after or p_after is null) and (flying.report_id <= p_to or p_to is null)
    and flying.position is not null and flying.plan = 0 and flying.redrives = 0
    and not private.lease_is_free(flying.lease_expires_at)
  group by flying.report_type, flying.report_id, flying.endpoint_id
  having count(*) > 1;

  if not exists (select from private.subscribers) then
    return;
  end if;
  return query
  with events as materialized (
    select event, event.id, event.settings_revision,
      -- Once for each event, not for each of its subscribers.
      case when event.erased_at is null or event.type = 'report.deleted'
        then private.filter_document(event, content.research_metadata) end as document
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    where event.report_type = p_report_type and event.effect is not null
      and (event.report_id > p_after or p_after is null) and (event.report_id <= p_to or p_to is null)
  ), settings as materialized (
    -- And once for each revision.
    select seen.settings_revision, settings
    from (select distinct events.settings_revision from events where events.settings_revision is not null) seen
    cross join lateral private.settings_in_force(seen.settings_revision) settings
    where settings.takes_events
  ), asked as materialized (
    select events.id, (settings).endpoint_id,
      case
        when (event).bulk or not private.selects_event(settings, event, (settings).owner_id) then false
        -- Null, here and below: nobody can say any more. A report may have got another owner since.
        when (settings).owner_id is not null then null
        when (settings).filter_path is null then true
        when document is not null then private.filter_matches(document, (settings).filter_path)
      end as matches
    from events join settings using (settings_revision)
  ), made as materialized (
    select events.id, delivery.endpoint_id
    from events join public.webhook_deliveries delivery on delivery.event_id = events.id
    where delivery.plan = 0 and delivery.position is not null
  ), wrong as (
    select 'an event that a subscriber should have got' as problem, asked.id
    from asked left join made using (id, endpoint_id)
    where asked.matches and made.id is null and not exists (
      select from private.filter_faults fault where fault.event_id = asked.id and fault.endpoint_id = asked.endpoint_id)
    union
    select 'a delivery to a subscriber that its settings do not explain', made.id
    from made left join asked using (id, endpoint_id)
    where asked.id is null or not asked.matches
  )
  select wrong.problem, (event).report_type, (event).report_id, events.id, (event).job_id
  from wrong join events using (id);
end
$$;

comment on function private.verify_deliveries(text, uuid, uuid) is
  'Every delivery of the reports of this type with an id after p_after up to p_to that breaks an invariant, and every event that a subscriber should have got and did not. Null: no bound.';
revoke all on function private.verify_deliveries(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_range.sql
create or replace function private.verify_range(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  v_table text := private.report_table(p_report_type);
begin
  return query execute format($query$
    select fault.problem, %2$L, report.id, coalesce(fault.event_id, winner.id), null
    from public.%1$I report
    left join public.report_events winner on winner.id = report.winner_event_id
    left join private.report_contents content on content.event_id = winner.id
    left join lateral (
      select * from public.webhook_deliveries delivery
      where delivery.report_id = report.id and delivery.report_type = %2$L
        and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by delivery.id desc limit 1) latest on true
    cross join lateral (
      select 'content differs from the winning event' as problem, null as event_id
      where winner.id is not null and (
        report.research_report is distinct from content.research_report
        or report.stage is distinct from winner.stage
        or report.research_metadata is distinct from private.shown_metadata(content)
        -- As text too: digits are content, and equal values may have different ones. But some metadata of others has a text that
        -- is thousands of times as long as what they wrote.
        or case when winner.channel in ('platform', 'import') and private.has_long_number(report.research_metadata) then false
          else report.research_metadata::text <> private.shown_metadata(content)::text end)
      union all
      select 'the winning event is not an applied result of this report', null
      where winner.id is not null
        and (winner.report_id, winner.report_type, winner.status, winner.effect)
          is distinct from (report.id, %2$L, 'completed', 'applied')
      union all
      select 'content without an event', null
      where winner.id is null and not private.is_blank(report.research_report)
      union all
      select 'an applied event outranks the winner', better.id
      from public.report_events better
      where better.report_id = report.id and better.report_type = %2$L
        and better.status = 'completed' and better.effect is not null and better.id is distinct from winner.id
        and (winner.id is null
          or (better.stage = 'final', better.requested_at, better.id collate "C")
            > (winner.stage = 'final', winner.requested_at, winner.id collate "C"))
      union all
      select 'webhook columns differ from the latest delivery', latest.event_id
      where (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
          report.webhook_job_id)
        is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
        and latest.id is not null
      union all
      select 'research_status differs from the newest request', null
      where report.research_status is distinct from private.report_status(%2$L, report.id)
    ) fault
    where (report.id > $1 or $1 is null) and (report.id <= $2 or $2 is null)
      -- One that is not imported yet has no history that could be compared.
      and not exists (
      select from private.reports_to_import marker where marker.report_type = %2$L and marker.report_id = report.id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select fault.problem, event.report_type, event.report_id, event.id, event.job_id
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    left join public.webhook_deliveries delivery
      on delivery.event_id = event.id and delivery.endpoint_id = private.internal_endpoint(event.stage) and delivery.plan = 0
    cross join lateral (
      select 'an event without a delivery' as problem
      where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
        and event.channel is distinct from 'import' and delivery.id is null
      union all
      select 'an event whose content is missing, or an erased one that still has it'
      where (event.erased_at is null) = (content.event_id is null)
      union all
      select 'a content that does not fit its digest'
      where content.event_id is not null and case
        -- Its digest says nothing: see insert_event().
        when event.channel in ('platform', 'import') and private.has_long_number(content.research_metadata) then false
        else event.digest <> private.content_digest(row(
          event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
          content.research_metadata, content.final_data, event.error, null)::private.incoming_result) end
      union all
      select 'a winner whose content is taken for lost, or a loser whose content is not'
      where content.event_id is not null
        and (content.lost_at is not null) <> (
          event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
          or event.effect = 'applied' and event.status = 'completed' and not exists (
            select from public.%1$I report where report.id = event.report_id and report.winner_event_id = event.id))
      union all
      select 'a gap in the positions of a report'
      where event.position > 1 and not exists (
        select from public.report_events previous
        where previous.report_id = event.report_id and previous.report_type = event.report_type
          and previous.position = event.position - 1)
      union all
      -- An event is committed before it is sent, so that it may wait for its effect for a while.
      select 'an event without an effect'
      where event.effect is null
        and (delivery.id is null or delivery.dead_at is not null or delivery.status = 'success'
          or greatest(delivery.next_attempt, delivery.lease_expires_at) < now() - interval '5 minutes')
      union all
      select 'a completed final without its notification'
      where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
        and event.channel in ('webhook', 'direct')
        and not exists (select from public.report_notifications notification where notification.event_id = event.id)
      union all
      select 'a notification of an event that was not applied'
      where (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
        and exists (select from public.report_notifications notification where notification.event_id = event.id)
      union all
      select 'a notification of another report'
      from public.report_notifications notification
      where notification.event_id = event.id
        and (notification.report_type, notification.report_id) <> (event.report_type, event.report_id)
      union all
      select 'a delivery of another report'
      where (delivery.report_type, delivery.report_id) <> (event.report_type, event.report_id)
      union all
      select 'a job that differs from its event'
      from private.job_runs job
      where job.job_id = event.job_id
        -- What the platform's functions write does not always agree with their jobs.
        and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
        and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
          is distinct from (event.id, event.report_type, event.report_id, event.stage,
            case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at)
    ) fault
    where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null)
      -- A report that was deleted takes its events out of the account.
      and exists (select from public.%1$I report where report.id = event.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select 'an unfinished job of a report that is gone', job.report_type, job.report_id, job.event_id, job.job_id
    from private.job_runs job
    where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null) and job.status in ('queued', 'running')
      and not exists (select from public.%1$I report where report.id = job.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select 'content of a deleted report', event.report_type, event.report_id, event.id, event.job_id
    from public.report_events event
    where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null) and event.erased_at is null
      and not exists (select from public.%1$I report where report.id = event.report_id)
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
    union all
    select 'content of a deleted report', job.report_type, job.report_id, job.event_id, job.job_id
    from private.job_runs job
    where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null) and job.erased_at is null
      and not exists (select from public.%1$I report where report.id = job.report_id)
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query execute format($query$
    select 'a finished job without its event', job.report_type, job.report_id, job.event_id, job.job_id
    from private.job_runs job
    left join public.report_events event on event.id = job.event_id and event.job_id = job.job_id
    where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null) and event.id is null
      -- Imported jobs may have ended without one.
      and job.status in ('succeeded', 'failed') and job.caller <> 'platform'
      and exists (select from public.%1$I report where report.id = job.report_id)$query$,
    v_table, p_report_type)
  using p_after, p_to;

  return query select * from private.verify_deliveries(p_report_type, p_after, p_to);
end
$$;

comment on function private.verify_range(text, uuid, uuid) is
  'Every row of the reports of this type with an id after p_after up to p_to, deleted ones too, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_range(text, uuid, uuid) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_rest.sql
create or replace function private.verify_rest()
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'an erasure that no sweep finishes', due.report_type, due.report_id, null, null
  from private.erasures due
  where due.requested_at < now() - interval '1 day'
  union all
  select 'a subscriber without a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state <> 'removed' and not exists (
    select from private.endpoint_secrets secret
    where secret.endpoint_id = subscriber.endpoint_id and secret.expires_at is null)
  union all
  select 'a subscriber without exactly one revision in force' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where (
    select count(*) from private.endpoint_revisions settings
    where settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null) <> 1
  union all
  select 'a removed subscriber that deliveries still wait for' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure and every subscriber that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;

-- supabase/sql/deliver/filter_faults.sql
comment on table private.filter_faults is
  'Filters that could not be asked about an event: no match, and a fault of ours that its endpoint shows. Kept as long as the event: it says why the endpoint did not get it.';
alter table private.filter_faults enable row level security;
revoke all on table private.filter_faults from anon, authenticated, service_role;
revoke all on sequence private.filter_faults_id_seq from anon, authenticated, service_role;
