import type { PoolProxy } from './pool-proxy.ts';
import type { Random } from './random.ts';
import { pause, type Happening } from './series.ts';

/** Beyond the time for which a function leaves a pool alone that it could not reach. */
const AWAY_MS = [3_000, 8_000] as const;

/** The pool's port takes no connections for some seconds: calls go by REST, and then by the pool again. */
export function poolTroubles(proxy: PoolProxy, random: Random): Record<string, Happening> {
  return {
    'pool away for seconds': async (ended) => {
      await proxy.setAway(true);
      try {
        await pause(random.whole(...AWAY_MS), ended);
      } finally {
        await proxy.setAway(false);
      }
      return 1;
    },
  };
}
