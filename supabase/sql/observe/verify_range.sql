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
