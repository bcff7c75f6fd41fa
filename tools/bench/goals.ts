import type { BenchResult, Cpu, Peer } from './result.ts';
import { isWithinLimits, MOST_REFUSAL_MB, MOST_REFUSAL_MS } from './compression.ts';

/** Measured by the first version itself, on another day: a machine with two cores, where an empty REST call took 2.0 ms. */
export const FIRST_VERSION = {
  webhookP50Ms: 12.5,
  webhookPerSecond: { c1: 75, c16: 162 },
  restCallsPerWebhook: 4,
  restCallsPerJob: 12,
  sweep50Ms: 6200,
  heapAfter10kMB: 277,
};

interface Goal {
  name: string;
  value: number;
  bound: 'at most' | 'at least';
  goal: number;
}

const HEAP_MB = 45;
/** How much two readings of a constant heap may differ. */
const HEAP_NOISE_MB = 3;
const BUILT = 'api/webhooks/prelim-report.ts';

/** The goals. Ratios to the REST baseline use `@supabase/lite`'s layer, for which they were set. */
export function goalsOf(result: BenchResult): Goal[] {
  const { lite, webhookDirect, floorDirect, peers, batch, sweep50Ms, verifyPerSecond } = result;
  const direct = webhookDirect.new6kb;
  const pgBoss = cpuOfPeer(peers.pgBoss);
  const { ours, svix } = verifyPerSecond['16384'];
  const first = 10 * FIRST_VERSION.webhookPerSecond.c16;
  const beyond = Object.values(result.compression.refusals).filter((one) => !isWithinLimits(one)).length;
  return [
    atMost('REST calls of a webhook', result.restCallsPerWebhook, 1),
    atMost('REST calls of a job', result.restCallsPerJob, 5),
    atMost('direct, p50 / REST floor, one caller', direct.c1.p50Ms / lite.floor.c1.p50Ms, 0.95),
    atMost('direct, p50 over the direct floor, ms', direct.c1.p50Ms - floorDirect.c1.p50Ms, 2.5),
    atLeast(
      'direct, requests/s / REST floor, 16 callers',
      direct.c16.perSecond / lite.floor.c16.perSecond,
      1.1,
    ),
    atMost('REST, p50 / REST floor, one caller', lite.new6kb.c1.p50Ms / lite.floor.c1.p50Ms, 1.65),
    atLeast(
      'REST, requests/s / REST floor, 16 callers',
      lite.new6kb.c16.perSecond / lite.floor.c16.perSecond,
      0.6,
    ),
    atMost('CPU of receiving / of pg-boss', cpuOfPeer(peers.receiving) / pgBoss, 1),
    atMost('CPU of a whole job / of pg-boss', cpuOfPeer(peers.wholeJob) / pgBoss, 1.5),
    atLeast(
      'batches of 100 / single events, direct',
      batch['100'].direct.perSecond / batch.single.direct.perSecond,
      3,
    ),
    atLeast(
      'batches of 100 / single events, REST',
      batch['100'].rest.perSecond / batch.single.rest.perSecond,
      3,
    ),
    atLeast('batches of 100, events/s (10 times the first version)', batch['100'].direct.perSecond, first),
    atMost('sweep of 50, direct, ms', sweep50Ms.direct, 300),
    atMost('sweep of 50, REST, ms', sweep50Ms.rest, 800),
    atLeast('verification / svix at 16 KB', ours / svix, 9),
    atMost(`compressed bodies refused over ${MOST_REFUSAL_MS} ms of CPU or ${MOST_REFUSAL_MB} MB`, beyond, 0),
    atMost('heap of a built function, MB', result.heapMB, HEAP_MB),
    atMost(
      'heap after 10,000 requests, MB',
      result.heapAfter10kMB,
      Math.min(HEAP_MB, result.heapMB + HEAP_NOISE_MB),
    ),
    // A missing figure counts as a missed goal.
    atMost('import of a built prelim-report, ms', result.importMs[BUILT] ?? Infinity, 150),
  ];
}

export function isReached({ value, bound, goal }: Goal): boolean {
  return bound === 'at most' ? value <= goal : value >= goal;
}

export function cpuOfPeer({ cpuMs }: Peer): number {
  return cpuMs.client + cpuMs.database;
}

export function totalCpu({ functions, host, rest, database }: Cpu): number {
  return functions + host + rest + database;
}

function atMost(name: string, value: number, goal: number): Goal {
  return { name, value, bound: 'at most', goal };
}

function atLeast(name: string, value: number, goal: number): Goal {
  return { name, value, bound: 'at least', goal };
}
