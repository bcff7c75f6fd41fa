import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { CronAnswer } from '../contracts/retry.ts';
import { CRON } from './auth/operators.ts';
import { answer } from './http/problem.ts';
import { sweepJobs, type TakeOverCaller } from './jobs/take-over.ts';
import { importReports } from './observe/import-reports.ts';
import { prune, type Retention } from './observe/retention.ts';
import { rollUp } from './observe/statistics.ts';
import type { Sender } from './deliver/call-webhook.ts';
import type { Result } from './deliver/retry-endpoint.ts';
import { sweepDeliveries } from './deliver/sweep-deliveries.ts';

/** A sweep a minute: after this long no further batch is counted or pruned. */
const BUDGET_MS = 55_000;

/**
 * All that is due. Deliveries first: they have their result already, and only wait to be confirmed. Then jobs that nobody
 * runs, then what the statistics have not counted yet and reports that are not imported yet, and last what is too old to keep.
 */
export async function sweep(
  services: Sender & TakeOverCaller & { retention: Retention },
  actor: string,
): Promise<Result> {
  const deadline = services.monotonicNow() + BUDGET_MS;
  const signOfLife = actor === CRON ? await recordSweep(services) : [];
  const deliveries = await sweepDeliveries(services);
  const { errors, ...jobs } = await sweepJobs(services);
  await rollUp(services, deadline);
  const imported = await importReports(services, deadline);
  const pruned = await prune(services, deadline);
  const result: CronAnswer = {
    ...deliveries,
    ...jobs,
    imported,
    pruned,
    errors: [...signOfLife, ...deliveries.errors, ...errors],
  };
  return { response: answer(result), record: null };
}

/** For the health check: an operator's sweep would hide that the cron never comes. Answers what went wrong. */
async function recordSweep({ rpc, log }: TakeOverCaller): Promise<string[]> {
  try {
    await rpc('record_sweep', { p_sweep_id: randomUUID() }, z.int());
    return [];
  } catch (error) {
    log('error', 'a sweep was not counted', { error });
    return ['the sweep was not counted: the health check may say that the cron is missing'];
  }
}
