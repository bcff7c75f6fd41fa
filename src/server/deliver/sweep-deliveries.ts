import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { SweepAnswer } from '../../contracts/retry.ts';
import type { Log } from '../observe/log.ts';
import { claimedDelivery, type Round } from './delivery.ts';
import { gather } from './gather.ts';
import { notifyReportCompletion } from './notify-report-completion.ts';
import { createPace } from './pace.ts';
import { recordTogether } from './record-round.ts';
import { deliveryLeaseSeconds, type Notifier } from './send-delivery.ts';

/** Deliveries per claim. */
const CLAIMED_AT_ONCE = 10;
/** Senders reserved for our own endpoints: even if all subscribers hang, results arrive. */
const OWN_SENDERS = 2;
/** Sweeps run every minute: what this one cannot finish is left to the next. */
export const SWEEP_BUDGET_MS = 55_000;
/** Deliveries of dead holders released per sweep; the next sweep releases more. */
const RELEASED_AT_ONCE = 500;
/** Pause while all due deliveries are delayed by their subscribers' limits. */
const WAIT_MS = 500;
/** Workers that wait for these deliveries; the others end. */
const WAITING = 2;
/** Consecutive failed claims of one worker after which the database counts as unavailable. */
const MAX_FAILED_CLAIMS = 3;

const claim = z.object({
  /** Only the members that identify a delivery: the others are validated separately. */
  deliveries: z.array(z.looseObject({ event_id: z.string(), subscriber: z.unknown() })),
  left_out: z.array(
    z.object({
      delivery_id: z.int(),
      event_id: z.string(),
      left_out: z.enum(['held', 'error']),
      error: z.string().optional(),
    }),
  ),
  /** Something is due, but delayed by a subscriber's limits. */
  waiting: z.boolean(),
});

/** What a sender does next. `look_again`: another claim may find something. `wait`: a later claim may. */
type Claimed = z.infer<typeof claim>['deliveries'][number] | 'look_again' | 'wait' | 'nothing' | 'failed';

/**
 * Sends what is due until nothing is due or the time is up. Each delivery is claimed only when it is about to be sent. The
 * number of senders grows while our own endpoints answer, and shrinks when they are overloaded. Senders that ask at the same
 * time share one claim and one record. Any number of sweeps may run concurrently. A delivery that is locked, or that cannot
 * be claimed, sent or recorded, does not stop the others; the answer reports what was left out.
 * @throws {DatabaseUnavailable} if nothing could be claimed at all
 */
