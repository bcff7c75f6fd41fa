import type { Random } from './random.ts';
import type { Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

/** What happens to processes and connections, besides what happens to calls. */
export function processTroubles(system: ChaosSystem, random: Random): Record<string, Happening> {
  const restart = async (awayMs: number) => {
    await system.database.restart(awayMs);
    return 1;
  };
  return {
    'hosts killed': async () => {
      await random.pick(system.hosts).crash();
      return 1;
    },
    'single functions killed': () => Promise.resolve(random.pick(system.hosts).crashOne(random.whole(0, 99))),
    'connections terminated': async () => {
      // Only a superuser may end the connections of one.
      const terminated = await system.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid() and usename <> 'supabase_admin'
          and random() < 0.5`;
      return terminated.length;
    },
    'database restarted': () => restart(0),
    'database away for 5 s': () => restart(5_000),
  };
}
