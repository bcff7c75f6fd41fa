-- Why: a database that ran the platform's first version has results, jobs and webhook states that no event explains. They
-- become events of channel `import`, so that everything after this finds one kind of history. Nothing is taken away. On a
-- database without rows this changes nothing.
--
-- What a report's row says becomes its winning event. Its stage is that of the last webhook that was answered 200, else its
-- job's, else prelim, over which both stages may be generated again. A result that only the job's row has (the first version
-- could lose it on its way to the report) is imported too, and applied where the report has none.
-- A webhook that had not succeeded becomes a delivery that is due: its result is in its row, so that the webhook path only
-- confirms it. Where no result is left to deliver it becomes a dead letter, `import`, for a person to look at.

-- Policies of the first version go, whatever they were called: only ours remain. Then ours, where they were missing.
do $$
declare
  v_policy record;
  v_table text;
  v_verb text;
begin
  for v_policy in
    select tablename, policyname from pg_catalog.pg_policies
    where schemaname = 'public' and tablename in (
      'polaris_summaries', 'report_jobs', 'greeting_reports', 'org_reports', 'requirement_reports', 'webhook_audit')
      and policyname not in (
        'owners select', 'owners insert', 'owners update', 'owners delete', 'operators read')
  loop
    execute format('drop policy %I on public.%I', v_policy.policyname, v_policy.tablename);
  end loop;

  foreach v_table in array array[
    'polaris_summaries', 'report_jobs', 'greeting_reports', 'org_reports', 'requirement_reports']
  loop
    execute format('alter table public.%I enable row level security', v_table);
    foreach v_verb in array array['select', 'insert', 'update', 'delete'] loop
      continue when exists (
        select from pg_catalog.pg_policies
        where schemaname = 'public' and tablename = v_table and policyname = 'owners ' || v_verb);
      execute format('create policy %I on public.%I for %s to authenticated %s %s', 'owners ' || v_verb, v_table, v_verb,
        case when v_verb <> 'insert' then 'using ((select auth.uid()) = user_id)' end,
        case when v_verb in ('insert', 'update') then 'with check ((select auth.uid()) = user_id)' end);
    end loop;
  end loop;
end $$;

-- It deleted jobs that were still running, and what it returned is not known of every database.
drop function public.cleanup_expired_report_jobs();
create function public.cleanup_expired_report_jobs() returns void
language sql security definer set search_path = '' as $$
  delete from public.report_jobs job
  where job.expires_at < now() and job.status in ('succeeded', 'failed', 'cancelled')
    and not exists (
      select from public.report_events event
      left join public.webhook_deliveries delivery on delivery.event_id = event.id
      where event.id = job.event_id
        and (event.effect is null or delivery.status <> 'success' and delivery.dead_at is null))
$$;
comment on function public.cleanup_expired_report_jobs() is
  'Deletes finished jobs past expires_at whose result has arrived; the event keeps the result.';

-- The rows of all report tables as one. The import is the only one that reads them so.
create function private.legacy_reports() returns table (
  report_type text, report_id uuid, research_report text, research_metadata jsonb, webhook_status text,
  webhook_attempts int, webhook_last_attempt timestamptz, webhook_response jsonb, webhook_job_id text, updated_at timestamptz)
language sql stable set search_path = '' as $$
  select 'greeting', id, research_report, research_metadata, webhook_status, webhook_attempts, webhook_last_attempt,
    webhook_response, webhook_job_id, updated_at from public.greeting_reports where winner_event_id is null
  union all
  select 'org', id, research_report, research_metadata, webhook_status, webhook_attempts, webhook_last_attempt,
    webhook_response, webhook_job_id, updated_at from public.org_reports where winner_event_id is null
  union all
  select 'requirement', id, research_report, research_metadata, webhook_status, webhook_attempts, webhook_last_attempt,
    webhook_response, webhook_job_id, updated_at from public.requirement_reports where winner_event_id is null
$$;

-- Jobs: which report and stage, where their metadata says so and the report is there.
update public.report_jobs job
set report_type = report.report_type, report_id = report.report_id,
  stage = case when job.metadata ->> 'stage' = 'final' then 'final' else 'prelim' end
from private.legacy_reports() report
where job.report_type is null
  and job.metadata ->> 'report_type' = report.report_type
  and lower(job.metadata ->> 'report_id') = report.report_id::text;

-- Unfinished jobs: nobody runs them. The sweep takes over those that may still be wanted; the others end, and say so.
update public.report_jobs
set generate = true, lease_expires_at = now()
where status in ('queued', 'running') and lease_expires_at is null and report_id is not null and caller is null
  and (expires_at is null or expires_at > now());
update public.report_jobs
set status = 'failed', completed_at = now(), eta_seconds = null, updated_at = now(),
  error = coalesce(error, 'The job was lost before the upgrade, and its report is not known or it has expired.')
where status in ('queued', 'running') and lease_expires_at is null and caller is null;

