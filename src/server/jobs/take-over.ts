import { z } from 'zod';
import { jobId } from '../../contracts/webhooks.ts';
import { bearerToken, isSecret } from '../http/bearer.ts';
import { answer, problem } from '../http/problem.ts';
import type { Log } from '../log.ts';
import type { Rpc } from '../db/rpc.ts';
import { jobRun } from './job-run.ts';
import { runJob, type Runner } from './run-job.ts';

export type TakeOverServices = Runner & {
  cronSecret: string;
  waitUntil: (work: Promise<unknown>) => void;
};

/** Takes a job whose runner has died, and runs it after the answer: each in an invocation of its own. */
export async function takeOverJob(services: TakeOverServices, request: Request): Promise<Response> {
  const token = bearerToken(request.headers);
  if (token === null || !isSecret(token, services.cronSecret)) return problem('unauthorized');
  const id = jobId.safeParse(new URL(request.url).searchParams.get('job_id'));
  if (!id.success) return problem('invalid_query', { detail: 'job_id is missing or malformed.' });
  const parameters = { p_job_id: id.data, p_lease_seconds: services.jobLeaseSeconds };
  const run = await services.rpc('take_over_report_job', parameters, jobRun.nullable());
  if (run !== null) services.waitUntil(runJob(services, run));
  return answer({ taken_over: run !== null }, { status: run === null ? 200 : 202 });
}

/** Jobs that one sweep hands over. Each is an invocation; the next sweep comes in a minute. */
const JOBS_PER_SWEEP = 50;
const TAKE_OVER_TIMEOUT_MS = 10_000;

const takenOver = z.object({ taken_over: z.boolean() });

export interface TakeOverCaller {
  rpc: Rpc;
  log: Log;
  fetch: typeof fetch;
  cronSecret: string;
  /** The deployment that the take-over is asked of is the one that receives webhooks: never who a request says it is. */
  webhookBaseUrl: string;
}

/** Asks for the take-over of every job whose lease has run out. Returns how many were taken, and what went wrong. */
export async function sweepJobs(caller: TakeOverCaller): Promise<{ taken_over: number; errors: string[] }> {
  const jobs = await caller.rpc('due_report_jobs', { p_limit: JOBS_PER_SWEEP }, z.array(jobId));
  const errors: string[] = [];
  const taken = await Promise.all(
    jobs.map(async (job) => {
      const url = new URL('/api/cron/take-over', caller.webhookBaseUrl);
      url.searchParams.set('job_id', job);
      try {
        const response = await caller.fetch(url, {
          method: 'POST',
          headers: { authorization: `Bearer ${caller.cronSecret}` },
          redirect: 'manual',
          signal: AbortSignal.timeout(TAKE_OVER_TIMEOUT_MS),
        });
        if (!response.ok) throw new Error(`the take-over was answered ${response.status}`);
        return takenOver.parse(await response.json()).taken_over;
      } catch (error) {
        caller.log('error', 'a job was not taken over', { job, error });
        errors.push(`${job}: ${error instanceof Error ? error.message : 'unknown error'}`);
        return false;
      }
    }),
  );
  return { taken_over: taken.filter(Boolean).length, errors };
}
