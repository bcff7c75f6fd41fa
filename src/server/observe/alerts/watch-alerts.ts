import { z } from 'zod';
import { createUsageMeter, type Usage } from '../usage.ts';
import { evaluateAlerts, type Evaluator } from './evaluate-alerts.ts';
import { sendAlerts, type AlertSender } from './send-alerts.ts';

/** Each instance reports this seldom: the good path pays one short call of the database a minute. */
const INTERVAL_MS = 60_000;
const SENDING_MS = 20_000;

type Watcher = Evaluator & AlertSender & { waitUntil: (work: Promise<unknown>) => void };

/**
 * What a function does after its answers: it reports what it has used, and is told whether the last sweep is older than three
 * minutes. Then nothing else would evaluate the alerts, not even the one that says so. At most once a minute an instance, and
 * one instance at a time.
 */
export function createWatch(watcher: Watcher, functionName: string): () => void {
  const meter = createUsageMeter();
  let nextAt = -Infinity;
  return () => {
    meter.count();
    if (watcher.monotonicNow() < nextAt) return;
    nextAt = watcher.monotonicNow() + INTERVAL_MS;
    watcher.waitUntil(
      watch(watcher, functionName, meter.take()).catch((error: unknown) => {
        watcher.log('error', 'could not evaluate alerts after a request', { error });
      }),
    );
  };
}

async function watch(watcher: Watcher, functionName: string, usage: Usage): Promise<void> {
  if (!(await report(watcher, functionName, usage))) return;
  if ((await evaluateAlerts(watcher, true)) === null) return;
  await sendAlerts(watcher, watcher.monotonicNow() + SENDING_MS);
}

/** Returns whether somebody must evaluate the alerts, which nobody knows when it fails. */
async function report(watcher: Watcher, functionName: string, usage: Usage): Promise<boolean> {
  const parameters = {
    p_function: functionName,
    p_invocations: usage.invocations,
    p_cpu_ms: usage.cpuMs,
    p_memory_bytes: usage.memoryBytes,
  };
  try {
    return await watcher.rpc('report_usage', parameters, z.boolean());
  } catch (error) {
    watcher.log('error', 'could not record the usage of the function', { error });
    return true;
  }
}
