import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

export interface Retention {
  auditDays: number;
  payloadDays: number;
  jobDays: number;
}

/** Rows of each kind that one call examines. Small, so that locks are held briefly. */
const BATCH = 500;

const pruned = z.object({
  audit: z.int(),
  refusals: z.int(),
  alerts: z.int(),
  plans: z.int(),
  checks: z.int(),
  payloads: z.int(),
  jobs: z.int(),
  /** Where the next call continues. Kept rows remain the oldest: without this, each call would examine all of them again. */
  after: z.json(),
});

/**
 * Removes rows older than the configured days, batch after batch, until none is left or the deadline is reached. Returns the
 * number of rows.
 * @throws {DatabaseUnavailable}
 */
export async function prune(
  {
    rpc,
    monotonicNow,
    retention,
    pauseMaxDays,
  }: Store & MonotonicClock & { retention: Retention; pauseMaxDays: number },
  deadline: number,
): Promise<number> {
  const parameters = {
    p_audit_days: retention.auditDays,
    p_payload_days: retention.payloadDays,
    p_job_days: retention.jobDays,
    p_pause_max_days: pauseMaxDays,
    p_limit: BATCH,
  };
  let total = 0;
  let after: z.infer<typeof pruned>['after'] = null;
  do {
    const answer: z.infer<typeof pruned> = await rpc(
      'prune_expired',
      { ...parameters, p_after: after },
      pruned,
    );
    total +=
      answer.audit +
      answer.refusals +
      answer.alerts +
      answer.plans +
      answer.checks +
      answer.payloads +
      answer.jobs;
    after = answer.after;
  } while (after !== null && monotonicNow() < deadline);
  return total;
}
