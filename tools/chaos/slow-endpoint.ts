import { setTimeout as sleep } from 'node:timers/promises';
import type { InternalEndpoint } from '../../src/contracts/endpoints.ts';
import type { Random } from './random.ts';
import type { Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

const LASTING_MS = [6_000, 12_000] as const;
/** Deliveries of the other endpoint that are waited for, where that many are due. */
const ANSWERED = 3;
const PATIENCE_MS = 30_000;
/** So many calls of the slow endpoint, and none of the other one that has something due: then the other one is starved. */
const STARVING = 20;

const ENDPOINTS = { 'prelim-report': 'final-report', 'final-report': 'prelim-report' } as const;

/** One of our endpoints hangs for some seconds, with a backlog; what goes to the other one must go on. */
export function slowEndpoint(
  system: ChaosSystem,
  random: Random,
): { kinds: Record<string, Happening>; starved: string[]; answered: () => number } {
  const starved: string[] = [];
  let answered = 0;

  async function isDue(endpoint: InternalEndpoint, since: Date): Promise<boolean> {
    const rows = await system.sql`
      select from private.due_deliveries due
      where due.endpoint_id = ${endpoint} and due.next_attempt < ${since}
        and exists (
          select from public.webhook_circuits circuit
          where circuit.endpoint_id = due.endpoint_id and circuit.opened_at is null)`;
    return rows.length > 0;
  }

  const hang =
    (slow: InternalEndpoint): Happening =>
    async (ended) => {
      const other = ENDPOINTS[slow];
      const first = system.received.length;
      const firstSent = system.sent.length;
      const since = new Date();
      const began = performance.now();
      const lastingMs = random.whole(...LASTING_MS);
      const gone = () =>
        system.received.slice(first).filter(({ path, status }) => path.endsWith(other) && status === 200)
          .length;
      const sends = (endpoint: InternalEndpoint) =>
        system.sent.slice(firstSent).filter((path) => path.endsWith(endpoint)).length;
      system.hang(slow);
      try {
        while (!ended.aborted && performance.now() - began < PATIENCE_MS) {
          await sleep(250);
          if (performance.now() - began < lastingMs) continue;
          if (gone() >= ANSWERED || !(await isDue(other, since).catch(() => true))) break;
        }
        if (sends(slow) >= STARVING && sends(other) === 0 && (await isDue(other, since).catch(() => false))) {
          starved.push(`nothing was sent to ${other} while ${slow} hung and was sent ${sends(slow)} times`);
        }
      } finally {
        answered += gone();
        system.hang(null);
      }
      return 1;
    };
  return {
    kinds: { 'prelim-report hung': hang('prelim-report'), 'final-report hung': hang('final-report') },
    starved,
    answered: () => answered,
  };
}
