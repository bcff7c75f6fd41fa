import type { SweepAnswer } from '../../contracts/retry.ts';
import type { Rpc } from '../db/rpc.ts';
import type { Log } from '../log.ts';
import type { Sender } from './call-webhook.ts';
import { claimedDelivery } from './delivery.ts';
import { deliveryLeaseSeconds, notifyReportCompletion } from './notify-report-completion.ts';

const CONCURRENCY = 10;
/** After this long nothing new is claimed; what is left waits for the next sweep, which comes every minute. */
const BUDGET_MS = 50_000;
/** A database that is away would fail every worker's every call. */
const ERRORS_TO_GIVE_UP = 3;

/**
 * Sends what is due, each delivery claimed only when it is started, until nothing is due or the time is used up. Any
 * number of sweeps may run at once.
 */
export async function sweepDeliveries(sender: Sender & { rpc: Rpc; log: Log }): Promise<SweepAnswer> {
  const answer: SweepAnswer = { processed: 0, successes: 0, failures: 0, dead: 0, errors: [] };
  const deadline = sender.now() + BUDGET_MS;
  const parameters = { p_lease_seconds: deliveryLeaseSeconds(sender.timeoutMs) };

  async function sweepOne(): Promise<boolean> {
    const delivery = await sender.rpc('claim_due_delivery', parameters, claimedDelivery.nullable());
    if (delivery === null) return false;
    answer.processed += 1;
    const { round, recorded } = await notifyReportCompletion(sender, delivery, 0);
    if (round.result === 'delivered') answer.successes += 1;
    else answer.failures += 1;
    if (recorded.dead) answer.dead += 1;
    return true;
  }

  async function work(): Promise<void> {
    while (sender.now() < deadline && answer.errors.length < ERRORS_TO_GIVE_UP) {
      try {
        if (!(await sweepOne())) return;
      } catch (error) {
        sender.log('error', 'a delivery was not swept', { error });
        answer.errors.push(error instanceof Error ? error.message : 'unknown error');
      }
    }
  }

  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return answer;
}
