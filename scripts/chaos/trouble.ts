import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosSystem } from './system.ts';
import { createRandom } from './random.ts';

export interface Troubles {
  hostsKilled: number;
  functionsKilled: number;
  connectionsTerminated: number;
  databaseRestarts: number;
}

/** What happens to processes, besides what happens to calls: one thing after another, until it is told to end. */
export function startTrouble(
  system: ChaosSystem,
  seed: number,
): { troubles: Troubles; stop: () => Promise<void> } {
  const random = createRandom(seed, 'trouble');
  const ended = new AbortController();
  const troubles: Troubles = {
    hostsKilled: 0,
    functionsKilled: 0,
    connectionsTerminated: 0,
    databaseRestarts: 0,
  };

  const happenings = [
    async () => {
      await random.pick(system.hosts).crash();
      troubles.hostsKilled += 1;
    },
    () => {
      random.pick(system.hosts).crashOne(random.whole(0, 99));
      troubles.functionsKilled += 1;
      return Promise.resolve();
    },
    async () => {
      const ended = await system.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'psql'
          and random() < 0.5`;
      troubles.connectionsTerminated += ended.length;
    },
    async () => {
      await system.database.restart(0);
      troubles.databaseRestarts += 1;
    },
    async () => {
      await system.database.restart(5_000);
      troubles.databaseRestarts += 1;
    },
  ];

  async function run(): Promise<void> {
    // Every kind comes once, however short the run; then by chance.
    const first = [...happenings];
    for (;;) {
      await sleep(first.length > 0 ? 2_000 : random.whole(3_000, 9_000), undefined, { signal: ended.signal });
      const happening = first.shift() ?? random.pick(happenings);
      // The driver's own connections are terminated too.
      await happening().catch(() => undefined);
    }
  }
  const running = run().catch(() => undefined);
  return {
    troubles,
    async stop() {
      ended.abort();
      await running;
    },
  };
}
