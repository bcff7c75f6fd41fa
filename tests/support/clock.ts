import type { Clock } from '../../src/server/clock.ts';

export interface TestClock extends Clock {
  /** Time passes. */
  pass(ms: number): void;
  /** Somebody sets the time of day: back where negative. No time passes. */
  set(ms: number): void;
}

export const DAY_MS = 86_400_000;

/** A clock that stands still until it is told otherwise. */
export function testClock(startOfDay = Date.parse('2026-11-25T12:00:00Z')): TestClock {
  let passed = 0;
  let offset = startOfDay;
  return {
    now: () => offset + passed,
    // Neither zero nor whole at the start, as `performance.now()` is.
    monotonicNow: () => 5000.25 + passed,
    pass: (ms) => {
      passed += ms;
    },
    set: (ms) => {
      offset += ms;
    },
  };
}
