import { setTimeout as sleep } from 'node:timers/promises';
import { orLost } from './connection-errors.ts';
import type { Random } from './random.ts';

/** Makes one thing happen. Answers how often it did: 0 where there was nothing yet that it could happen to. */
export type Happening = (ended: AbortSignal) => Promise<number>;

interface Series {
  /** How often each kind happened. */
  counts: ReadonlyMap<string, number>;
  /** Fulfilled once each kind has happened, or the series was stopped. */
  everyKind: Promise<void>;
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 30_000;

/** Waits, unless it is told to end; then it returns at once. */
export async function pause(ms: number, ended: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: ended }).catch(() => undefined);
}

/** One thing after another, until it is stopped: each kind once, however short the run; then by chance. */
export function startSeries(options: {
  random: Random;
  kinds: Record<string, Happening>;
  /** Between the first of each kind, and from then on: at least and at most. */
  firstPauseMs: number;
  pauseMs: readonly [number, number];
  /** Longer than any of it takes. */
  limitMs?: number;
}): Series {
  const { random, kinds, firstPauseMs, pauseMs, limitMs } = options;
  const ended = new AbortController();
  const names = Object.keys(kinds);
  const counts = new Map(names.map((name) => [name, 0]));
  const missing = [...names];
  const everyKind = Promise.withResolvers<undefined>();

  async function run(): Promise<void> {
    for (;;) {
      await pause(missing.length > 0 ? firstPauseMs : random.whole(...pauseMs), ended.signal);
      if (ended.signal.aborted) return;
      const name = missing.shift() ?? random.pick(names);
      // What breaks the system breaks the driver's own connections too.
      const happening = kinds[name]?.(ended.signal) ?? Promise.resolve(0);
      const times = await orLost(happening, limitMs).catch(() => 0);
      const before = counts.get(name) ?? 0;
      counts.set(name, before + times);
      if (times === 0 && before === 0) missing.push(name);
      if (missing.length === 0) everyKind.resolve(undefined);
    }
  }
  const running = run().finally(() => everyKind.resolve(undefined));
  return {
    counts,
    everyKind: everyKind.promise,
    async stop() {
      ended.abort();
      // What still happens then, on a connection that was lost, is not waited for.
      await Promise.race([running, sleep(STOP_TIMEOUT_MS)]);
    },
  };
}
