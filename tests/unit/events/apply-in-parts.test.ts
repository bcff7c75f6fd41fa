import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyInParts } from '../../../src/server/events/apply-in-parts.ts';
import { DatabaseUnavailable } from '../../../src/server/store/store.ts';

const tookTooLong = () => new DatabaseUnavailable('the call failed', { cause: { code: '57014' } });
const items = Array.from({ length: 100 }, (_, index) => index);
/** No part is given up. */
const patient = () => 0.5;

/** Each call that has a slow item takes its whole time-out, two seconds by REST, of a clock that only calls move. */
function database(isSlow: (item: number) => boolean, timeoutMs = 2000) {
  let ms = 0;
  const sizes: number[] = [];
  const applied: number[] = [];
  return {
    sizes,
    /** In the order in which they were applied. */
    applied,
    elapsed: () => ms,
    apply: (part: number[]): Promise<string[]> => {
      sizes.push(part.length);
      if (part.some(isSlow)) {
        ms += timeoutMs;
        return Promise.reject(tookTooLong());
      }
      applied.push(...part);
      return Promise.resolve(part.map((item) => `applied ${item}`));
    },
  };
}

/** Small and fast, with a seed: whether tests pass does not depend on chance. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

it('applies all items in one call', async () => {
  const { apply, elapsed, sizes } = database(() => false);
  expect(await applyInParts(items, elapsed, apply, patient)).toEqual(items.map((item) => `applied ${item}`));
  expect(sizes).toEqual([100]);
});

it.each([0, 49, 50, 99])('keeps a slow item from harming its neighbours: item %i', async (slow) => {
  const { apply, elapsed } = database((item) => item === slow);
  const answers = await applyInParts(items, elapsed, apply, patient);
  expect(answers[slow]).toBeNull();
  for (const [item, answer] of answers.entries()) if (answer !== null) expect(answer).toBe(`applied ${item}`);
  // The whole, and the slow one of its pieces of 13, 2 and 1, each for two seconds.
  expect(answers.filter((answer) => answer === null)).toHaveLength(1);
});

it('never applies an item after a later one, whatever is slow and however parts are split', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 100 }),
      fc.uniqueArray(fc.nat({ max: 99 }), { maxLength: 8 }),
      fc.nat(),
      fc.constantFrom(2000, 7001),
      async (count, slow, seed, timeoutMs) => {
        const { apply, elapsed, applied } = database((item) => slow.includes(item), timeoutMs);
        const some = items.slice(0, count);
        const answers = await applyInParts(some, elapsed, apply, randomFrom(seed)).catch(() => []);
        expect(applied).toEqual([...applied].sort((a, b) => a - b));
        expect(some.filter((item) => typeof answers[item] === 'string')).toEqual(applied);
      },
    ),
  ));

describe.each([
  ['one slow item', [42], 2000],
  ['slow items at the front', [0, 1, 2], 2000],
  ['slow items on both sides', [0, 1, 2, 97, 98, 99], 2000],
  ['one slow item at the front of a direct connection', [0], 7001],
  ['one slow item in the middle of a direct connection', [42], 7001],
])('with %s, all others are reached', (_title, slow, timeoutMs) => {
  it.each([1, 2, 3])('when the rest is repeated: %i', async (seed) => {
    const random = randomFrom(seed);
    let left = items;
    for (let round = 0; round < 50 && left.length > slow.length; round += 1) {
      const { apply, elapsed } = database((item) => slow.includes(item), timeoutMs);
      const answers = await applyInParts(left, elapsed, apply, random);
      left = left.filter((_, index) => answers[index] === null);
    }
    expect(left).toEqual(slow);
  });

  it.each([1, 2, 3])('when the whole is repeated: %i', async (seed) => {
    const random = randomFrom(seed);
    const reached = new Set<number>();
    for (let round = 0; round < 1000 && reached.size < items.length - slow.length; round += 1) {
      const { apply, elapsed, applied } = database((item) => slow.includes(item), timeoutMs);
      await applyInParts(items, elapsed, apply, random);
      for (const item of applied) reached.add(item);
    }
    expect(items.filter((item) => !reached.has(item))).toEqual(slow);
  });
});

it('begins no part when the sender may have stopped waiting', async () => {
  const { apply, elapsed, sizes } = database(() => true);
  expect(await applyInParts(items, elapsed, apply, patient)).toEqual(items.map(() => null));
  expect(elapsed()).toBeLessThanOrEqual(12_000);
  expect(sizes.length).toBeLessThanOrEqual(6);
});

it('throws what nothing was kept for: another error, and one item that took too long', async () => {
  const broken = new DatabaseUnavailable('the call failed', { cause: { code: '42P01' } });
  await expect(
    applyInParts(
      items,
      () => 0,
      () => Promise.reject(broken),
      patient,
    ),
  ).rejects.toBe(broken);
  const { apply, elapsed } = database(() => true);
  await expect(applyInParts([1], elapsed, apply, patient)).rejects.toThrow('the call failed');
});

it('keeps what is applied when a later part fails otherwise', async () => {
  let calls = 0;
  const apply = (part: number[]): Promise<string[]> => {
    calls += 1;
    if (calls === 1) return Promise.reject(tookTooLong());
    if (calls === 2) return Promise.resolve(part.map((item) => `applied ${item}`));
    return Promise.reject(new DatabaseUnavailable('the call failed', { cause: { code: '08006' } }));
  };
  const answers = await applyInParts(items, () => 0, apply, patient);
  expect(answers.filter((answer) => answer !== null)).toHaveLength(7);
  expect(calls).toBe(10);
});
