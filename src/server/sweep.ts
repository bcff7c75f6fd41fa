import type { CronAnswer } from '../contracts/retry.ts';
import { answer } from './http/problem.ts';
import { sweepJobs, type TakeOverCaller } from './jobs/take-over.ts';
import type { Sender } from './webhooks/call-webhook.ts';
import type { Result } from './webhooks/retry-endpoint.ts';
import { sweepDeliveries } from './webhooks/sweep-deliveries.ts';

/** All that is due, deliveries first: they have their result already, and only wait to be confirmed. */
export async function sweep(services: Sender & TakeOverCaller): Promise<Result> {
  const deliveries = await sweepDeliveries(services);
  const jobs = await sweepJobs(services);
  const result: CronAnswer = {
    ...deliveries,
    taken_over: jobs.taken_over,
    errors: [...deliveries.errors, ...jobs.errors],
  };
  return { response: answer(result), record: null };
}
