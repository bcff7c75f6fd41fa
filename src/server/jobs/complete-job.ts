import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import { DatabaseUnavailable, type Store } from '../store/store.ts';
import { claimedDelivery, type ClaimedDelivery } from '../deliver/delivery.ts';

/** The outcome of a job: the content of its event. Objects are JSON text, which SQL stores unchanged. */
export type JobOutcome =
  | {
      status: 'completed';
      research_report: string;
      research_metadata?: string | undefined;
      final_data?: string | undefined;
    }
  | { status: 'failed'; error: string; research_metadata?: string | undefined };

const REFUSALS = [
  'job_not_found',
  'report_not_found',
  'job_conflict',
  'job_cancelled',
  'lease_lost',
  'busy',
] as const;

const completion = z.union([
  z.object({ outcome: z.enum(['completed', 'repeated']), delivery: claimedDelivery.optional() }),
  z.object({ outcome: z.enum(REFUSALS) }),
]);

interface Completed {
  outcome: z.infer<typeof completion>['outcome'];
  /** Committed under this process's lease, to be sent now. */
  delivery: ClaimedDelivery | null;
}

/**
 * Commits a job's result with its event and its delivery, before anything is sent.
 * @param leaseToken the runner's token; null takes the lease over, as the pipeline does after generating the result itself
 * @throws {DatabaseUnavailable}
 */
export async function completeJob(
  { rpc, deliveryLeaseSeconds }: Store & { deliveryLeaseSeconds: number },
  jobId: string,
  leaseToken: number | null,
  outcome: JobOutcome,
): Promise<Completed> {
  const { status, ...content } = outcome;
  const parameters = {
    p_job_id: jobId,
    p_status: status,
    p_delivery_lease_seconds: deliveryLeaseSeconds,
    p_lease_token: leaseToken ?? undefined,
    p_research_metadata: content.research_metadata,
    ...('error' in content
      ? { p_error: content.error }
      : { p_research_report: content.research_report, p_final_data: content.final_data }),
  };
  const answer = await rpc('complete_report_job', parameters, completion);
  return { outcome: answer.outcome, delivery: ('delivery' in answer ? answer.delivery : undefined) ?? null };
}

/** Long enough for a database failover, short enough for the function's limit. */
const PATIENCE_MS = 25_000;
const FIRST_PAUSE_MS = 250;

/** Completes a job, retrying while the database is unavailable: until then, the result exists only in this process. */
export async function completeJobPatiently(
  services: Parameters<typeof completeJob>[0] & MonotonicClock,
  jobId: string,
  leaseToken: number | null,
  outcome: JobOutcome,
): Promise<Completed> {
  const deadline = services.monotonicNow() + PATIENCE_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    try {
      return await completeJob(services, jobId, leaseToken, outcome);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || services.monotonicNow() + pauseMs > deadline)
        throw error;
      await sleep(pauseMs);
    }
  }
}
