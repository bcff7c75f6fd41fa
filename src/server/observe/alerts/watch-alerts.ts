import { evaluateAlerts, type Evaluator } from './evaluate-alerts.ts';
import { sendAlerts, type AlertSender } from './send-alerts.ts';

/** Each function asks this seldom whether sweeps still come: the good path pays one short call of the database a minute. */
const INTERVAL_MS = 60_000;
const SENDING_MS = 20_000;

export type Watcher = Evaluator & AlertSender & { waitUntil: (work: Promise<unknown>) => void };

/**
 * What a function does after its answers: when the last sweep is older than three minutes, nothing else would evaluate the
 * alerts, not even the one that says so. At most once a minute an instance, and one instance at a time.
 */
export function createWatch(watcher: Watcher): () => void {
  let nextAt = -Infinity;
  return () => {
    if (watcher.monotonicNow() < nextAt) return;
    nextAt = watcher.monotonicNow() + INTERVAL_MS;
    watcher.waitUntil(
      watch(watcher).catch((error: unknown) => {
        watcher.log('error', 'alerts were not evaluated after a request', { error });
      }),
    );
  };
}

async function watch(watcher: Watcher): Promise<void> {
  if ((await evaluateAlerts(watcher, true)) === null) return;
  await sendAlerts(watcher, watcher.monotonicNow() + SENDING_MS);
}
