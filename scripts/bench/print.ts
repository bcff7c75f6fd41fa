import type { BenchResult, Latency } from '../../src/contracts/bench.ts';
import { isWithinLimits, MOST_REFUSAL_MB, MOST_REFUSAL_MS } from './compression.ts';

/** The figures for people, and whether each goal was reached. */
export function describeBench(result: BenchResult): string {
  const line = (name: string, { c1, c16 }: { c1: Latency; c16: Latency }) =>
    [
      name.padEnd(22),
      ...[c1, c16].map(
        ({ p50Ms, p99Ms, perSecond }) =>
          `${p50Ms.toFixed(2).padStart(8)} ${p99Ms.toFixed(2).padStart(8)} ${String(perSecond).padStart(7)}`,
      ),
    ].join('  ');
  const ratio = result.webhook.new6kb.c1.p50Ms / result.floor.c1.p50Ms;
  const verification = result.verifyPerSecond['16384'];
  const beyond = Object.values(result.compression.refusals).filter((one) => !isWithinLimits(one)).length;
  const goals: [string, number, boolean][] = [
    ['REST calls per webhook (1)', result.restCallsPerWebhook, result.restCallsPerWebhook === 1],
    ['p50 of a webhook / floor, one caller (at most 1.6)', ratio, ratio <= 1.6],
    ['REST calls per job (at most 5)', result.restCallsPerJob, result.restCallsPerJob <= 5],
    ['sweep of 50, ms (under 1000)', result.sweep50Ms, result.sweep50Ms < 1000],
    [
      'verification / svix at 16 KB (at least 3)',
      verification.ours / verification.svix,
      verification.ours >= 3 * verification.svix,
    ],
    [
      `compressed bodies refused over ${MOST_REFUSAL_MS} ms of CPU or ${MOST_REFUSAL_MB} MB (none)`,
      beyond,
      beyond === 0,
    ],
    ['heap, MB (under 45)', result.heapMB, result.heapMB < 45],
    [
      'heap after 10,000 requests, MB (flat)',
      result.heapAfter10kMB,
      result.heapAfter10kMB < Math.min(45, result.heapMB + 3),
    ],
  ];
  return [
    '',
    'latency in ms              1 caller: p50      p99     /s   16 callers: p50  p99     /s',
    line('floor', result.floor),
    line('direct', result.direct),
    line('webhook new 6 KB', result.webhook.new6kb),
    line('webhook duplicate 6 KB', result.webhook.duplicate6kb),
    line('webhook new 200 KB', result.webhook.new200kb),
    '',
    'verifications per second       ours     svix',
    ...Object.entries(result.verifyPerSecond).map(
      ([bytes, { ours, svix }]) =>
        `${`${Number(bytes) / 1024} KB`.padEnd(22)}  ${String(ours).padStart(9)}${String(svix).padStart(9)}`,
    ),
    '',
    'import in ms',
    ...Object.entries(result.importMs).map(([path, ms]) => `${path.padEnd(34)}${ms.toFixed(0).padStart(6)}`),
    '',
    'goals',
    ...goals.map(
      ([name, value, reached]) => `${reached ? 'reached' : 'MISSED '}  ${name}: ${value.toFixed(2)}`,
    ),
  ].join('\n');
}
