import { setTimeout as sleep } from 'node:timers/promises';
import { cronAnswer, type CronAnswer } from '../../src/contracts/retry.ts';
import { startFaultProxy } from '../chaos/fault-proxy.ts';
import { freePort } from '../local/ports.ts';
import { addReports, startGround, type Ground } from './bed.ts';
import { addDueDeliveries, addLostJobs } from './waiting-work.ts';

const LOST_JOBS = 5_000;
/** The interval of the cron. */
const SCHEDULE_MS = 60_000;
const MOST_SWEEPS = 10;
const TAKEN_WITHIN_MS = 5 * 60_000;
const DUE = 40;
const LOCKED = 10;
const BACKLOG = 1_000;
const FAST = 200;
const SLOW_MS = 1_000;

const ENTRYPOINTS = [
  'api/webhooks/prelim-report.ts',
  'api/webhooks/final-report.ts',
  'api/cron/sweep.ts',
  'api/cron/take-over.ts',
];

type Sweep = CronAnswer & { tookMs: number };
type Sweeper = () => Promise<Sweep>;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/**
 * Measures how long three kinds of work wait for sweeps: jobs whose runners died, deliveries beside locked reports, and an
 * endpoint beside a slow one. Returns whether the lost jobs were taken over in time and every delivery that could be sent was
 * sent.
 */
export async function benchLostRunners(signal: AbortSignal, step: (text: string) => void): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await startGround(step));
  const port = await freePort();
  const self = `http://127.0.0.1:${port}`;
  let slow: string | null = null;
  const sent: string[] = [];
  const proxy = stack.use(
    await startFaultProxy({
      target: () => self,
      draw: (path) => (slow !== null && path.endsWith(slow) ? { kind: 'slow', ms: SLOW_MS } : null),
      onPassed: ({ path }) => sent.push(path.split('/').at(-1) ?? ''),
    }),
  );
  await ground.host(ENTRYPOINTS, { port, env: { WEBHOOK_BASE_URL: `${proxy.url}/api/webhooks` } });
  const sweep: Sweeper = async () => {
    signal.throwIfAborted();
    const started = performance.now();
    const response = await fetch(`${self}/api/cron/sweep`, {
      headers: { authorization: `Bearer ${ground.secrets.cronSecret}` },
    });
    return { ...cronAnswer.parse(await response.json()), tookMs: performance.now() - started };
  };

  step(`sweeping ${DUE} deliveries beside ${LOCKED} locked reports`);
  const besideLocked = await sweepBesideLocked(ground, sweep);
  step(`sweeping ${FAST} deliveries beside ${BACKLOG} of a slow endpoint`);
  const fast = await sweepBesideSlow(ground, sweep, sent, (endpoint) => {
    slow = endpoint;
  });
  step(`adding ${LOST_JOBS} jobs whose runners died`);
  const taken = await takeOver(ground, sweep, signal, step);
  return besideLocked && fast && taken;
}

/** Deliveries of locked reports are skipped at once and must not delay the others. */
async function sweepBesideLocked({ sql }: Ground, sweep: Sweeper): Promise<boolean> {
  const free = await addReports(sql, DUE);
  const locked = await addReports(sql, LOCKED);
  // Due first, so that each worker meets a locked one first.
  await addDueDeliveries(sql, locked, 'prelim');
  await addDueDeliveries(sql, free, 'prelim');
  const { successes, errors, tookMs } = await sql.begin(async (other) => {
    await other`select from public.org_reports where id in ${other(locked)} for update`;
    return sweep();
  });
  console.log(
    `${successes} of ${DUE} deliveries sent in ${seconds(tookMs)} while ${LOCKED} reports were locked; errors: ${errors.join('; ')}`,
  );
  const after = await sweep();
  console.log(`${after.successes} of ${LOCKED} sent by the next sweep`);
  return successes === DUE && after.successes === LOCKED;
}

/** While a slow endpoint has a backlog, the other endpoint still gets half of all senders. */
async function sweepBesideSlow(
  { sql }: Ground,
  sweep: Sweeper,
  sent: string[],
  setSlow: (endpoint: string | null) => void,
): Promise<boolean> {
  await addDueDeliveries(sql, await addReports(sql, FAST), 'final');
  const alone = await sweep();
  await addDueDeliveries(sql, await addReports(sql, BACKLOG), 'prelim');
  await addDueDeliveries(sql, await addReports(sql, FAST), 'final');
  sent.length = 0;
  setSlow('prelim-report');
  const started = performance.now();
  const sweeping = sweep();
  while (sent.filter((endpoint) => endpoint === 'final-report').length < FAST) {
    if (performance.now() - started > SCHEDULE_MS) break;
    await sleep(20);
  }
  const tookMs = performance.now() - started;
  const ofFast = sent.filter((endpoint) => endpoint === 'final-report').length;
  const share = Math.round((ofFast / sent.length) * 100);
  console.log(
    `${ofFast} of ${FAST} deliveries sent in ${seconds(tookMs)} (alone: ${seconds(alone.tookMs)}) beside ${BACKLOG} of an endpoint that takes ${seconds(SLOW_MS)}: ${share} % of ${sent.length} sends`,
  );
  setSlow(null);
  await sweeping;
  while ((await sweep()).processed > 0);
  return ofFast === FAST;
}

/** One sweep a minute, as the cron starts them, until all lost jobs are taken over. */
async function takeOver(
  { sql }: Ground,
  sweep: Sweeper,
  signal: AbortSignal,
  step: (text: string) => void,
): Promise<boolean> {
  await addLostJobs(sql, await addReports(sql, LOST_JOBS));
  const started = performance.now();
  for (let count = 1; count <= MOST_SWEEPS; count += 1) {
    const { taken_over, errors, tookMs } = await sweep();
    const [left] = await sql<{ jobs: number; done: number }[]>`
      select (count(*) filter (where take_overs = 0))::int as jobs, (count(*) filter (where status = 'succeeded'))::int as done
      from private.job_runs where prompt = 'What does the team need?'`;
    const elapsedMs = performance.now() - started;
    console.log(
      `sweep ${count}: ${taken_over} taken over in ${seconds(tookMs)}, ${left?.jobs ?? 0} left, ${left?.done ?? 0} stored after ${seconds(elapsedMs)}${errors.length > 0 ? `; errors: ${errors.slice(0, 3).join('; ')}` : ''}`,
    );
    if (left?.jobs === 0) {
      console.log(`${LOST_JOBS} lost jobs taken over by ${count} sweeps in ${seconds(elapsedMs)}`);
      return elapsedMs <= TAKEN_WITHIN_MS;
    }
    step('waiting for the next minute');
    const waitMs = Math.max(0, count * SCHEDULE_MS - elapsedMs);
    await sleep(waitMs, undefined, { signal });
  }
  console.log(`lost jobs are left after ${MOST_SWEEPS} sweeps`);
  return false;
}
