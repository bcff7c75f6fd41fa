import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { prose } from './prose.ts';

/** Runs the work on eight items at a time. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

/** Adds a job for each report whose runner has died: its lease has expired. */
export async function addLostJobs(sql: postgres.Sql, reportIds: readonly string[]): Promise<void> {
  await forEach(
    reportIds,
    (reportId) => sql`
      select public.request_report_job(
        p_job_id => ${`job_${randomUUID()}`}, p_caller => 'pipeline', p_report_type => 'org', p_report_id => ${reportId},
        p_stage => 'prelim', p_prompt => 'What does the team need?', p_generate => true, p_lease_seconds => 60, p_quota => 5)`,
  );
  await sql`
    update private.job_runs set lease_expires_at = now() - interval '1 second' where report_id in ${sql([...reportIds])}`;
}

/** Adds a completed job for each report whose first delivery attempt has failed and which is due again. */
export async function addDueDeliveries(
  sql: postgres.Sql,
  reportIds: readonly string[],
  stage: 'prelim' | 'final',
): Promise<void> {
  let number = 0;
  await forEach(
    reportIds,
    (reportId) => sql`
      with job as (
        select public.request_report_job(
          p_job_id => ${`job_${randomUUID()}`}, p_caller => 'pipeline', p_report_type => 'org',
          p_report_id => ${reportId}, p_stage => ${stage}, p_prompt => 'p', p_generate => true,
          p_lease_seconds => 60, p_quota => 5) -> 'run' as run
      ), completed as (
        select public.complete_report_job(
          run ->> 'job_id', 'completed', 30, (run ->> 'lease_token')::bigint, ${prose(6000, ++number)}) -> 'delivery' as delivery
        from job)
      select public.record_delivery_attempts(
        (delivery ->> 'delivery_id')::bigint, (delivery ->> 'delivery_token')::bigint, 'failed',
        -- Authentic: it says nothing against the endpoint, whose circuit stays closed.
        '[{"status": 401, "duration_ms": 1, "authentic": true}]') from completed`,
  );
  await sql`update public.webhook_deliveries set next_attempt = now() where report_id in ${sql([...reportIds])}`;
}
