import { setTimeout as sleep } from 'node:timers/promises';
import { jobAccepted } from '../../src/contracts/jobs.ts';
import { sweepAnswer } from '../../src/contracts/retry.ts';
import { addReports, type Bed } from './bed.ts';
import { median, round } from './measure.ts';
import { newEvent, postEvent } from './sender.ts';
import type { BenchSystem } from './system.ts';
import { addDueDeliveries } from './waiting-work.ts';

/** REST calls of one webhook, and of one whole job (from the request to the recorded delivery). */
export async function countRestCalls({
  ground: { sql, secrets },
  reports,
  counted,
}: BenchSystem): Promise<{ restCallsPerWebhook: number; restCallsPerJob: number }> {
  const { url, calls } = counted;
  const WEBHOOKS = 10;
  await postEvent(url, secrets.webhookSecret, newEvent(reports, 6000), 'applied');
  calls.length = 0;
  for (let count = 0; count < WEBHOOKS; count += 1) {
    await postEvent(url, secrets.webhookSecret, newEvent(reports, 6000), 'applied');
  }
  const restCallsPerWebhook = ofRequests(calls) / WEBHOOKS;

  const JOBS = 10;
  calls.length = 0;
  for (const reportId of await addReports(sql, JOBS)) {
    const job_id = await requestJob(url, secrets.pipelineApiKey, reportId);
    // The last call of a job records its attempt. Wait by asking the database: status requests would be counted.
    for (;;) {
      const rows = await sql`
        select from public.webhook_audit where job_id = ${job_id} and direction = 'out'`;
      if (rows.length > 0) break;
      await sleep(10);
    }
  }
  return { restCallsPerWebhook, restCallsPerJob: ofRequests(calls) / JOBS };
}

/** Not counted: each instance makes these once a minute, after any answer. */
const ONCE_A_MINUTE = new Set(['evaluate_alerts', 'report_usage']);

function ofRequests(calls: readonly string[]): number {
  return calls.filter((name) => !ONCE_A_MINUTE.has(name)).length;
}

/** Requests a job as the pipeline does. @returns its id */
export async function requestJob(url: string, apiKey: string, reportId: string): Promise<string> {
  const response = await fetch(`${url}/api/reportJobsDb`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'What is needed?', report_type: 'org', report_id: reportId }),
  });
  return jobAccepted.parse(await response.json()).job_id;
}

const DELIVERIES = 50;
const REPEATS = 3;

/** Time of a sweep of 50 failed deliveries that are due, in milliseconds; the median of three. */
export async function measureSweep({
  sql,
  url,
  secrets,
}: Pick<Bed, 'sql' | 'url' | 'secrets'>): Promise<number> {
  const times: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const reports = await addReports(sql, DELIVERIES);
    await addDueDeliveries(sql, reports, 'prelim');
    const started = performance.now();
    const response = await fetch(`${url}/api/webhooks/retry`, {
      headers: { authorization: `Bearer ${secrets.cronSecret}` },
    });
    times.push(performance.now() - started);
    const { successes } = sweepAnswer.parse(await response.json());
    if (successes !== DELIVERIES) throw new Error(`the sweep confirmed ${successes} of ${DELIVERIES}`);
  }
  return round(median(times));
}
