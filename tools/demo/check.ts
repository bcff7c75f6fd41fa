import type postgres from 'postgres';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';
import { sha256 } from '../local/sha256.ts';
import type { DemoJob } from './pipeline.ts';

/** A job as stored in the database, with the answer that the pipeline got. */
export interface DemoResult {
  job: DemoJob;
  events: number;
  channel: string | null;
  attempts: number;
  webhookStatus: string | null;
  /** What is wrong; empty: nothing. */
  faults: string[];
}

interface Row {
  job_id: string;
  event_id: string;
  effect: string | null;
  channel: string | null;
  event_text: string | null;
  is_winner: boolean;
  report_text: string | null;
  attempts: number | null;
  webhook_status: string | null;
  applied_by_webhook: number;
}

/** Compares every result with its event and, if it won, with its report, by SHA-256 of the whole text. */
export async function checkResults(sql: postgres.Sql, jobs: readonly DemoJob[]): Promise<DemoResult[]> {
  const ids = jobs.map(({ jobId }) => jobId);
  const reports = REPORT_TYPES.map(
    (type) => sql`select id, winner_event_id, research_report from ${sql(`public.${type}_reports`)}`,
  ).reduce((some, other) => sql`${some} union all ${other}`);
  const rows = await sql<Row[]>`
    with report as (${reports})
    select event.job_id, event.id as event_id, event.effect, event.channel, content.research_report as event_text,
      coalesce(report.winner_event_id = event.id, false) as is_winner, report.research_report as report_text,
      delivery.attempts, delivery.status as webhook_status,
      (select count(*)::int from public.webhook_audit audit
        where audit.event_id = event.id and audit.outcome = 'applied') as applied_by_webhook
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    left join report on report.id = event.report_id
    left join public.webhook_deliveries delivery on delivery.event_id = event.id and delivery.position is null
    where event.job_id = any (${ids}) and event.type like '%.completed'`;
  return jobs.map((job) =>
    check(
      job,
      rows.filter((row) => row.job_id === job.jobId),
    ),
  );
}

function check(job: DemoJob, events: Row[]): DemoResult {
  const [event] = events;
  const faults: string[] = [];
  if (event === undefined) faults.push('has no event');
  if (events.length > 1) faults.push(`has ${events.length} events`);
  if (event !== undefined) {
    if (event.effect === null) faults.push('its event has no effect');
    if (sha256(event.event_text ?? '') !== job.sha256) faults.push('its event has another text');
    // The final of a report supersedes its prelim; the report shows only the winner.
    if (event.is_winner !== (job.stage === 'final')) faults.push('the wrong event has won');
    if (event.is_winner && sha256(event.report_text ?? '') !== job.sha256)
      faults.push('its report has another text');
    const expected = event.channel === 'webhook' ? 1 : 0;
    if (event.applied_by_webhook !== expected)
      faults.push(`was applied by ${event.applied_by_webhook} webhooks`);
    if (event.webhook_status !== 'success')
      faults.push(`its webhook is ${event.webhook_status ?? 'missing'}`);
  }
  return {
    job,
    events: events.length,
    channel: event?.channel ?? null,
    attempts: event?.attempts ?? 0,
    webhookStatus: event?.webhook_status ?? null,
    faults,
  };
}
