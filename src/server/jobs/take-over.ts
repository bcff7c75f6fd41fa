import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { takeOverAnswer } from '../../contracts/jobs.ts';
import { jobId } from '../../contracts/webhooks.ts';
import { bearerToken, isOneOf, type BearerKeys } from '../http/bearer.ts';
import { answer, problem } from '../http/problem.ts';
import { jobRun } from './job-run.ts';
import { runJob, type Runner } from './run-job.ts';

export type TakeOverServices = Runner & {
  cronSecrets: BearerKeys;
  jobMaxTakeOvers: number;
  waitUntil: (work: Promise<unknown>) => void;
};

const { outcome } = takeOverAnswer.shape;
const taken = z.union([
  z.object({ outcome: outcome.extract(['taken_over']), run: jobRun }),
  z.object({ outcome: outcome.exclude(['taken_over']) }),
]);

/**
 * Takes over one job whose runner has died, and runs it after the answer. A job that was taken over too often fails, and its
 * delivery is due.
 */
export async function takeOverJob(services: TakeOverServices, request: Request): Promise<Response> {
  const token = bearerToken(request.headers);
  if (token === null || !isOneOf(token, services.cronSecrets)) return problem('unauthorized');
  const id = jobId.safeParse(new URL(request.url).searchParams.get('job_id'));
  if (!id.success) return problem('invalid_query', { detail: 'job_id is missing or malformed.' });
  const parameters = {
    p_job_id: id.data,
    p_lease_seconds: services.jobLeaseSeconds,
    p_max_take_overs: services.jobMaxTakeOvers,
    p_claim_id: randomUUID(),
    p_models: services.models,
  };
  const result = await services.rpc('take_over_report_job', parameters, taken);
  if (result.outcome === 'taken_over') services.waitUntil(runJob(services, result.run));
  return answer({ outcome: result.outcome }, { status: result.outcome === 'taken_over' ? 202 : 200 });
}
