-- Why: a database that ran the platform's first version has results, jobs and webhook states that no event explains. They
-- become events of channel `import`, so that everything after this finds one kind of history. Nothing is taken away. On a
-- database without rows this only registers the three report types.
--
-- What a report's row says becomes its winning event. Its stage is that of the last webhook that was answered 200, else its
-- job's, else prelim, over which both stages may be generated again. A result that only the job's row has (the first version
-- could lose it on its way to the report) is imported too, and applied where the report has none.
-- A webhook that had not succeeded becomes a delivery that is due: its result is in its row, so that the webhook path only
-- confirms it. Where no result is left to deliver it becomes a dead letter, `import`, for a person to look at.

select private.add_report_type('greeting', 'greeting_reports');
select private.add_report_type('org', 'org_reports');
select private.add_report_type('requirement', 'requirement_reports');

create temporary table import_report on commit drop as
select 'greeting' as report_type, id as report_id, user_id, research_report, research_metadata, webhook_status,
  webhook_attempts, webhook_last_attempt, webhook_response, webhook_job_id, updated_at
from public.greeting_reports where winner_event_id is null
union all
select 'org', id, user_id, research_report, research_metadata, webhook_status,
  webhook_attempts, webhook_last_attempt, webhook_response, webhook_job_id, updated_at
from public.org_reports where winner_event_id is null
union all
select 'requirement', id, user_id, research_report, research_metadata, webhook_status,
  webhook_attempts, webhook_last_attempt, webhook_response, webhook_job_id, updated_at
from public.requirement_reports where winner_event_id is null;

-- Jobs whose metadata names a report that is there. Nobody runs the unfinished ones: the sweep takes over those that may
-- still be wanted, the others end and say so.
insert into private.job_runs (
  job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status,
  percent, eta_seconds, error, lease_expires_at, created_at, updated_at, started_at, completed_at)
select job.job_id, report.report_type, report.report_id,
  case when job.metadata ->> 'stage' = 'final' then 'final' else 'prelim' end,
  report.user_id, job.summary_id, 'platform', job.prompt, job.model, job.temperature, job.max_tokens,
  case when lost then 'failed' else job.status end, coalesce(job.percent, 0), case when runs then job.eta_seconds end,
  case when lost then coalesce(job.error, 'The job was lost before the upgrade, and it has expired.') else job.error end,
  case when runs then now() end, coalesce(job.created_at, job.updated_at, now()), coalesce(job.updated_at, now()),
  job.started_at, case when not runs then coalesce(job.completed_at, job.updated_at, now()) end
from public.report_jobs job
join import_report report
  on report.report_type = job.metadata ->> 'report_type' and report.report_id::text = lower(job.metadata ->> 'report_id')
cross join lateral (
  select job.status in ('queued', 'running') and coalesce(job.expires_at > now(), true) as runs,
    job.status in ('queued', 'running') and not coalesce(job.expires_at > now(), true) as lost) fate;
select private.show_job(job.job_id)
from private.job_runs job join public.report_jobs shown on shown.job_id = job.job_id
where shown.status is distinct from job.status;

