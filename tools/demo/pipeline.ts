import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@supabase/supabase-js';
import type { Intake } from '../../src/contracts/intake.ts';
import { jobAccepted, jobView, type JobView } from '../../src/contracts/jobs.ts';
import type { Stage } from '../../src/contracts/webhooks.ts';
import type { Account } from '../local/accounts.ts';
import type { LocalSystem } from '../local/local-system.ts';
import { sha256 } from '../local/sha256.ts';

export interface DemoReport {
  name: string;
  intake: Intake;
  reportId: string;
}

export interface DemoJob {
  report: DemoReport;
  stage: Stage;
  jobId: string;
  /** SHA-256 of the result in the answer of the job endpoint. */
  sha256: string;
  /** From the request to the result, in milliseconds. */
  tookMs: number;
}

/** Adds a report as its owner does: through the REST API, under row level security. */
export async function addReport(
  { dev: { supabaseUrl, publishableKey } }: LocalSystem,
  owner: Account,
  name: string,
  intake: Intake,
): Promise<DemoReport> {
  const client = createClient(supabaseUrl, publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { headers: { authorization: `Bearer ${owner.accessToken}` } },
  });
  const reportId = randomUUID();
  const { error } = await client
    .from(`${intake.report_type}_reports`)
    .insert({ id: reportId, user_id: owner.id, user_data: intake.user_data });
  if (error) throw new Error(`the report of ${name} was not added: ${error.message}`, { cause: error });
  return { name, intake, reportId };
}

const POLL_MS = 100;
const PATIENCE_MS = 60_000;

/** Requests one stage of a report as the pipeline does, and waits for its result. */
export async function runJob(system: LocalSystem, report: DemoReport, stage: Stage): Promise<DemoJob> {
  const started = Date.now();
  const { url, pipelineApiKey } = system.dev;
  const headers = { authorization: `Bearer ${pipelineApiKey}` };
  const { intake, reportId } = report;
  const response = await fetch(`${url}/api/reportJobsDb`, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'idempotency-key': `${reportId}-${stage}`,
    },
    body: JSON.stringify({
      prompt: intake.prompt,
      report_type: intake.report_type,
      report_id: reportId,
      stage,
    }),
  });
  if (response.status !== 202)
    throw new Error(`the job was answered ${response.status}: ${await response.text()}`);
  const { job_id, status_url } = jobAccepted.parse(await response.json());
  for (;;) {
    const job = jobView.parse(await (await fetch(url + status_url, { headers })).json());
    if (isSettled(job)) {
      if (job.result === null)
        throw new Error(`job ${job_id} ${job.status}: ${job.error ?? 'without a reason'}`);
      return { report, stage, jobId: job_id, sha256: sha256(job.result), tookMs: Date.now() - started };
    }
    if (Date.now() - started > PATIENCE_MS) throw new Error(`job ${job_id} does not end: ${job.status}`);
    await sleep(POLL_MS);
  }
}

/** Whether the job has ended and the first round of its delivery is over. */
function isSettled({ status, webhook }: JobView): boolean {
  const isOver = status === 'succeeded' || status === 'failed' || status === 'cancelled';
  return isOver && webhook.status !== 'pending' && webhook.status !== 'retrying';
}
