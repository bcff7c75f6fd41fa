import { setTimeout as sleep } from 'node:timers/promises';
import { cronAnswer, type CronAnswer } from '../../src/contracts/retry.ts';

/** Calls the sweep as the cron does in production. */
export async function callSweep(functionsUrl: string, cronSecret: string): Promise<CronAnswer> {
  const response = await fetch(`${functionsUrl}/api/cron/sweep`, {
    headers: { authorization: `Bearer ${cronSecret}` },
  });
  if (!response.ok) throw new Error(`the sweep was answered ${response.status}`);
  return cronAnswer.parse(await response.json());
}

const INTERVAL_MS = 5_000;

/** Sweeps every few seconds in place of the cron, one at a time, and reports only sweeps that found work. */
export function startSweeper(options: {
  functionsUrl: string;
  cronSecret: string;
  onLine: (line: string) => void;
}): () => Promise<void> {
  const stopped = new AbortController();
  async function run(): Promise<void> {
    for (;;) {
      try {
        await sleep(INTERVAL_MS, undefined, stopped);
        const { processed, successes, taken_over, given_up, errors } = await callSweep(
          options.functionsUrl,
          options.cronSecret,
        );
        if (processed + taken_over + given_up + errors.length > 0) {
          options.onLine(
            `sweep: ${successes} of ${processed} deliveries confirmed, ${taken_over} jobs taken over, ${given_up} given up` +
              (errors.length > 0 ? `; ${errors.join('; ')}` : ''),
          );
        }
      } catch (error) {
        if (error instanceof Error && error.name === 'AbortError') return;
        options.onLine(`sweep: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  const running = run();
  return async () => {
    stopped.abort();
    await running;
  };
}
