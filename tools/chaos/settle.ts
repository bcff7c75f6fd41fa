import { setTimeout as sleep } from 'node:timers/promises';
import { orLost } from './connection-errors.ts';
import { createRandom } from './random.ts';
import type { ChaosSystem } from './system.ts';

/** Several at once, as hosts and crons may. */
const SWEEPS = 3;
const PAUSE_MS = 700;
const SWEEP_TIMEOUT_MS = 70_000;

/** Sweeps over and over, on any host, until it is told to end. */
export function startSweeps(system: ChaosSystem, seed: number): () => Promise<void> {
  const ended = new AbortController();
  const random = createRandom(seed, 'sweeps');
  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      await fetch(`${random.pick(system.hosts).url}/api/cron/sweep`, {
        headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
        signal: AbortSignal.any([AbortSignal.timeout(SWEEP_TIMEOUT_MS), ended.signal]),
      }).then(
        (response) => response.text(),
        () => undefined,
      );
      await sleep(PAUSE_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  }
  const running = Promise.all(Array.from({ length: SWEEPS }, run));
  return async () => {
    ended.abort();
    await running;
  };
}

/**
 * Lets time pass faster: what waits for its slot, or a circuit for its probe, waits about a second. Leases, counts and states
 * are left alone.
 */
export function startTimeLapse(system: ChaosSystem): () => Promise<void> {
  const ended = new AbortController();
  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      await sleep(500, undefined, { signal: ended.signal }).catch(() => undefined);
      await orLost(system.sql`
        update public.webhook_deliveries set next_attempt = now() + random() * interval '1 second'
        where id in (
          select id from public.webhook_deliveries
          where status in ('failed', 'sent') and dead_at is null and next_attempt > now() + interval '1 second'
          for update skip locked)`).catch(() => undefined);
      await orLost(system.sql`
        update public.webhook_circuits set probe_after = now() + interval '500 milliseconds'
        where probe_after > now() + interval '500 milliseconds'`).catch(() => undefined);
    }
  }
  const running = run();
  return async () => {
    ended.abort();
    await running;
  };
}

interface Open {
  jobs: number;
  deliveries: number;
  events: number;
  erasures: number;
  /** Deliveries that have ended. */
  ended: number;
}

/** What is not in a final state yet, besides the jobs that cannot end; undefined while the database does not answer. */
export async function countOpen(
  system: ChaosSystem,
  unreadableJobs: readonly string[],
): Promise<Open | undefined> {
  const rows = await orLost(system.sql<Open[]>`
    select
      (select count(*)::int from private.job_runs where status in ('queued', 'running') and job_id <> all (${unreadableJobs})) as jobs,
      delivery.open + (select count(*)::int from public.plans where status = 'running') as deliveries,
      (select count(*)::int from public.report_events where effect is null and erased_at is null) as events,
      (select count(*)::int from private.erasures) as erasures,
      delivery.ended
    from (
      select count(*) filter (where is_open)::int as open, count(*) filter (where not is_open)::int as ended
      from (
        select status not in ('success', 'superseded', 'cancelled') and dead_at is null as is_open
        from public.webhook_deliveries) each) delivery`).catch(() => []);
  return rows[0];
}
