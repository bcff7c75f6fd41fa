import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { CronAnswer } from '../contracts/retry.ts';
import { CRON } from './auth/operators.ts';
import { answer } from './http/problem.ts';
import { sweepJobs, type TakeOverCaller } from './jobs/sweep-jobs.ts';
import { evaluateAlerts, type Evaluator } from './observe/alerts/evaluate-alerts.ts';
import { sendHeartbeat, type HeartbeatSender } from './observe/alerts/heartbeat.ts';
import { pingOwnAddresses } from './observe/alerts/ping-own-addresses.ts';
import { sendAlerts, type AlertSender } from './observe/alerts/send-alerts.ts';
import { verifySlice } from './observe/alerts/verify-slice.ts';
import { eraseDeleted } from './observe/erasure.ts';
import { importReports } from './observe/import-reports.ts';
import { prune, type Retention } from './observe/retention.ts';
import { rollUp } from './observe/statistics.ts';
import type { Notifier } from './deliver/send-delivery.ts';
import type { Result } from './http/operator-guard.ts';
import { workPlans } from './deliver/plans.ts';
import { keepSubscribers } from './deliver/keep-subscribers.ts';
import { shareSweep } from './deliver/share-sweep.ts';

/** Time for each part of the housekeeping: the parts run one after the other, and the next sweep comes after a minute. */
const HOUSEKEEPING_MS = 15_000;
/** Time for sending alerts: a hanging receiver costs each alert its time-out. The next sweep sends the rest. */
const ALERTS_MS = 25_000;

/**
 * All due work: alerts, deliveries, abandoned jobs, and housekeeping. The four run concurrently, so a backlog of one does not
 * delay the others. A part that fails does not stop the others.
 * @throws {DatabaseUnavailable} if no part could do anything
 */
export async function sweep(
  services: Notifier &
    TakeOverCaller &
    Evaluator &
    AlertSender &
    HeartbeatSender & { retention: Retention; pauseMaxDays: number },
  actor: string,
): Promise<Result> {
  const part = parts(services);
  const [alerts, deliveries, jobs, rest] = await Promise.all([
    watch(),
    part.run('deliveries', () => shareSweep(services)),
    part.run('jobs', () => sweepJobs(services)),
    keepHouse(),
  ]);
  if (part.allFailed()) throw part.failures[0]?.error;
  if (actor === CRON && part.failures.length === 0) await sendHeartbeat(services);
  const result: CronAnswer = {
    ...(deliveries ?? { processed: 0, successes: 0, failures: 0, dead: 0 }),
    taken_over: jobs?.taken_over ?? 0,
    given_up: jobs?.given_up ?? 0,
    ...rest,
    alerts: alerts ?? 0,
    errors: [
      ...part.failures.map(({ name, error }) => `${name}: ${messageOf(error)}`),
      ...(deliveries?.errors ?? []),
      ...(jobs?.errors ?? []),
    ],
  };
  return { response: answer(result), record: null };

  async function watch() {
    // Before the evaluation, which reads it. Only for the cron: an operator's sweep would hide that the cron has stopped.
    if (actor === CRON) {
      await part.run(
        'the count of sweeps, without which the health check says that the cron is missing',
        () => services.rpc('record_sweep', { p_sweep_id: randomUUID() }, z.int()),
      );
    }
    const changed = await part.run('alerts', () => evaluateAlerts(services));
    if (services.alertAddresses.length > 0) {
      await part.run('delivery of alerts', () => sendAlerts(services, services.monotonicNow() + ALERTS_MS));
    }
    await part.run('ping', () => pingOwnAddresses(services));
    await part.run('verification', () => verifySlice(services));
    return changed;
  }

  async function keepHouse() {
    const budget = () => services.monotonicNow() + HOUSEKEEPING_MS;
    // First: what plans redrive is sent by the concurrent sweep of deliveries.
    const redriven = await part.run('plans', () => workPlans(services, budget()));
    await part.run('subscribers', () => keepSubscribers(services, budget()));
    const erased = await part.run('erasure', () => eraseDeleted(services, budget()));
    await part.run('statistics', () => rollUp(services, budget()));
    const imported = await part.run('import', () => importReports(services, budget()));
    const pruned = await part.run('retention', () => prune(services, budget()));
    return { redriven: redriven ?? 0, erased: erased ?? 0, imported: imported ?? 0, pruned: pruned ?? 0 };
  }
}

/** Runs parts that may fail independently, and collects their failures. */
function parts({ log }: TakeOverCaller) {
  const failures: { name: string; error: unknown }[] = [];
  let succeeded = 0;
  return {
    failures,
    allFailed: () => succeeded === 0,
    async run<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
      try {
        const value = await work();
        succeeded += 1;
        return value;
      } catch (error) {
        log('error', 'a part of the sweep failed', { part: name, error });
        failures.push({ name, error });
        return undefined;
      }
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
