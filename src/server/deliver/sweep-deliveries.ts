import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { SweepAnswer } from '../../contracts/retry.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../observe/log.ts';
import type { Sender } from './call-webhook.ts';
import { claimedDelivery } from './delivery.ts';
import { deliveryLeaseSeconds, notifyReportCompletion } from './notify-report-completion.ts';

const CONCURRENCY = 10;
/** After this long nothing new is claimed; what is left waits for the next sweep, which comes every minute. */
const BUDGET_MS = 50_000;

/** Enough of a delivery to tell which one it is, should the rest not fit its schema. */
const claim = z.looseObject({ event_id: z.string() }).nullable();

/**
 * Sends what is due, each delivery claimed only when it is started, until nothing is due or the time is used up. Any
 * number of sweeps may run at once. A delivery that cannot be sent or recorded keeps no other from being sent: only a
 * database that lets nothing be claimed ends a sweep early.
 */
export async function sweepDeliveries(sender: Sender & Store & { log: Log }): Promise<SweepAnswer> {
  const answer: SweepAnswer = { processed: 0, successes: 0, failures: 0, dead: 0, errors: [] };
  const deadline = sender.monotonicNow() + BUDGET_MS;
  const parameters = { p_lease_seconds: deliveryLeaseSeconds(sender.timeoutMs) };

  async function claimNext() {
    try {
      return await sender.rpc('claim_due_delivery', { ...parameters, p_claim_id: randomUUID() }, claim);
    } catch (error) {
      note('no delivery could be claimed', error);
      return null;
    }
  }

  async function send(claimed: unknown): Promise<void> {
    const delivery = claimedDelivery.parse(claimed);
    const { round, recorded } = await notifyReportCompletion(sender, delivery, 0);
    if (round.result === 'delivered') answer.successes += 1;
    else answer.failures += 1;
    if (recorded.dead) answer.dead += 1;
  }

  /** In the log each error, in the answer each reason: hundreds of deliveries may fail for the same one. */
  function note(message: string, error: unknown, event?: string): void {
    sender.log('error', message, { event, error });
    const reason = error instanceof Error ? error.message : 'unknown error';
    if (!answer.errors.includes(reason)) answer.errors.push(reason);
  }

  async function work(): Promise<void> {
    while (sender.monotonicNow() < deadline) {
      const claimed = await claimNext();
      if (claimed === null) return;
      answer.processed += 1;
      try {
        await send(claimed);
      } catch (error) {
        note('a delivery was not swept', error, claimed.event_id);
      }
    }
  }

  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return answer;
}
