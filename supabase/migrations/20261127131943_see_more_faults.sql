-- Why: verify_reports() also checks the order of effects, waiting chains, leases, audit rows, replays and circuits.

-- Generated from supabase/sql: edited there, written by npm run db:migration.

set check_function_bodies = off;

-- supabase/sql/observe/verify_deliveries.sql
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
        where audit.event_id = event.id and audit.delivery_id = delivery.id and audit.direction = 'out')
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

-- supabase/sql/observe/verify_jobs.sql
create or replace function private.verify_jobs(p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'a job without a report whose result contradicts its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'an unfinished job that is never due', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and private.is_never_due(job)
  union all
  select 'a job that was requested in the future', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.created_at > now() + interval '5 minutes'
  union all
  select 'a row of report_jobs that holds content of our job', null, null, null, job.job_id
  from private.job_runs job
  join public.report_jobs shown on shown.job_id = job.job_id
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0
    and job.caller <> 'platform'
  union all
  select 'a job of a deleted account that still has content', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.user_id is not null and job.erased_at is null
    and not exists (select from auth.users account where account.id = job.user_id and account.deleted_at is null)
    and not exists (select from private.erasures due where due.user_id = job.user_id and due.report_id is null);
end
$$;

comment on function private.verify_jobs(text, text) is
  'Every job without a report, with an id after p_after up to p_to, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_jobs(text, text) from public, anon, authenticated, service_role;

-- supabase/sql/observe/verify_range.sql
create or replace function private.verify_range(p_report_type text, p_after uuid, p_to uuid)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
declare
  -- Audit rows are kept for at least a day. Without their index, which npm run upgrade may not have built yet, each look-up
  -- would read the whole audit: then this check is off.
  v_audited_since timestamptz := case when exists (
      select from pg_catalog.pg_index where indexrelid = to_regclass('public.webhook_audit_event') and indisvalid)
    then now() - interval '1 day' else 'infinity' end;
begin
  -- Each row is read once, with joins by key, and yields its findings. The lists below are not joined with each other: if the
  -- planner expected both to be short, a join could take quadratic time.
  return query execute format($query$
    with report as materialized (
      select report.id, winner.id as winner_id, marker.report_id is not null as is_to_import, report.research_status::text,
        winner.id is null and (not private.is_blank(report.research_report) or report.stage is not null)
          as has_content_without_event,
        winner.id is not null
          and (winner.report_id, winner.report_type, winner.status, winner.effect)
            is distinct from (report.id, %2$L, 'completed', 'applied') as has_odd_winner,
        -- Values with equal storage are equal to the digit. Only for others are the values compared, and then their texts.
        winner.id is not null
          and row(report.research_report, report.stage::text, report.research_metadata)::record
            *<> row(content.research_report, winner.stage::text, private.shown_metadata(content))::record
          and (report.research_report is distinct from content.research_report
            or report.stage is distinct from winner.stage
            or report.research_metadata is distinct from private.shown_metadata(content)
            -- Compared as text too: digits are content, and equal values may differ in them. Not for metadata of foreign
            -- writes with long numbers, whose text may be thousands of times as long as what was written.
            or case when winner.channel in ('platform', 'import') and private.has_long_number(report.research_metadata) then false
              else report.research_metadata::text <> private.shown_metadata(content)::text end) as has_other_content,
        latest.event_id as latest_event_id,
        latest.id is not null
          and (report.webhook_status, report.webhook_attempts, report.webhook_last_attempt, report.webhook_response,
            report.webhook_job_id)
            is distinct from (latest.status, latest.attempts, latest.last_attempt, latest.response, latest.job_id)
          as has_odd_webhook_columns,
        -- The import makes a delivery for each of these states, and leaves other columns of reports without a delivery
        -- unchanged.
        latest.id is null and report.webhook_status in ('sent', 'failed', 'retrying') as has_unexplained_webhook_columns
      from public.%1$I report
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.report_contents content on content.event_id = winner.id
      left join private.reports_to_import marker on marker.report_type = %2$L and marker.report_id = report.id
      left join lateral (
        select * from public.webhook_deliveries delivery
        where delivery.report_id = report.id and delivery.report_type = %2$L
          and delivery.endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
        order by delivery.id desc limit 1) latest on true
      where (report.id > $1 or $1 is null) and (report.id <= $2 or $2 is null)
    ), event as materialized (
      select event.id, event.type, event.report_id, event.stage, event.status, event.channel, event.effect, event.position,
        event.requested_at, event.created_at, event.applied_at, event.erased_at, event.job_id, content.event_id as content_id, content.lost_at,
        report.id is not null as has_report, report.winner_event_id is not distinct from event.id as is_winner,
        marker.report_id is null and event.status = 'completed' and event.effect is not null
          and event.id is distinct from winner.id
          and (winner.id is null
            or (event.stage = 'final', event.requested_at, event.id collate "C")
              > (winner.stage = 'final', winner.requested_at, winner.id collate "C")) as outranks_winner,
        lag(event.position) over (partition by event.report_id order by event.position) as previous_position,
        -- Compared as by event_outranks().
        placed.place,
        max(case when event.status = 'completed' then placed.place end) over (
          partition by event.report_id order by event.position rows between unbounded preceding and 1 preceding) as best_before,
        notification.event_id as notification_id,
        (notification.report_type, notification.report_id) <> (event.report_type, event.report_id) as has_odd_notification,
        notification.user_id is distinct from report.user_id as notifies_another,
        delivery.id as delivery_id, delivery.status as delivery_status, delivery.dead_at,
        greatest(delivery.next_attempt, delivery.lease_expires_at) as due_at,
        job.job_id is not null as has_job, job.error as error_of_job,
        job.job_id is not null
          and (job.event_id, job.report_type, job.report_id, job.stage, job.status, job.created_at::timestamptz(3))
            is distinct from (event.id, event.report_type, event.report_id, event.stage,
              case event.status when 'completed' then 'succeeded' else 'failed' end, event.requested_at) as has_odd_job,
        content.event_id is not null and report.id is not null and case
          -- The digest of such an event is random: see insert_event().
          when event.channel in ('platform', 'import') and private.has_long_number(content.research_metadata) then false
          else event.digest <> private.content_digest(row(
            event.type, event.report_type, event.report_id, event.stage, event.job_id, null, content.research_report,
            content.research_metadata, content.final_data, event.error, null)::private.incoming_result) end as has_odd_digest
      from public.report_events event
      cross join lateral (
        select (case event.stage when 'final' then '1' else '0' end
          -- Milliseconds, positive and with a fixed number of digits.
          || case when isfinite(event.requested_at)
            then lpad((extract(epoch from event.requested_at) * 1000 + 1000000000000000)::bigint::text, 17, '0') else '' end
          || event.id) collate "C" as place offset 0) placed
      left join public.%1$I report on report.id = event.report_id
      left join public.report_events winner on winner.id = report.winner_event_id
      left join private.reports_to_import marker on marker.report_type = %2$L and marker.report_id = event.report_id
      left join private.report_contents content on content.event_id = event.id
      left join public.report_notifications notification on notification.event_id = event.id
      left join private.job_runs job on job.job_id = event.job_id
      left join public.webhook_deliveries delivery
        on delivery.event_id = event.id and delivery.endpoint_id = event.stage || '-report' and delivery.plan = 0
      where event.report_type = %2$L and (event.report_id > $1 or $1 is null) and (event.report_id <= $2 or $2 is null)
    ), job as materialized (
      select job.job_id, job.report_id, job.status, job.caller, job.created_at, job.event_id, job.erased_at,
        report.id is not null as has_report, event.id is not null as has_event, event.effect,
        event.job_id is not distinct from job.job_id as is_of_event, private.is_never_due(job) as is_never_due,
        num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0 as tells_content
      from private.job_runs job
      left join public.report_jobs shown on shown.job_id = job.job_id
      left join public.%1$I report on report.id = job.report_id
      left join public.report_events event on event.id = job.event_id
      where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null)
    ), request as (
      -- The same as private.report_status(), which handles a single report: the newest request that was not cancelled (a job,
      -- or the event of a request without a job of ours); else the newest event; else pending.
      select asked.report_id, bool_or(asked.choice = 3) as is_report, max(asked.shown) as shown, max(asked.winner_id) as winner_id,
        (array_agg(asked.status order by asked.choice, asked.requested_at desc, asked.id desc, asked.is_event desc))[1] as status
      from (
        select job.report_id, null as shown, null as winner_id, 1 as choice, job.created_at::timestamptz(3) as requested_at,
          case when job.has_event then job.event_id else job.job_id end collate "C" as id, false as is_event,
          case
            when job.status = 'queued' then 'pending'
            when job.status = 'running' then 'running'
            when job.has_event and job.effect is null then 'running'
            when job.status = 'succeeded' then 'completed'
            else 'failed'
          end as status
        from job where job.status <> 'cancelled'
        union all
        select event.report_id, null, null, case when event.type <> 'report.owner.edited' and not event.has_job then 1 else 2 end,
          event.requested_at, event.id collate "C", true, event.status
        from event where event.effect is not null
        union all
        select report.id, report.research_status, report.winner_id, 3, null, null, null, 'pending'
        from report where not report.is_to_import) asked
      group by asked.report_id
    )
    select fault.problem, %2$L, report.id, coalesce(fault.event_id, report.winner_id), null
    from report
    cross join lateral (
      select 'content differs from the winning event' as problem, null as event_id
      where report.has_other_content
      union all
      select 'the winning event is not an applied result of this report', null
      where report.has_odd_winner
      union all
      select 'content without an event', null
      where report.has_content_without_event
      union all
      select 'webhook columns differ from the latest delivery', report.latest_event_id
      where report.has_odd_webhook_columns
      union all
      select 'webhook columns without a delivery', null
      where report.has_unexplained_webhook_columns
    ) fault
    -- A report that is not imported yet has no history to compare with.
    where not report.is_to_import
    union all
    select 'research_status differs from the newest request', %2$L, request.report_id, request.winner_id, null
    from request
    where request.is_report and request.shown is distinct from request.status
    union all
    select fault.problem, %2$L, event.report_id, event.id, case when fault.names_job then event.job_id end
    from event
    cross join lateral (
      select 'an applied event outranks the winner' as problem, false as names_job
      where event.outranks_winner
      union all
      select 'an effect that contradicts the order of its report', true
      -- The import decides by what the row shows.
      where event.channel <> 'import' and event.status = 'completed' and event.effect is not null
        and (event.effect = 'applied') <> (event.best_before is null or event.place > event.best_before)
      union all
      select 'an event without a delivery', true
      where event.channel is distinct from 'owner' and event.channel is distinct from 'platform'
        and event.channel is distinct from 'import' and event.delivery_id is null
      union all
      select 'an event without its content, or an erased event with content', true
      where (event.erased_at is null) = (event.content_id is null)
      union all
      select 'content that does not match its digest', true
      where event.has_odd_digest
      union all
      select 'content of a winner that is marked as lost, or of a loser that is not', true
      where event.content_id is not null
        and (event.lost_at is not null) <> (
          event.effect = 'superseded' or event.effect is not null and event.status = 'failed'
          or event.effect = 'applied' and event.status = 'completed' and not event.is_winner)
      union all
      -- Of a folded edit, lost_at is -infinity until the next sweep forgets it.
      select 'lost content that is never forgotten', true
      where event.lost_at > now() + interval '1 day'
        or event.lost_at = '-infinity' and event.applied_at < now() - interval '1 day'
      union all
      select 'a gap in the positions of a report', true
      where event.position > 1 and event.previous_position is distinct from event.position - 1
      union all
      -- An event is committed before it is sent, so it may have no effect for a while.
      select 'an event without an effect', true
      where event.effect is null
        and (event.delivery_id is null or event.dead_at is not null or event.delivery_status = 'success'
          or event.due_at < now() - interval '5 minutes')
      union all
      select 'a completed final without its notification', true
      where event.stage = 'final' and event.effect = 'applied' and event.status = 'completed'
        and event.channel in ('webhook', 'direct') and event.notification_id is null
      union all
      select 'a notification of an event that was not applied', true
      where event.notification_id is not null
        and (event.effect is distinct from 'applied' or event.status <> 'completed' or event.stage <> 'final')
      union all
      select 'a notification of another report', true
      where event.has_odd_notification
      union all
      select 'a notification to a user who does not own the report', true
      where event.notification_id is not null and event.notifies_another
      union all
      -- A time up to five minutes ahead counts as now.
      select 'an event whose requested_at is after its created_at', true
      where event.requested_at > event.created_at + interval '5 minutes'
      union all
      select 'an effect of a webhook without its audit row', true
      where event.channel = 'webhook' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit
        where audit.event_id = event.id and audit.direction = 'in' and audit.outcome = event.effect)
      union all
      select 'an effect of the platform without its audit row', true
      where event.channel = 'platform' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit where audit.event_id = event.id and audit.direction = 'in')
      union all
      select 'an erased event whose job still has its error', true
      where event.erased_at is not null and event.error_of_job is not null
      union all
      select 'a job that differs from its event', true
      -- What the platform's functions write may disagree with their jobs.
      where event.has_odd_job and coalesce(event.channel, 'webhook') in ('webhook', 'direct')
    ) fault
    -- Events of deleted reports are not checked here.
    where event.has_report
    union all
    select 'content of a deleted report', %2$L, event.report_id, event.id, event.job_id
    from event
    where not event.has_report and event.erased_at is null
      and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = event.report_id)
    union all
    select 'an audit row that holds content of an event', %2$L, event.report_id, event.id, event.job_id
    from event
    where greatest(event.applied_at, event.erased_at) > $3 and exists (
      select from public.webhook_audit audit
      where audit.event_id = event.id
        and (audit.request_payload ?| $4 or audit.request_payload -> 'data' ?| $4
          -- Once the content is erased: neither its hash, nor its error, nor what a receiver may have repeated of it.
          or event.erased_at is not null and event.type <> 'report.deleted' and (
            audit.outcome in ('applied', 'superseded', 'duplicate')
              and (audit.body_sha256 is not null or audit.request_payload -> 'data' ? 'error')
            or audit.direction = 'out' and audit.outcome <> 'skipped'
              and num_nonnulls(audit.response_body, audit.error_message) > 0)))
    union all
    select fault.problem, %2$L, job.report_id, job.event_id, job.job_id
    from job
    cross join lateral (
      select 'an unfinished job of a deleted report' as problem
      where not job.has_report and job.status in ('queued', 'running')
      union all
      select 'content of a deleted report'
      where not job.has_report and job.erased_at is null and not exists (
        select from private.erasures due where due.report_type = %2$L and due.report_id = job.report_id)
      union all
      select 'an unfinished job that is never due'
      where job.is_never_due
      union all
      -- It would outrank every request until then.
      select 'a job that was requested in the future'
      where job.created_at > now() + interval '5 minutes'
      union all
      select 'a row of report_jobs that holds content of our job'
      -- Rows inserted by the platform's functions may show their content.
      where job.tells_content and job.caller <> 'platform'
      union all
      select 'a finished job without its event'
      where job.has_report and not job.is_of_event and job.status in ('succeeded', 'failed')
        -- Imported jobs may have ended without an event.
        and job.caller <> 'platform'
    ) fault$query$,
    private.report_table(p_report_type), p_report_type)
  using p_after, p_to, v_audited_since, '{research_report,research_metadata,final_data,result}'::text[];

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
  select 'an overdue erasure', due.report_type, due.report_id, null, null
  from private.erasures due
  -- Until it is done, content of a deleted report is no finding. A time in the future would hide that for ever.
  where due.requested_at not between now() - interval '1 day' and now() + interval '1 day'
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
  select 'an unverified or removed subscriber that takes events' || ': ' || subscriber.endpoint_id,
    null, null, null, null
  from private.subscribers subscriber
  join private.endpoint_revisions settings on settings.endpoint_id = subscriber.endpoint_id and settings.superseded_by is null
  where settings.takes_events and (subscriber.state = 'removed' or subscriber.verified_at is null)
  union all
  select 'a removed subscriber that still has a secret' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and exists (
    select from private.endpoint_secrets secret where secret.endpoint_id = subscriber.endpoint_id)
  union all
  select 'an endpoint without its subscriber' || ': ' || endpoint.id, null, null, null, null
  from public.webhook_endpoints endpoint
  left join private.subscribers subscriber on subscriber.endpoint_id = endpoint.id
  where (endpoint.kind = 'subscriber') <> (subscriber.endpoint_id is not null)
  union all
  select 'a plan without progress' || ': ' || plan.id, null, null, null, null
  from public.plans plan
  where plan.status = 'running' and plan.next_slice_at not between now() - interval '1 day' and now() + interval '1 day'
  union all
  -- A circuit is probed after seconds, an alert is sent again after minutes.
  select 'an open circuit that is never probed' || ': ' || circuit.endpoint_id, null, null, null, null
  from public.webhook_circuits circuit
  where greatest(circuit.probe_after, circuit.probe_lease_expires_at) > now() + interval '1 day'
  union all
  select 'an alert message that is never sent' || ': ' || message.id, null, null, null, null
  from public.alert_deliveries message
  where message.next_attempt is not null
    and greatest(message.next_attempt, message.lease_expires_at) > now() + interval '1 day'
  union all
  select 'a removed subscriber with open deliveries' || ': ' || subscriber.endpoint_id, null, null, null, null
  from private.subscribers subscriber
  where subscriber.state = 'removed' and subscriber.state_since < now() - interval '1 day' and exists (
    select from public.webhook_deliveries delivery
    where delivery.endpoint_id = subscriber.endpoint_id and delivery.dead_at is null
      and delivery.status not in ('success', 'superseded', 'cancelled'));
end
$$;

comment on function private.verify_rest() is
  'Every erasure, endpoint, subscriber, plan, circuit and alert message that breaks an invariant: few rows, looked at as a whole.';
revoke all on function private.verify_rest() from public, anon, authenticated, service_role;
