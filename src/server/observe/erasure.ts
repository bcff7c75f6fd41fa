import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Store } from '../store/store.ts';
import type { Log } from './log.ts';

/** Accounts and reports per call, and rows of each kind per account or report. Small, so that locks are held briefly. */
export const ERASURE_BATCH = 100;

// Any UUID-shaped id, as PostgreSQL accepts: existing rows have ids of no version of RFC 9562.
export const erasedBatch = z.object({
  reports: z.int(),
  users: z.array(z.guid()),
  errors: z.array(
    z.object({ user_id: z.guid().optional(), report_id: z.guid().optional(), error: z.string() }),
  ),
  /** The call ended by its time limit, not because other transactions hold the rest. */
  busy: z.boolean(),
  left: z.boolean(),
});

/**
 * Erases the content of deleted reports and accounts, batch after batch, until none is left or the deadline is reached.
 * Returns the number. Logs a line per account: a database restored from an older backup has the content again, and these
 * lines name the erasures to repeat.
 * @throws {DatabaseUnavailable}
 */
export async function eraseDeleted(
  { rpc, now, monotonicNow, log }: Store & Clock & { log: Log },
  deadline: number,
): Promise<number> {
  let total = 0;
  for (;;) {
    const { reports, users, errors, busy, left } = await rpc(
      'erase_due',
      { p_limit: ERASURE_BATCH },
      erasedBatch,
    );
    logErased({ now, log }, { users, errors });
    total += reports + users.length;
    // Nothing erased although some are left: other transactions hold them, unless one of them takes more than one call.
    if (!left || (!busy && reports + users.length === 0) || monotonicNow() >= deadline) return total;
  }
}

/** Logs one line per account, which `npm run polaris -- erase --from FILE` reads, and one per failure. */
export function logErased(
  { now, log }: { now: () => number; log: Log },
  { users, errors }: Pick<z.infer<typeof erasedBatch>, 'users' | 'errors'>,
): void {
  for (const user of users)
    log('info', 'the content of an account was erased', {
      erased: user,
      time: new Date(now()).toISOString(),
    });
  for (const details of errors) log('error', 'an erasure failed; the next sweep retries it', details);
}
