import { z } from 'zod';
import { createUsageMeter, type Usage } from '../usage.ts';
import { evaluateAlerts, type Evaluator } from './evaluate-alerts.ts';
import { sendAlerts, type AlertSender } from './send-alerts.ts';

/** Interval per instance: normal operation costs one short database call a minute. */
const INTERVAL_MS = 60_000;
const SENDING_MS = 20_000;

type Watcher = Evaluator & AlertSender & { waitUntil: (work: Promise<unknown>) => void };

/**
 * Runs after a function's answers: reports the function's usage, and evaluates and sends alerts if the last sweep is older
 * than three minutes. Otherwise nothing would evaluate alerts then, not even the one about missing sweeps. At most once a
 * minute per instance, and by one instance at a time.
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

/** Returns whether this instance should evaluate the alerts. If the call fails, that is unknown, so it should. */
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
