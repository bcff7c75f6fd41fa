import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { SweepAnswer } from '../../contracts/retry.ts';
import type { Log } from '../observe/log.ts';
import { claimedDelivery } from './delivery.ts';
import { notifyReportCompletion } from './notify-report-completion.ts';
import { deliveryLeaseSeconds, type Notifier } from './send-delivery.ts';

const CONCURRENCY = 10;
/** Workers that may send to subscribers at once: should all of these hang, results still reach our own endpoints. */
const OUTWARD_CONCURRENCY = 8;
/** Sweeps come every minute: what would not be over by then is left to the next. */
const BUDGET_MS = 55_000;
/** Of deliveries whose holder died; the next sweep releases more. */
const RELEASED_AT_ONCE = 500;
/** While a subscriber's limits delay what is due to it. */
const WAIT_MS = 500;
/** Workers that wait for that; the others end. */
const WAITING = 2;
/** Of claims that fail, by one worker in succession: then the database is unavailable. */
const MAX_FAILED_CLAIMS = 3;

/** Enough of a delivery to tell which one it is, should the rest not fit its schema. */
const claim = z.object({
  delivery: z.looseObject({ event_id: z.string(), subscriber: z.unknown() }).nullable(),
  left_out: z.array(
    z.object({
      delivery_id: z.int(),
      event_id: z.string(),
      left_out: z.enum(['held', 'error']),
      error: z.string().optional(),
    }),
  ),
  /** Something is due that a subscriber's limits delay. */
  waiting: z.boolean().default(false),
});

/**
 * Sends what is due, each delivery claimed only when it is started, until nothing is due or the time is used up. Any
 * number of sweeps may run at once. A delivery that is locked, or that cannot be claimed, sent or recorded, keeps no other
 * from being sent; the answer says what was left out.
 * @throws {DatabaseUnavailable} when nothing could be claimed at all
 */
export async function sweepDeliveries(sender: Notifier & { log: Log }): Promise<SweepAnswer> {
  const answer: SweepAnswer = { processed: 0, successes: 0, failures: 0, dead: 0, errors: [] };
  const deadline = sender.monotonicNow() + BUDGET_MS;
  const leaseSeconds = deliveryLeaseSeconds(sender.timeoutMs);
  const leftOut = new Map<number, string>();
  let claims = 0;
  const failedClaims: unknown[] = [];
  let longestRoundMs = 0;
  let waiting = 0;
  let outward = 0;

  await attempt('deliveries of dead holders were not released', () =>
    sender.rpc('release_deliveries', { p_limit: RELEASED_AT_ONCE }, z.int()),
  );
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  if (claims === 0 && failedClaims.length > 0) throw failedClaims[0];
  const held = [...leftOut.values()].filter((why) => why === 'held').length;
  if (held > 0) {
    answer.errors.push(
      `${held} deliveries were left out: another transaction holds their reports. The next sweep tries again`,
    );
  }
  return answer;

  async function work(): Promise<void> {
    let failed = 0;
    while (failed < MAX_FAILED_CLAIMS && sender.monotonicNow() + longestRoundMs < deadline) {
      const started = sender.monotonicNow();
      // Reserved before the claim, since several workers claim at once.
      const ownOnly = outward === OUTWARD_CONCURRENCY;
      if (!ownOnly) outward += 1;
      const claimed = await attempt('no delivery could be claimed', () => claimNext(ownOnly));
      const isOutward = claimed?.delivery?.subscriber != null;
      if (!ownOnly && !isOutward) outward -= 1;
      if (claimed === undefined) {
        failed += 1;
        continue;
      }
      failed = 0;
      if (claimed.delivery !== null) {
        answer.processed += 1;
        await attempt('a delivery was not swept', () => send(claimed.delivery), claimed.delivery.event_id);
        if (isOutward) outward -= 1;
        longestRoundMs = Math.max(longestRoundMs, sender.monotonicNow() - started);
      } else if (claimed.left_out.length === 0) {
        if (!(claimed.waiting || ownOnly) || waiting === WAITING) return;
        waiting += 1;
        await sleep(WAIT_MS);
        waiting -= 1;
      }
    }
  }

  async function claimNext(ownOnly: boolean): Promise<z.infer<typeof claim>> {
    const parameters = {
      p_lease_seconds: leaseSeconds,
      p_claim_id: randomUUID(),
      p_left_out: [...leftOut.keys()],
      p_own_only: ownOnly,
    };
    try {
      const claimed = await sender.rpc('claim_due_delivery', parameters, claim);
      claims += 1;
      for (const one of claimed.left_out) leaveOut(one);
      return claimed;
    } catch (error) {
      failedClaims.push(error);
      throw error;
    }
  }

  async function send(claimed: unknown): Promise<void> {
    const delivery = claimedDelivery.parse(claimed);
    const { round, recorded } = await notifyReportCompletion(sender, delivery, 0);
    if (round.result === 'delivered') answer.successes += 1;
    else answer.failures += 1;
    if (recorded.dead) answer.dead += 1;
  }

  function leaveOut({ delivery_id, event_id, left_out, error }: z.infer<typeof claim>['left_out'][number]) {
    if (leftOut.has(delivery_id)) return;
    leftOut.set(delivery_id, left_out);
    if (left_out === 'error') note('a delivery could not be claimed', new Error(error), event_id);
  }

  /** Undefined: it failed, which is noted. */
  async function attempt<T>(
    message: string,
    action: () => Promise<T>,
    event?: string,
  ): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      note(message, error, event);
      return undefined;
    }
  }

  /** In the log each error, in the answer each reason: hundreds of deliveries may fail for the same one. */
  function note(message: string, error: unknown, event?: string): void {
    sender.log('error', message, { event, error });
    const reason = error instanceof Error ? error.message : 'unknown error';
    if (!answer.errors.includes(reason)) answer.errors.push(reason);
  }
}
