const FIRST = 10;
const LEAST = 2;
const MOST = 40;

/** How many deliveries a sweep sends at once. */
interface Pace {
  senders: () => number;
  /** Our own endpoint answered: after as many answers as there are senders there is one more. */
  answered: () => void;
  /** It refused for its load, or did not answer in time: half as many. What had begun before is no further reason. */
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
