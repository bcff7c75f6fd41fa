import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/** Deliveries in one transaction: their locks are held for as long as it takes. */
const SLICE = 500;

const kept = z.object({ more: z.boolean() });

/**
 * Time-based changes of subscribers: one that accepts nothing for days is paused, one that never passed its check is removed, and
 * deliveries that nobody can wait for any longer end.
 * @throws {DatabaseUnavailable}
 */
export async function keepSubscribers(
  { rpc, monotonicNow, pauseMaxDays }: Store & MonotonicClock & { pauseMaxDays: number },
  deadline: number,
): Promise<void> {
  while (monotonicNow() < deadline) {
    const { more } = await rpc('keep_subscribers', { p_pause_max_days: pauseMaxDays, p_limit: SLICE }, kept);
    if (!more) return;
  }
}
