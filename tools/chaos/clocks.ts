import type { Random } from './random.ts';
import { pause, type Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const LASTING_MS = [2_000, 5_000] as const;

/** The time of day of all functions of one host is set, for some seconds: to other minutes and other days. */
export function clockTroubles(system: ChaosSystem, random: Random): Record<string, Happening> {
  const set =
    (least: number, most: number): Happening =>
    async (ended) => {
      const host = random.pick(system.hosts);
      await host.setClock(random.whole(least, most));
      try {
        await pause(random.whole(...LASTING_MS), ended);
      } finally {
        await host.setClock(0);
      }
      return 1;
    };
  return {
    // Around the tolerance of five minutes, within which signatures are still accepted.
    'clocks set forward by minutes': set(MINUTE_MS, 20 * MINUTE_MS),
    'clocks set back by minutes': set(-20 * MINUTE_MS, -MINUTE_MS),
    'clocks set forward by days': set(DAY_MS, 400 * DAY_MS),
    'clocks set back by days': set(-400 * DAY_MS, -DAY_MS),
  };
}
