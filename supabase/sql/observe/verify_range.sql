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
        event.requested_at, event.created_at, event.applied_at, event.erased_at, event.job_id, event.settings_revision,
        content.event_id as content_id, content.lost_at,
        report.id is not null as has_report, report.winner_event_id is not distinct from event.id as is_winner,
        marker.report_id is null and event.status = 'completed' and event.effect is not null
          and event.id is distinct from winner.id
          and (winner.id is null
            or (event.stage = 'final', event.requested_at, event.id collate "C")
              > (winner.stage = 'final', winner.requested_at, winner.id collate "C")) as outranks_winner,
        lag(event.position) over (partition by event.report_id order by event.position) as previous_position,
        lead(event.position) over (partition by event.report_id order by event.position) as next_position,
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
        num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0 as tells_content,
        shown.status <> job.status as shows_other_status,
        report.user_id is distinct from job.user_id or shown.job_id is not null and report.user_id is distinct from shown.user_id
          as is_of_other_user
      from private.job_runs job
      left join public.report_jobs shown on shown.job_id = job.job_id
      left join public.%1$I report on report.id = job.report_id
      left join public.report_events event on event.id = job.event_id
      where job.report_type = %2$L and (job.report_id > $1 or $1 is null) and (job.report_id <= $2 or $2 is null)
    ), request as (
      -- The same as private.report_status(), which handles a single report: the newest request that was not cancelled (a job,
      -- or the event of a request without a job of ours); else the newest event; else pending.
      select asked.report_id, bool_or(asked.choice = 3) as is_report,
        (array_agg(asked.is_of_platform order by asked.choice, asked.requested_at desc, asked.id desc, asked.is_event desc))[1]
          as is_of_platform,
        max(asked.shown) as shown, max(asked.winner_id) as winner_id,
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
          end as status,
          job.caller = 'platform' and job.status in ('queued', 'running') as is_of_platform
        from job where job.status <> 'cancelled'
        union all
        select event.report_id, null, null, case when event.type <> 'report.owner.edited' and not event.has_job then 1 else 2 end,
          event.requested_at, event.id collate "C", true, event.status, false
        from event where event.effect is not null
        union all
        select report.id, report.research_status, report.winner_id, 3, null, null, null, 'pending', false
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
      -- The platform's functions change their job while another transaction holds the report: its next write shows that.
      and not request.is_of_platform
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
      select 'an effect of a direct update without its audit row', true
      where event.channel = 'direct' and event.applied_at > $3 and not exists (
        select from public.webhook_audit audit where audit.event_id = event.id and audit.direction = 'out')
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
    -- Without a revision, there was nobody to tell.
    select 'a deleted report without its event report.deleted', %2$L, event.report_id, event.id, event.job_id
    from event
    where not event.has_report and event.settings_revision is not null and event.position is not null
      and event.next_position is null and event.type <> 'report.deleted'
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
      select 'a row of report_jobs that shows another status than our job'
      where job.shows_other_status and job.caller <> 'platform'
      union all
      select 'a job shown to a user who does not own the report'
      -- A job that a user asked for stays that user's.
      where job.has_report and job.is_of_other_user and job.caller = 'pipeline'
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