-- Results.
create temporary table import_event on commit drop as
with report as (
  select imported.*,
    nullif(btrim(imported.research_report), '') is not null as has_text,
    (select audit.webhook_type from public.webhook_audit audit
      where audit.report_id = imported.report_id and audit.response_status = 200 and audit.webhook_type is not null
      order by audit.created_at desc limit 1) as last_webhook
  from import_report imported
), job as (
  select run.job_id, run.report_type, run.report_id, run.stage, run.created_at, nullif(btrim(shown.result), '') as result,
    row_number() over (partition by run.report_type, run.report_id order by
      (shown.result is null), run.created_at desc, run.job_id desc) as newest
  from private.job_runs run
  join public.report_jobs shown on shown.job_id = run.job_id
  where run.status = 'succeeded'
), content as (
  -- The report's own text, with the job that brought it where the row still knows it.
  select report.report_type, report.report_id, own.job_id,
    'import_' || report.report_type || '_' || replace(report.report_id::text, '-', '') as id,
    case when report.last_webhook = 'final-report' or (report.last_webhook is null and own.stage = 'final')
      then 'final' else 'prelim' end as stage,
    coalesce(own.created_at,
      (select max(other.created_at) from job other
        where other.report_type = report.report_type and other.report_id = report.report_id),
      report.updated_at) as requested_at,
    report.research_report, report.research_metadata, 'completed' as status, null as error, 'applied' as effect
  from report
  left join job own on own.job_id = report.webhook_job_id and own.report_type = report.report_type
    and own.report_id = report.report_id
  where report.has_text
  union all
  -- Results that only their job's row has.
  select job.report_type, job.report_id, job.job_id,
    'import_job_' || encode(sha256(convert_to(job.job_id, 'UTF8')), 'hex'), job.stage, job.created_at, job.result, '{}'::jsonb,
    'completed', null, case when not report.has_text and job.newest = 1 then 'applied' else 'superseded' end
  from job
  join report on report.report_type = job.report_type and report.report_id = job.report_id
  where job.result is not null and not (report.has_text and report.webhook_job_id is not distinct from job.job_id)
), lost as (
  -- Webhooks that had failed, with nothing left to deliver.
  select report.report_type, report.report_id, null as job_id,
    'import_' || report.report_type || '_' || replace(report.report_id::text, '-', '') as id, 'prelim' as stage,
    report.updated_at as requested_at, null as research_report, null::jsonb as research_metadata, 'failed' as status,
    'The result was lost before the upgrade.' as error, 'applied' as effect
  from report
  where report.webhook_status in ('failed', 'sent', 'retrying')
    and not exists (select from content
      where content.report_type = report.report_type and content.report_id = report.report_id
        and content.effect = 'applied')
), every as (
  select * from content union all select * from lost
)
select every.report_type, every.report_id, every.id, every.stage, every.requested_at, every.research_report,
  every.research_metadata, every.error, every.effect, format('report.%s.%s', every.stage, every.status) as type,
  -- An event whose job's row is gone is its own job: the endpoints accept no event without one.
  coalesce(every.job_id, every.id) as job_id,
  row_number() over (partition by every.report_type, every.report_id order by every.requested_at, every.id) as position
from every;

insert into public.report_events (
  id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, applied_at, position)
select id, type, report_type, report_id, stage, job_id, requested_at,
  private.content_digest(row(type, report_type, report_id, stage, job_id, null, research_report, research_metadata, null,
    error)::private.incoming_result),
  error, 'import', effect, now(), position
from import_event;
insert into private.report_contents (event_id, research_report, research_metadata)
select id, research_report, research_metadata from import_event;
update private.job_runs job set event_id = event.id
from import_event event where event.job_id = job.job_id and job.status = 'succeeded';

-- Deliveries: what each report's webhook columns say, which the trigger then writes back unchanged.
insert into public.webhook_deliveries (
  event_id, endpoint_id, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response, dead_at,
  dead_reason)
select event.id, private.internal_endpoint(event.stage), event.report_type, event.report_id, report.webhook_job_id,
  case when event.status = 'failed' then 'failed' else coalesce(report.webhook_status, 'pending') end,
  coalesce(report.webhook_attempts, 0), report.webhook_last_attempt,
  case when event.status = 'completed' and report.webhook_status is distinct from 'success' then now() end,
  coalesce(report.webhook_response, '{}'),
  case when event.status = 'failed' then now() end,
  case when event.status = 'failed' then 'import' end
from import_report report
join public.report_events event on event.report_type = report.report_type and event.report_id = report.report_id
  and event.channel = 'import' and event.effect = 'applied'
-- Rows that no webhook was ever sent for have no delivery to show.
where coalesce(report.webhook_status, 'pending') <> 'pending' or report.webhook_job_id is not null;

do $$
declare
  v_event record;
begin
  for v_event in
    select event.id, event.stage, event.report_id, content.research_report,
      private.report_table(event.report_type) as table_name
    from public.report_events event
    join private.report_contents content on content.event_id = event.id
    where event.channel = 'import' and event.effect = 'applied' and event.status = 'completed'
  loop
    -- The text only where the row has none: what is there stays byte for byte.
    execute format(
      'update public.%I set stage = $1, winner_event_id = $2,
         research_report = case when nullif(btrim(research_report), '''') is null then $3 else research_report end
       where id = $4', v_event.table_name)
    using v_event.stage, v_event.id, v_event.research_report, v_event.report_id;
  end loop;
end $$;
select private.show_report_status(report_type, report_id) from import_report;
