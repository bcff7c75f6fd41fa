import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/** Reports per transaction. Each is locked until the end of the transaction, so a writer waits a fraction of a second at most. */
const BATCH = 100;

const batch = z.object({ imported: z.int(), left: z.int() });

/**
 * Imports reports from before the events, batch after batch, until none is left or the deadline is reached. Returns the
 * number.
 * @throws {DatabaseUnavailable}
 */
export async function importReports(
  { rpc, monotonicNow }: Store & MonotonicClock,
  deadline: number,
): Promise<number> {
  let total = 0;
  while (monotonicNow() < deadline) {
    const { imported, left } = await rpc('import_reports', { p_limit: BATCH }, batch);
    total += imported;
    // Nothing imported although some are left: other transactions hold them, and import them themselves.
    if (left === 0 || imported === 0) break;
  }
  return total;
}
