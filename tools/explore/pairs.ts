import type { Bed } from './bed.ts';
import { play, playAlone, type Order, type Played } from './orders.ts';
import type { Scene } from './scene.ts';
import type { StepName } from './steps.ts';

/** Strengths of two locks of one row that conflict make so much together. */
const CONFLICT = 5;
const MOST_FAILURES = 3;

export type Pair = readonly [StepName, StepName];

export interface PairResult {
  pair: Pair;
  /** Of each step by itself. */
  stops: readonly [number, number];
  orders: number;
  /** Orders in which a call waited for the other. */
  blocked: number;
  /** Orders in which the second call did something else than by itself, without waiting. */
  evaded: number;
  /** Rows and advisory locks that both steps lock, in ways that conflict. */
  shared: readonly string[];
  failures: readonly Played[];
  /** What is wrong with the exploration itself. */
  faults: readonly string[];
}

/** All orders of a pair with at most three switches, until so many have failed. */
export async function explorePair(
  bed: Bed,
  scene: Scene,
  pair: Pair,
  signal?: AbortSignal,
  mostFailures = MOST_FAILURES,
): Promise<PairResult> {
  const [one, other] = pair;
  // Each in a session of its own: their claims have different ids.
  const alone = [
    await playAlone(bed, scene, one, 'first'),
    await playAlone(bed, scene, other, 'second'),
  ] as const;
  const result = { orders: 0, blocked: 0, evaded: 0 };
  const failures: Played[] = [];
  const faults: string[] = [];
  for (const [index, { end }] of alone.entries()) {
    if ('error' in end) faults.push(`${pair[index] ?? ''} fails by itself: ${end.code} ${end.error}`);
  }
  const roles: [StepName, StepName, readonly string[]][] = [[one, other, alone[1].places]];
  if (one !== other) roles.push([other, one, alone[0].places]);
  for (const [first, second, expected] of roles) {
    for await (const played of orders(bed, scene, first, second)) {
      signal?.throwIfAborted();
      result.orders += 1;
      if (played.blocked.length > 0) result.blocked += 1;
      else if (played.secondPlaces.some((place, index) => place !== expected[index])) result.evaded += 1;
      if (played.problems.length > 0) failures.push(played);
      if (failures.length === mostFailures) break;
    }
    if (failures.length === mostFailures) break;
  }
  const shared = sharedLocks(alone[0].locks, alone[1].locks);
  if (failures.length === 0) faults.push(...neverMet(shared, result));
  return {
    pair,
    stops: [alone[0].places.length, alone[1].places.length],
    ...result,
    shared,
    failures,
    faults,
  };
}

/** The rows and advisory locks that both hold in ways that conflict. */
export function sharedLocks(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): string[] {
  return [...one]
    .filter(([place, strength]) => strength + (other.get(place) ?? -CONFLICT) >= CONFLICT)
    .map(([place]) => place);
}

/** Two calls that lock the same row must wait, or do something else than by themselves, in some order: or the stops miss something. */
export function neverMet(
  [shared]: readonly string[],
  { blocked, evaded }: Pick<PairResult, 'blocked' | 'evaded'>,
): string[] {
  return shared !== undefined && blocked + evaded === 0 ? [`they never met, though both lock ${shared}`] : [];
}

/**
 * The orders in which one of two calls begins. Once the second one waits or has ended, its later stops would make the same order
 * again. The last order is that of one after the other.
 */
async function* orders(bed: Bed, scene: Scene, first: StepName, second: StepName): AsyncGenerator<Played> {
  for (let firstStop = 1; ; firstStop += 1) {
    for (let secondStop = 1; ; secondStop += 1) {
      const order: Order = { first, firstStop, second, secondStop };
      const played = await play(bed, scene, order);
      yield played;
      if (played.firstCame === 'ended') return;
      if (played.secondCame !== 'stopped') break;
    }
  }
}
