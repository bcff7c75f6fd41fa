import type postgres from 'postgres';
import type { Random } from './random.ts';
import { pause, type Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

const HELD_MS = [2_000, 6_000] as const;
const LOOKS = 5;

/**
 * Somebody's open transaction in the SQL editor holds rows that jobs, webhooks and sweeps want, for some seconds. Callers
 * through the REST layer wait for them as long as hosted roles may.
 */
export function lockTroubles(
  system: ChaosSystem,
  random: Random,
): { kinds: Record<string, Happening>; waited: () => number } {
  let waited = 0;
  const hold =
    (lock: (other: postgres.TransactionSql) => Promise<postgres.RowList<postgres.Row[]>>): Happening =>
    async (ended) => {
      // The driver loses a connection for ever when a transaction goes on writing to it after it has broken.
      const tab = system.openTab();
      try {
        return await tab.begin(async (other) => {
          const rows = await lock(other);
          const [self] = await other<{ pid: number }[]>`select pg_backend_pid() as pid`;
          if (rows.length === 0 || self === undefined) return 0;
          const partMs = random.whole(...HELD_MS) / LOOKS;
          const waiting = new Set<number>();
          for (let look = 0; look < LOOKS && !ended.aborted; look += 1) {
            await pause(partMs, ended);
            const others = await other<{ pid: number }[]>`
              select pid from pg_stat_activity where ${self.pid} = any (pg_blocking_pids(pid))`;
            for (const { pid } of others) waiting.add(pid);
          }
          waited += waiting.size;
          return 1;
        });
      } finally {
        await tab.end({ timeout: 0 });
      }
    };
  const kinds = {
    // First: in a short run no job runs for long.
    'jobs locked': hold(
      (other) => other`
        select from private.job_runs where job_id in (
          select job_id from private.job_runs where status in ('queued', 'running') order by random() limit 10)
        for update skip locked`,
    ),
    // Ten at once: as many as a sweep has workers.
    'reports locked': hold(
      (other) => other`
        select from public.org_reports where id in (
          select report_id from (
            select report_id from private.job_runs where status in ('queued', 'running')
            union select report_id from public.webhook_deliveries where status <> 'success' and dead_at is null) wanted
          order by random() limit 10)
        for update skip locked`,
    ),
    'deliveries locked': hold(
      (other) => other`
        select from public.webhook_deliveries where id in (
          select id from public.webhook_deliveries where status <> 'success' and dead_at is null order by random() limit 10)
        for update skip locked`,
    ),
    'circuits locked': hold(
      (other) => other`
        select from public.webhook_circuits where endpoint_id = ${random.pick(['prelim-report', 'final-report'])}
        for update skip locked`,
    ),
  };
  return { kinds, waited: () => waited };
}