export async function sweepDeliveries(sender: Notifier & { log: Log }): Promise<SweepAnswer> {
  const answer: SweepAnswer = { processed: 0, successes: 0, failures: 0, dead: 0, errors: [] };
  const deadline = sender.monotonicNow() + SWEEP_BUDGET_MS;
  const leaseSeconds = deliveryLeaseSeconds(sender.timeoutMs);
  const leftOut = new Map<number, string>();
  const pace = createPace(sender.monotonicNow);
  const claimNext = gather(CLAIMED_AT_ONCE, claimTogether);
  const recordDelivered = recordTogether(sender);
  let claims = 0;
  const failedClaims: unknown[] = [];
  let longestRoundMs = 0;
  let senders = pace.senders();
  let outward = 0;
  let waiting = 0;
  let isMore = true;

  await attempt('deliveries of dead holders were not released', () =>
    sender.rpc('release_deliveries', { p_limit: RELEASED_AT_ONCE }, z.int()),
  );
  await Promise.all(Array.from({ length: senders }, work));
  if (claims === 0 && failedClaims.length > 0) throw failedClaims[0];
  const held = [...leftOut.values()].filter((why) => why === 'held').length;
  if (held > 0) {
    answer.errors.push(
      `${held} deliveries were left out: another transaction holds their reports. The next sweep tries again`,
    );
  }
  return answer;

  async function work(): Promise<void> {
    const others: Promise<void>[] = [];
    let failed = 0;
    while (
      failed < MAX_FAILED_CLAIMS &&
      senders <= pace.senders() &&
      sender.monotonicNow() + longestRoundMs < deadline
    ) {
      const begun = sender.monotonicNow();
      const claimed = await claimNext(null);
      failed = claimed === 'failed' ? failed + 1 : 0;
      if (claimed === 'nothing') break;
      if (claimed === 'wait') {
        if (waiting === WAITING) break;
        waiting += 1;
        await sleep(WAIT_MS);
        waiting -= 1;
      } else if (typeof claimed !== 'string') {
        const isOutward = claimed.subscriber != null;
        await attempt('a delivery was not swept', () => send(claimed, begun), claimed.event_id);
        if (isOutward) outward -= 1;
        longestRoundMs = Math.max(longestRoundMs, sender.monotonicNow() - begun);
        if (isMore && senders < pace.senders()) {
          senders += 1;
          others.push(work());
        }
      }
    }
    senders -= 1;
    await Promise.all(others);
  }

  async function claimTogether(askers: readonly null[]): Promise<Claimed[]> {
    const outwardAllowed = Math.max(0, pace.senders() - OWN_SENDERS - outward);
    const claimed = await attempt('no delivery could be claimed', async () => {
      try {
        return await sender.rpc(
          'claim_due_deliveries',
          {
            p_limit: askers.length,
            p_outward: outwardAllowed,
            p_lease_seconds: leaseSeconds,
            p_claim_id: randomUUID(),
            p_left_out: [...leftOut.keys()],
          },
          claim,
        );
      } catch (error) {
        failedClaims.push(error);
        pace.overloaded(sender.monotonicNow());
        throw error;
      }
    });
    if (claimed === undefined) return askers.map(() => 'failed');
    claims += 1;
    isMore = claimed.deliveries.length === askers.length;
    for (const one of claimed.left_out) leaveOut(one);
    const toSubscribers = claimed.deliveries.filter(({ subscriber }) => subscriber != null).length;
    outward += toSubscribers;
    answer.processed += claimed.deliveries.length;
    const others =
      claimed.left_out.length > 0
        ? 'look_again'
        : claimed.waiting || toSubscribers === outwardAllowed
          ? 'wait'
          : 'nothing';
    return askers.map((_, index) => claimed.deliveries[index] ?? others);
  }

  async function send(claimed: unknown, begun: number): Promise<void> {
    const delivery = claimedDelivery.parse(claimed);
    const { round, recorded } = await notifyReportCompletion(sender, delivery, 0, recordDelivered);
    if (round.result === 'delivered') answer.successes += 1;
    else answer.failures += 1;
    if (recorded.dead) answer.dead += 1;
    // A slow subscriber has its own limits.
    if (delivery.subscriber !== null) return;
    if (isOverload(round, sender.timeoutMs)) pace.overloaded(begun);
    else if (round.result === 'delivered') pace.answered();
  }

  function leaveOut({ delivery_id, event_id, left_out, error }: z.infer<typeof claim>['left_out'][number]) {
    if (leftOut.has(delivery_id)) return;
    leftOut.set(delivery_id, left_out);
    if (left_out === 'error') note('a delivery could not be claimed', new Error(error), event_id);
  }

  /** Returns undefined if the action failed; the failure is noted. */
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

  /** Logs every error, but lists each reason once in the answer: hundreds of deliveries may fail for the same reason. */
  function note(message: string, error: unknown, event?: string): void {
    sender.log('error', message, { event, error });
    const reason = error instanceof Error ? error.message : 'unknown error';
    if (!answer.errors.includes(reason)) answer.errors.push(reason);
  }
}

/** Whether the endpoint rejected the last attempt because of its load, or did not answer in time. */
function isOverload({ attempts }: Round, timeoutMs: number): boolean {
  const last = attempts.at(-1);
  return last !== undefined && (last.status === 429 || last.status === 503 || last.duration_ms >= timeoutMs);
}
