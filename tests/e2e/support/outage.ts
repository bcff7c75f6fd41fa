import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { storeClient } from '../../support/store.ts';

interface FailedDelivery {
  eventId: string;
  jobId: string;
  reportId: string;
}

export interface Failure {
  reportType?: 'greeting' | 'org' | 'requirement';
  stage?: 'prelim' | 'final';
  /** Whether it has used all its attempts. */
  isDead?: boolean;
  error?: string;
  /** What the endpoint answered, as far as it was kept. */
  response?: string;
  text?: string;
  status?: number | null;
}

/**
 * Leaves a delivery as an outage does, by the functions that the server calls: a job's result, committed and applied
 * directly, whose POST failed. The next attempt is hours away, so that no sweep comes first.
 */
export async function addFailure(
  sql: postgres.Sql,
  ownerId: string,
  {
    reportType = 'org',
    stage = 'prelim',
    isDead = false,
    error = 'answered 502',
    response = 'Bad gateway',
    text = '# A result',
    status = 502,
  }: Failure = {},
): Promise<FailedDelivery> {
  const store = storeClient(sql);
  const reportId = randomUUID();
  await sql`
    insert into ${sql(`public.${reportType}_reports`)} (id, user_id, user_data)
    values (${reportId}, ${ownerId}, ${sql.json({ organisation_name: 'Harbour', full_name: 'Ada', requirement_title: 'Safety' })})`;
  // Else the breaker opens after ten of them, and the eleventh is not tried.
  await closeCircuits(sql);
  const { run } = await store.request(reportId, { report_type: reportType, stage });
  const { delivery } = await store.complete(run.job_id, run.lease_token, text);
  if (delivery === undefined) throw new Error('nothing was to be sent');
  await store.record(delivery, 'failed', [{ status, error, response, duration_ms: 640, authentic: false }]);
  await sql`
    update public.webhook_deliveries
    set status = 'failed', next_attempt = ${isDead ? null : sql`now() + interval '3 hours'`},
      dead_at = ${isDead ? sql`now()` : null}, dead_reason = ${isDead ? 'attempts_exhausted' : null}
    where event_id = ${delivery.event_id}`;
  await closeCircuits(sql);
  return { eventId: delivery.event_id, jobId: run.job_id, reportId };
}

async function closeCircuits(sql: postgres.Sql): Promise<void> {
  await sql`
    update public.webhook_circuits
    set opened_at = null, probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null, closed_at = clock_timestamp()`;
}

export async function openCircuit(sql: postgres.Sql, webhookType: string): Promise<void> {
  await sql`
    update public.webhook_circuits
    set opened_at = now() - interval '2 minutes', probe_after = now() + interval '20 minutes'
    where endpoint_id = ${webhookType}`;
}

export const statusOf = async (sql: postgres.Sql, eventId: string): Promise<unknown> => {
  const [row] = await sql`
    select status, dead_at is not null as dead from public.webhook_deliveries where event_id = ${eventId}`;
  return row;
};

/** Leaves nothing open, so that the next test begins with an empty list. */
export async function clearDeliveries(sql: postgres.Sql): Promise<void> {
  await sql`
    update public.webhook_deliveries
    set status = 'success', next_attempt = null, dead_at = null, dead_reason = null, lease_expires_at = null,
      -- As if long ago: what succeeded lately has an audit row.
      last_attempt = now() - interval '2 days'
    where status <> 'success'`;
  await closeCircuits(sql);
}
