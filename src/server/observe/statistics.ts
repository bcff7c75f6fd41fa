import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/** Quarters of an hour in one transaction: a few thousand audit rows are counted in some ten milliseconds. */
const BATCH = 8;

/**
 * Counts the quarters of an hour that are over, batch after batch, until none is left or the deadline has come. One that is
 * left waits for the next sweep: the statistics read its rows themselves until then.
 * @throws {DatabaseUnavailable}
 */
export async function rollUp({ rpc, monotonicNow }: Store & MonotonicClock, deadline: number): Promise<void> {
  while (monotonicNow() < deadline) {
    const quarters = await rpc('roll_up_webhooks', { p_limit: BATCH }, z.int());
    if (quarters < BATCH) return;
  }
}
