import { deliveryBacklog, sweepAnswer, type SweepAnswer } from '../../contracts/retry.ts';
import type { Log } from '../observe/log.ts';
import { callOwnFunction, type OwnCaller } from './call-own-function.ts';
import { deliveryLeaseSeconds, type Notifier } from './send-delivery.ts';
import { SWEEP_BUDGET_MS, sweepDeliveries } from './sweep-deliveries.ts';

/** Due deliveries per parallel sweep: fewer than one sends in its time, also with 90 ms per round trip to the database. */
const DUE_PER_HELPER = 2000;
const MOST_HELPERS = 4;

/** A parallel sweep holds its last delivery, at the longest, until the lease of that ends. */
export function helperTimeoutMs(timeoutMs: number): number {
  return SWEEP_BUDGET_MS + deliveryLeaseSeconds(timeoutMs) * 1000;
}

/**
 * Sends what is due. For a large backlog it starts parallel sweeps, which start no further ones. If one of these fails, its
 * deliveries are due again when their leases expire.
 * @throws {DatabaseUnavailable} if nothing could be claimed at all
 */
export async function shareSweep(caller: Notifier & OwnCaller & { log: Log }): Promise<SweepAnswer> {
  const [own, helped] = await Promise.all([sweepDeliveries(caller), askForHelp(caller)]);
  return helped.reduce(add, own);
}

async function askForHelp(caller: Notifier & OwnCaller & { log: Log }): Promise<SweepAnswer[]> {
  try {
    const { due } = await caller.rpc('delivery_backlog', {}, deliveryBacklog);
    const helpers = Math.min(MOST_HELPERS, Math.floor(due / DUE_PER_HELPER));
    return await Promise.all(Array.from({ length: helpers }, () => help(caller)));
  } catch (error) {
    caller.log('error', 'could not read the backlog; this sweep starts no parallel ones', { error });
    return [];
  }
}

async function help(caller: Notifier & OwnCaller & { log: Log }): Promise<SweepAnswer> {
  try {
    return await callOwnFunction(caller, {
      path: '/webhooks/retry',
      method: 'GET',
      timeoutMs: helperTimeoutMs(caller.timeoutMs),
      // Several silent addresses would outlast this function.
      of: 'all addresses',
      what: 'a parallel sweep',
      answer: sweepAnswer,
    });
  } catch (error) {
    caller.log('error', 'a parallel sweep failed', { error });
    const message = error instanceof Error ? error.message : 'unknown error';
    return { processed: 0, successes: 0, failures: 0, dead: 0, errors: [message] };
  }
}

function add(sum: SweepAnswer, one: SweepAnswer): SweepAnswer {
  return {
    processed: sum.processed + one.processed,
    successes: sum.successes + one.successes,
    failures: sum.failures + one.failures,
    dead: sum.dead + one.dead,
    errors: [...new Set([...sum.errors, ...one.errors])],
  };
}
