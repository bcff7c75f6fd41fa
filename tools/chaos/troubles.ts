import { clockTroubles } from './clocks.ts';
import { deletions } from './deletions.ts';
import { hostileSenders } from './hostile-senders.ts';
import { limitTroubles } from './limit-troubles.ts';
import { lockTroubles } from './locked-rows.ts';
import { poolTroubles } from './pool-troubles.ts';
import { oddRows } from './odd-rows.ts';
import { addReports, type Population } from './population.ts';
import { processTroubles } from './processes.ts';
import { createRandom } from './random.ts';
import { startSeries } from './series.ts';
import type { Subscribers } from './subscribers.ts';
import { slowEndpoint } from './slow-endpoint.ts';
import type { ChaosStore, ChaosSystem } from './system.ts';

/** Everything that happens besides faulted calls, in series beside each other. */
export interface Troubles {
  /** How often each kind happened. */
  counts(): Map<string, number>;
  /** Kinds that have not happened yet, and deletions to come. */
  left(): string[];
  /** What else is worth a line of the summary. */
  figures(): [what: string, value: number][];
  /** Why a kind may never have happened. */
  unanswered(): string[];
  /** What a trouble found that should not be. */
  faults: string[];
  /** Jobs that the troubles made. */
  oddJobs: readonly string[];
  /** From now on nothing waits for a job that is under way. */
  jobsAreRequested(): void;
  stop(): Promise<void>;
}

export async function startTroubles(
  system: ChaosSystem,
  seed: number,
  population: Population,
  subscribers: Subscribers | undefined,
  store: ChaosStore,
): Promise<Troubles> {
  const random = (purpose: string) => createRandom(seed, purpose);
  const hostileReports = await addReports(system.sql, population.ownerId, 2, {});
  let areRequested = false;
  const locks = lockTroubles(system, random('locks'));
  const odd = oddRows(system, random('odd'), population);
  const hostile = hostileSenders(system, random('hostile'), hostileReports);
  const limits = limitTroubles(system, random('limits'), population);
  const slow = slowEndpoint(system, random('slow'));
  const deletion = deletions(system, random('deletions'), population, () => areRequested);
  const series: readonly (Omit<Parameters<typeof startSeries>[0], 'random'> & { purpose: string })[] = [
    {
      purpose: 'trouble',
      kinds: processTroubles(system, random('processes')),
      firstPauseMs: 2_000,
      pauseMs: [3_000, 9_000],
    },
    { purpose: 'lock', kinds: locks.kinds, firstPauseMs: 1_000, pauseMs: [2_000, 6_000] },
    {
      purpose: 'clock',
      kinds: clockTroubles(system, random('clocks')),
      firstPauseMs: 1_500,
      pauseMs: [4_000, 10_000],
    },
    { purpose: 'odd row', kinds: odd.kinds, firstPauseMs: 700, pauseMs: [2_000, 6_000] },
    { purpose: 'hostile body', kinds: hostile.kinds, firstPauseMs: 700, pauseMs: [3_000, 8_000] },
    { purpose: 'slow endpoint', kinds: slow.kinds, firstPauseMs: 3_000, pauseMs: [15_000, 30_000] },
    {
      purpose: 'limit',
      kinds: limits.kinds,
      firstPauseMs: 4_000,
      pauseMs: [10_000, 20_000],
      limitMs: 200_000,
    },
    { purpose: 'deletion', kinds: deletion.kinds, firstPauseMs: 500, pauseMs: [500, 1_500] },
    ...(system.poolProxy === undefined || store !== 'switching'
      ? []
      : [
          {
            purpose: 'pool',
            kinds: poolTroubles(system.poolProxy, random('pool away')),
            firstPauseMs: 4_000,
            pauseMs: [5_000, 12_000],
          } as const,
        ]),
    ...(subscribers === undefined
      ? []
      : [
          {
            purpose: 'subscriber',
            kinds: subscribers.kinds,
            firstPauseMs: 2_000,
            pauseMs: [2_000, 6_000],
          } as const,
        ]),
  ];
  const running = series.map(({ purpose, ...rest }) => startSeries({ random: random(purpose), ...rest }));
  const counts = () => new Map(running.flatMap((one) => [...one.counts]));
  const faults: string[] = [];
  let hasStopped: Promise<unknown> | undefined;
  return {
    counts,
    left: () => [
      ...[...counts()].flatMap(([kind, times]) => (times === 0 ? [kind] : [])),
      ...(deletion.left() === 0 ? [] : [`${deletion.left()} deletions`]),
    ],
    figures: () => [
      ['due jobs that no take-over can name', population.unreadableJobs.length],
      ['connections that waited for a locked row', locks.waited()],
      ['deletions while jobs or deliveries were open', deletion.interrupted()],
      ['answers of the other endpoint meanwhile', slow.answered()],
    ],
    unanswered: hostile.unanswered,
    faults,
    oddJobs: odd.jobs,
    jobsAreRequested: () => {
      areRequested = true;
    },
    async stop() {
      hasStopped ??= Promise.all(running.map((one) => one.stop())).then(() => {
        faults.push(...hostile.faults, ...slow.starved, ...deletion.faults, ...limits.faults);
      });
      await hasStopped;
    },
  };
}
