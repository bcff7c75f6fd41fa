import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

export interface Retention {
  auditDays: number;
  payloadDays: number;
  jobDays: number;
}

/** Small, so that no lock is held for long. */
const BATCH = 500;

const pruned = z.object({ audit: z.int(), refusals: z.int(), payloads: z.int(), jobs: z.int() });

/**
 * Removes what is older than the configured days, batch after batch, until nothing is or the deadline has come. Returns how
 * many rows.
 * @throws {DatabaseUnavailable}
 */
export async function prune(
  { rpc, monotonicNow, retention }: Store & MonotonicClock & { retention: Retention },
  deadline: number,
): Promise<number> {
  const parameters = {
    p_audit_days: retention.auditDays,
    p_payload_days: retention.payloadDays,
    p_job_days: retention.jobDays,
    p_limit: BATCH,
  };
  let total = 0;
  while (monotonicNow() < deadline) {
    const counts = Object.values(await rpc('prune_expired', parameters, pruned));
    total += counts.reduce((sum, count) => sum + count, 0);
    if (!counts.includes(BATCH)) break;
  }
  return total;
}
