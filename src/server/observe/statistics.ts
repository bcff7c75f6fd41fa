import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/** Quarters of an hour per transaction: counting a few thousand audit rows takes some ten milliseconds. */
const BATCH = 8;

/**
 * Counts the quarters of an hour that have ended, batch after batch, until none is left or the deadline is reached. The next
 * sweep counts the rest; until then, the statistics read those audit rows directly.
 * @throws {DatabaseUnavailable}
 */
export async function rollUp({ rpc, monotonicNow }: Store & MonotonicClock, deadline: number): Promise<void> {
  while (monotonicNow() < deadline) {
    const quarters = await rpc('roll_up_webhooks', { p_limit: BATCH }, z.int());
    if (quarters < BATCH) return;
  }
}
