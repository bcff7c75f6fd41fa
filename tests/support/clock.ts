import type { Clock } from '../../src/server/clock.ts';

export interface TestClock extends Clock {
  /** Time passes. */
  pass(ms: number): void;
  /** Sets the time of day without letting time pass; back if negative. */
  set(ms: number): void;
}

export const DAY_MS = 86_400_000;

/** A clock that moves only when told. */
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
