/** Both clocks come in as arguments: only `systemClock` reads those of the machine. */
export interface Clock extends MonotonicClock {
  /** Milliseconds since the epoch. For times of day alone: it may be set back or forward at any moment, by days. */
  now: () => number;
}

export interface MonotonicClock {
  /** Milliseconds since some moment, of a clock that is never set: for durations, deadlines and budgets. */
  monotonicNow: () => number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
};

/** The largest duration that the audit can store: nearly 12 days in milliseconds. */
const MAX_DURATION_MS = 999_999_999;

/**
 * Starts to measure. What it then answers is whole milliseconds, and can be stored even where the clock that came in is not
 * what it should be: a round that cannot be recorded would be sent again.
 */
export function stopwatch(monotonicNow: () => number): () => number {
  const started = monotonicNow();
  return () => {
    const elapsed = Math.round(monotonicNow() - started);
    return Math.min(Math.max(0, elapsed), MAX_DURATION_MS);
  };
}