-- Results.
create temporary table import_event on commit drop as
with report as (
  select legacy.*,
    nullif(btrim(legacy.research_report), '') is not null as has_text,
    (select audit.webhook_type from public.webhook_audit audit
      where audit.report_id = legacy.report_id and audit.response_status = 200 and audit.webhook_type is not null
      order by audit.created_at desc limit 1) as last_webhook
  from private.legacy_reports() legacy
), job as (
  select job.job_id, job.report_type, job.report_id, job.stage, job.status, job.created_at,
    nullif(btrim(job.result), '') as result,
    row_number() over (partition by job.report_type, job.report_id order by
      (job.result is null), job.created_at desc, job.job_id desc) as newest
  from public.report_jobs job
  where job.report_id is not null and job.event_id is null and job.status = 'succeeded'
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
    report.research_report, report.research_metadata, 'applied' as effect
  from report
  left join job own on own.job_id = report.webhook_job_id and own.report_type = report.report_type
    and own.report_id = report.report_id
  where report.has_text
  union all
  -- Results that only their job's row has.
  select job.report_type, job.report_id, job.job_id,
    'import_job_' || encode(sha256(convert_to(job.job_id, 'UTF8')), 'hex'), job.stage, job.created_at, job.result, '{}'::jsonb,
    case when not report.has_text and job.newest = 1 then 'applied' else 'superseded' end
  from job
  join report on report.report_type = job.report_type and report.report_id = job.report_id
  where job.result is not null and not (report.has_text and report.webhook_job_id is not distinct from job.job_id)
)
select content.*, format('report.%s.completed', content.stage) as type from content;

insert into public.report_events (
  id, type, report_type, report_id, stage, job_id, requested_at, digest, research_report, research_metadata,
  channel, effect, applied_at)
select id, type, report_type, report_id, stage, job_id, requested_at,
  private.content_digest(type, private.without_nulls(jsonb_build_object(
    'job_id', job_id, 'report_id', report_id, 'report_type', report_type, 'research_report', research_report,
    'research_status', 'completed', 'research_metadata', research_metadata))),
  research_report, research_metadata, 'import', effect, now()
from import_event;

update public.report_jobs job set event_id = event.id
from import_event event where event.job_id = job.job_id and job.event_id is null;

-- Webhooks that had failed, with nothing left to deliver.
insert into public.report_events (
  id, type, report_type, report_id, stage, requested_at, digest, error, channel, effect, applied_at)
select id, 'report.prelim.failed', report_type, report_id, 'prelim', updated_at,
  private.content_digest('report.prelim.failed', jsonb_build_object(
    'report_id', report_id, 'report_type', report_type, 'research_status', 'failed', 'error', error)),
  error, 'import', 'applied', now()
from (
  select report.*, 'import_' || report.report_type || '_' || replace(report.report_id::text, '-', '') as id,
    'The result was lost before the upgrade.' as error
  from private.legacy_reports() report
  where report.webhook_status in ('failed', 'sent', 'retrying')
    and not exists (select from import_event event
      where event.report_type = report.report_type and event.report_id = report.report_id and event.effect = 'applied')
) lost;

-- Deliveries: what each report's webhook columns say, which the trigger then writes back as it was.
insert into public.webhook_deliveries (
  event_id, webhook_type, report_type, report_id, job_id, status, attempts, last_attempt, next_attempt, response, dead_at,
  dead_reason)
select event.id, event.stage || '-report', event.report_type, event.report_id, report.webhook_job_id,
  case when event.status = 'failed' then 'failed' else coalesce(report.webhook_status, 'pending') end,
  coalesce(report.webhook_attempts, 0), report.webhook_last_attempt,
  case when event.status = 'completed' and report.webhook_status is distinct from 'success' then now() end,
  coalesce(report.webhook_response, '{}'),
  case when event.status = 'failed' then now() end,
  case when event.status = 'failed' then 'import' end
from private.legacy_reports() report
join public.report_events event on event.report_type = report.report_type and event.report_id = report.report_id
  and event.channel = 'import' and event.effect = 'applied'
-- Rows that no webhook was ever sent for have no delivery to show.
where coalesce(report.webhook_status, 'pending') <> 'pending' or report.webhook_job_id is not null;

do $$
declare
  v_event record;
begin
  for v_event in
    select event.*, private.report_table(event.report_type) as table_name from public.report_events event
    where channel = 'import' and effect = 'applied' and status = 'completed'
  loop
    -- The text only where the row has none: what is there stays byte for byte.
    execute format(
      'update public.%I set stage = $1, winner_event_id = $2,
         research_report = case when nullif(btrim(research_report), '''') is null then $3 else research_report end
       where id = $4', v_event.table_name)
    using v_event.stage, v_event.id, v_event.research_report, v_event.report_id;
  end loop;
  for v_event in
    select 'greeting' as report_type, id from public.greeting_reports
    union all select 'org', id from public.org_reports
    union all select 'requirement', id from public.requirement_reports
  loop
    perform private.show_report_status(v_event.report_type, v_event.id);
  end loop;
end $$;

drop function private.legacy_reports();
select private.apply_grants();
