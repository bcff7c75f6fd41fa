import { setTimeout as sleep } from 'node:timers/promises';
import { cronAnswer } from '../../src/contracts/retry.ts';
import { startFaultProxy } from '../chaos/fault-proxy.ts';
import { freePort } from '../local/ports.ts';
import { addReports, startGround, type Ground } from './bed.ts';
import { simulateSweep } from './sweep-latency.ts';
import { addDueDeliveries } from './waiting-work.ts';

const DUE = 10_000;
const WITHIN_SECONDS = 120;
/** Round trip to the database, as to a database in another region. */
const DELAY_MS = 90;
const DUE_WITH_DELAY = 4_000;
/** The interval of the cron. */
const SCHEDULE_MS = 60_000;
const MOST_SWEEPS = 10;

/**
 * Measures how long the cron's sweeps, and the parallel sweeps that they start, take to send a backlog of deliveries to our
 * own endpoints, and what latency alone allows a sweep. Returns whether they finished in time.
 */
export async function benchDraining(signal: AbortSignal, step: (text: string) => void): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await startGround(step));
  step(`simulating a sweep, ${DELAY_MS} ms from the database`);
  const simulated = await simulateSweep(DELAY_MS);
  const near = await drain(ground, { due: DUE, delayMs: 0 }, signal, step);
  const far = await drain(ground, { due: DUE_WITH_DELAY, delayMs: DELAY_MS }, signal, step);
  for (const { due, delayMs, tookMs, sweeps, left } of [near, far]) {
    const seconds = tookMs / 1000;
    console.log(
      `${due} due, ${delayMs} ms to the database and back: ${left} left after ${sweeps} sweeps and ${seconds.toFixed(1)} s, ` +
        `${((due - left) / seconds).toFixed(0)} a second`,
    );
  }
  console.log(
    `one simulated sweep, ${DELAY_MS} ms to the database and back: ${simulated.sent} sent, ` +
      `${simulated.perSecond.toFixed(0)} a second, ${simulated.grownPerSecond.toFixed(0)} once its senders have grown`,
  );
  return near.left === 0 && near.tookMs <= WITHIN_SECONDS * 1000 && far.left === 0;
}

async function drain(
  ground: Ground,
  { due, delayMs }: { due: number; delayMs: number },
  signal: AbortSignal,
  step: (text: string) => void,
) {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const slow = stack.use(
    await startFaultProxy({
      target: () => ground.supabaseUrl,
      draw: () => (delayMs > 0 ? { kind: 'slow', ms: delayMs } : null),
      onPassed: () => undefined,
    }),
  );
  await ground.host(
    [
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
      'api/webhooks/retry.ts',
      'api/cron/sweep.ts',
    ],
    {
      port,
      ...(delayMs > 0 && { supabaseUrl: slow.url }),
      env: { WEBHOOK_BASE_URL: `http://127.0.0.1:${port}/api/webhooks` },
    },
  );
  step(`adding ${due} results whose deliveries are due`);
  await addDueDeliveries(ground.sql, await addReports(ground.sql, due), 'prelim');
  await ground.sql`analyze`;
  signal.throwIfAborted();
  step(`draining them, ${delayMs} ms from the database`);
  const started = performance.now();
  let sweeps = 0;
  let left = due;
  while (left > 0 && sweeps < MOST_SWEEPS) {
    signal.throwIfAborted();
    const next = sleep(SCHEDULE_MS, undefined, { signal });
    next.catch(() => undefined);
    sweeps += 1;
    const response = await fetch(`http://127.0.0.1:${port}/api/cron/sweep`, {
      headers: { authorization: `Bearer ${ground.secrets.cronSecret}` },
    });
    const { errors } = cronAnswer.parse(await response.json());
    for (const error of errors) step(error);
    const [row] = await ground.sql<{ left: number }[]>`
      select count(*)::int as left from public.webhook_deliveries where status <> 'success' and dead_at is null`;
    left = row?.left ?? 0;
    if (left > 0) await next;
  }
  return { due, delayMs, tookMs: performance.now() - started, sweeps, left };
}
