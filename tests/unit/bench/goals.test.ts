import { describe, expect, it } from 'vitest';
import { goalsOf, isReached } from '../../../tools/bench/goals.ts';
import { describeBench } from '../../../tools/bench/print.ts';
import {
  benchResult,
  type BenchResult,
  type Callers,
  type Peer,
  type Rate,
} from '../../../tools/bench/result.ts';

const cpuMs = { functions: 1, host: 1, rest: 1, database: 1 };
const callers = (p50Ms: number, perSecond: number): Callers => ({
  c1: { p50Ms, p99Ms: 2 * p50Ms, perSecond: 1000 / p50Ms, cpuMs },
  c16: { p50Ms: 9 * p50Ms, p99Ms: 20 * p50Ms, perSecond, cpuMs },
});
const rate = (perSecond: number): Rate => ({ perSecond, cpuMs });
const peer = (client: number, database: number): Peer => ({ perSecond: 100, cpuMs: { client, database } });
const webhook = (new6kb: Callers) => ({ new6kb, duplicate6kb: new6kb, new200kb: new6kb });

/** Every goal is reached, each by nothing to spare. */
function atTheGoals(): BenchResult {
  return {
    machine: { cores: 2, cpu: 'test', node: '24', postgres: '17', loadBefore: 0 },
    bare: callers(1, 2000),
    // Ratios are not of this layer, which is faster.
    floor: callers(2, 1000),
    floorDirect: callers(7, 900),
    direct: callers(3, 800),
    webhook: webhook(callers(8, 400)),
    webhookDirect: webhook(callers(9.5, 550)),
    lite: { floor: callers(10, 500), new6kb: callers(16.5, 300) },
    restCallsPerWebhook: 1,
    restCallsPerJob: 5,
    batch: {
      single: { rest: rate(500), direct: rate(540) },
      '10': { rest: rate(800), direct: rate(900) },
      '100': { rest: rate(1500), direct: rate(1620) },
    },
    sweep50Ms: { rest: 800, direct: 300 },
    verify: { events: 1000, perSecond: 500 },
    peers: {
      pgBoss: peer(2, 2),
      graphileWorker: peer(1, 3),
      receiving: peer(3, 1),
      wholeJob: peer(4, 2),
    },
    verifyPerSecond: {
      '1024': { ours: 1, svix: 1 },
      '16384': { ours: 9000, svix: 1000 },
      '131072': { ours: 1, svix: 1 },
    },
    compression: { refusals: { one: { code: 'body_too_large', ms: 99, cpuMs: 20, peakMB: 4 } }, bodies: {} },
    importMs: { 'api/webhooks/prelim-report.ts': 150, 'api/health.ts': 400 },
    heapMB: 42,
    heapAfter10kMB: 45,
  };
}

const missed = (result: BenchResult) =>
  goalsOf(result)
    .filter((goal) => !isReached(goal))
    .map(({ name }) => name);

describe('the goals of the benchmark', () => {
  it('are all reached by figures that just reach them', () => {
    expect(missed(atTheGoals())).toEqual([]);
  });

  it.each<[string, (result: BenchResult) => void]>([
    ['REST calls of a webhook', (result) => (result.restCallsPerWebhook = 2)],
    ['REST calls of a job', (result) => (result.restCallsPerJob = 6)],
    [
      'direct, requests/s / REST floor, 16 callers',
      (result) => (result.webhookDirect.new6kb.c16.perSecond = 549),
    ],
    ['direct, p50 over the direct floor, ms', (result) => (result.floorDirect.c1.p50Ms = 6.9)],
    ['REST, p50 / REST floor, one caller', (result) => (result.lite.new6kb.c1.p50Ms = 16.6)],
    ['REST, requests/s / REST floor, 16 callers', (result) => (result.lite.new6kb.c16.perSecond = 299)],
    ['CPU of receiving / of pg-boss', (result) => (result.peers.receiving.cpuMs.database = 1.1)],
    ['CPU of a whole job / of pg-boss', (result) => (result.peers.wholeJob.cpuMs.client = 4.1)],
    ['batches of 100 / single events, REST', (result) => (result.batch['100'].rest.perSecond = 1499)],
    ['batches of 100 / single events, direct', (result) => (result.batch.single.direct.perSecond = 541)],
    ['sweep of 50, direct, ms', (result) => (result.sweep50Ms.direct = 301)],
    ['sweep of 50, REST, ms', (result) => (result.sweep50Ms.rest = 801)],
    ['verification / svix at 16 KB', (result) => (result.verifyPerSecond['16384'].ours = 8999)],
    [
      'compressed bodies refused over 20 ms of CPU or 4 MB',
      (result) => (result.compression.refusals['two'] = { code: '', ms: 1, cpuMs: 21, peakMB: 0 }),
    ],
    ['heap after 10,000 requests, MB', (result) => (result.heapMB = 41.9)],
    [
      'import of a built prelim-report, ms',
      (result) => (result.importMs['api/webhooks/prelim-report.ts'] = 151),
    ],
    ['import of a built prelim-report, ms', (result) => (result.importMs = {})],
  ])('%s is missed by little', (name, change) => {
    const result = atTheGoals();
    change(result);
    expect(missed(result)).toEqual([name]);
  });

  it('count a direct webhook against the floor of the layer that they were set for', () => {
    const result = atTheGoals();
    result.lite.floor.c1.p50Ms = 9.9;
    expect(missed(result)).toContain('direct, p50 / REST floor, one caller');
  });

  it('ask of batches ten times the rate of the first version', () => {
    const result = atTheGoals();
    result.batch.single.direct.perSecond = 100;
    result.batch['100'].direct.perSecond = 1619;
    expect(missed(result)).toEqual(['batches of 100, events/s (10 times the first version)']);
  });

  it('say a heap that is too large warm and later', () => {
    const result = atTheGoals();
    result.heapMB = 46;
    result.heapAfter10kMB = 46;
    expect(missed(result)).toEqual(['heap of a built function, MB', 'heap after 10,000 requests, MB']);
  });
});

it('a result is what the schema says, and prints one line for each goal', () => {
  const result = atTheGoals();
  result.sweep50Ms.rest = 801;
  expect(benchResult.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  const lines = describeBench(result).split('\n');
  expect(lines[0]).toBe('2 cores (test), Node 24, PostgreSQL 17, load 0.0 before');
  expect(lines.filter((line) => line.startsWith('reached  '))).toHaveLength(goalsOf(result).length - 1);
  expect(lines.filter((line) => line.startsWith('MISSED '))).toEqual([
    'MISSED   sweep of 50, REST, ms: 801.00 (at most 800)',
  ]);
  // A row of Markdown for what is compared.
  expect(lines).toContainEqual(expect.stringMatching(/^\| webhook of 6 KB, direct +\| 9\.50 ms +\|/));
});
