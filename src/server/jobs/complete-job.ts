import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { MAX_RESULT_BYTES } from '../../contracts/constants.ts';
import type { Json } from '../../contracts/text.ts';
import { DatabaseUnavailable, type Store } from '../store/store.ts';
import { claimedDelivery, type ClaimedDelivery } from '../deliver/delivery.ts';

/** What came of a job: the content of its event. */
export type JobOutcome =
  | {
      status: 'completed';
      research_report: string;
      research_metadata: Record<string, Json> | null;
      final_data: Record<string, Json> | null;
    }
  | { status: 'failed'; error: string; research_metadata: Record<string, Json> | null };

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

export interface Completed {
  outcome: z.infer<typeof completion>['outcome'];
  /** Committed under this process's lease: it is to be sent now. */
  delivery: ClaimedDelivery | null;
}

/**
 * Commits a job's result with its event and its delivery, before anything is sent.
 * @param leaseToken the runner's; null takes the lease over, as the pipeline does that generated the result elsewhere
 * @throws {DatabaseUnavailable}
 */
export async function completeJob(
  { rpc, deliveryLeaseSeconds }: Store & { deliveryLeaseSeconds: number },
  jobId: string,
  leaseToken: number | null,
  outcome: JobOutcome,
): Promise<Completed> {
  const fitting = fitIntoEnvelope(outcome);
  const parameters = {
    p_job_id: jobId,
    p_lease_token: leaseToken ?? undefined,
    p_result: fitting,
    p_delivery_lease_seconds: deliveryLeaseSeconds,
  };
  const answer = await rpc('complete_report_job', parameters, completion);
  if (!('delivery' in answer) || answer.delivery === undefined) {
    return { outcome: answer.outcome, delivery: null };
  }
  const { status, ...content } = fitting;
  const given = Object.entries(content).filter(([, value]) => value !== null);
  const data = { ...answer.delivery.data, ...Object.fromEntries(given), research_status: status };
  return { outcome: answer.outcome, delivery: { ...answer.delivery, data } };
}

/** A result whose envelope no endpoint would take fails its job, or its delivery would be tried for days in vain. */
function fitIntoEnvelope(outcome: JobOutcome): JobOutcome {
  const bytes = Buffer.byteLength(JSON.stringify(outcome));
  if (bytes <= MAX_RESULT_BYTES) return outcome;
  const kilobytes = (count: number) => `${Math.ceil(count / 1024)} KB`;
  return {
    status: 'failed',
    error: `The result has ${kilobytes(bytes)}; at most ${kilobytes(MAX_RESULT_BYTES)} can be delivered.`,
    research_metadata: null,
  };
}

/** Long enough for a database that fails over, short enough for the function's limit. */
const PATIENCE_MS = 25_000;
const FIRST_PAUSE_MS = 250;

/** Completes a job though the database be away for a while: until then the result is nowhere but here. */
export async function completeJobPatiently(
  ...parameters: Parameters<typeof completeJob>
): Promise<Completed> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    try {
      return await completeJob(...parameters);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || Date.now() + pauseMs > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}
