const FIRST = 10;
const LEAST = 2;
const MOST = 40;

/** How many deliveries a sweep sends at once. */
interface Pace {
  senders: () => number;
  /** Our own endpoint answered: one sender more after each round of answers. */
  answered: () => void;
  /** Our endpoint was overloaded or timed out: halve the number. Deliveries that began earlier do not halve it again. */
  overloaded: (begun: number) => void;
}

/** @param now monotonic milliseconds */
export function createPace(now: () => number): Pace {
  let senders = FIRST;
  let halvedAt = -Infinity;
  return {
    senders: () => Math.floor(senders),
    answered() {
      senders = Math.min(MOST, senders + 1 / senders);
    },
    overloaded(begun) {
      if (begun <= halvedAt) return;
      senders = Math.max(LEAST, senders / 2);
      halvedAt = now();
    },
  };
}
