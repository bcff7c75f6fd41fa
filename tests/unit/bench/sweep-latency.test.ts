import { expect, it } from 'vitest';
import { simulateSweep } from '../../../tools/bench/sweep-latency.ts';

/** The model of docs/benchmarks.md: claims and records are calls of ten deliveries, one after the other. */
it.each([
  { roundTripMs: 90, modelled: 10 / 0.09 },
  { roundTripMs: 180, modelled: 10 / 0.18 },
])(
  'a sweep sends what its calls of ten allow, with $roundTripMs ms for each',
  async ({ roundTripMs, modelled }) => {
    const { perSecond, grownPerSecond } = await simulateSweep(roundTripMs);
    expect(grownPerSecond / modelled).toBeGreaterThan(0.9);
    expect(grownPerSecond / modelled).toBeLessThan(1.02);
    // It begins with 10 senders.
    expect(perSecond).toBeLessThan(grownPerSecond);
  },
  60_000,
);
