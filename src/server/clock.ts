/** Both clocks are passed as arguments: only `systemClock` reads those of the machine. */
export interface Clock extends MonotonicClock {
  /** Milliseconds since the epoch. For times of day only: the clock may be set at any moment, by days. */
  now: () => number;
}

export interface MonotonicClock {
  /** Milliseconds of a clock that is never set: for durations, deadlines and budgets. */
  monotonicNow: () => number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
};

/** The largest duration that the audit can store: nearly 12 days in milliseconds. */
const MAX_DURATION_MS = 999_999_999;

/**
 * Starts a measurement. The returned function gives the elapsed whole milliseconds, limited to what the audit can store even
 * if the clock misbehaves: a round that cannot be recorded would be sent again.
 */
export function stopwatch(monotonicNow: () => number): () => number {
  const started = monotonicNow();
  return () => {
    const elapsed = Math.round(monotonicNow() - started);
    return Math.min(Math.max(0, elapsed), MAX_DURATION_MS);
  };
}
