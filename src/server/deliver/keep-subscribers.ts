import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/** Deliveries per transaction, whose locks are held until its end. */
const SLICE = 500;

const kept = z.object({ more: z.boolean() });

/**
 * Time-based changes of subscribers: pauses one that has accepted nothing for days, removes one that never passed its check,
 * and ends deliveries that have waited too long.
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
