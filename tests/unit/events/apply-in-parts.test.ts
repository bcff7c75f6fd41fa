import { expect, it } from 'vitest';
import { applyInParts } from '../../../src/server/events/apply-in-parts.ts';
import { DatabaseUnavailable } from '../../../src/server/store/store.ts';

const tookTooLong = () => new DatabaseUnavailable('the call failed', { cause: { code: '57014' } });
const items = Array.from({ length: 100 }, (_, index) => index);

/** Each call that has a slow item takes two seconds of a clock that only calls move. */
function database(isSlow: (item: number) => boolean) {
  let ms = 0;
  const sizes: number[] = [];
  return {
    sizes,
    elapsed: () => ms,
    apply: (part: number[]): Promise<string[]> => {
      sizes.push(part.length);
      if (!part.some(isSlow)) return Promise.resolve(part.map((item) => `applied ${item}`));
      ms += 2000;
      return Promise.reject(tookTooLong());
    },
  };
}

it('applies all items in one call', async () => {
  const { apply, elapsed, sizes } = database(() => false);
  expect(await applyInParts(items, elapsed, apply)).toEqual(items.map((item) => `applied ${item}`));
  expect(sizes).toEqual([100]);
});

it.each([0, 49, 50, 99])('keeps a slow item from harming more than its neighbours: item %i', async (slow) => {
  const { apply, elapsed } = database((item) => item === slow);
  const answers = await applyInParts(items, elapsed, apply);
  expect(answers[slow]).toBeNull();
  for (const [item, answer] of answers.entries()) if (answer !== null) expect(answer).toBe(`applied ${item}`);
  // The whole, and the slow one of 50, 25, 13 and 7 items, each for two seconds, and then another part of these 7.
  expect(answers.filter((answer) => answer === null).length).toBeLessThanOrEqual(7);
});

it('ends with the slow item alone when the rest is repeated', async () => {
  let left = items;
  for (let round = 0; round < 10 && left.length > 1; round += 1) {
    const { apply, elapsed } = database((item) => item === 42);
    const answers = await applyInParts(left, elapsed, apply);
    left = left.filter((_, index) => answers[index] === null);
  }
  expect(left).toEqual([42]);
});

it('begins no part when the sender may have stopped waiting', async () => {
  const { apply, elapsed, sizes } = database(() => true);
  expect(await applyInParts(items, elapsed, apply)).toEqual(items.map(() => null));
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
    ),
  ).rejects.toBe(broken);
  const { apply, elapsed } = database(() => true);
  await expect(applyInParts([1], elapsed, apply)).rejects.toThrow('the call failed');
});

it('keeps what is applied when a later part fails otherwise', async () => {
  let calls = 0;
  const apply = (part: number[]): Promise<string[]> => {
    calls += 1;
    if (calls === 1) return Promise.reject(tookTooLong());
    if (calls === 2) return Promise.resolve(part.map((item) => `applied ${item}`));
    return Promise.reject(new DatabaseUnavailable('the call failed', { cause: { code: '08006' } }));
  };
  const answers = await applyInParts(items, () => 0, apply);
  expect(answers.filter((answer) => answer !== null)).toHaveLength(50);
  expect(calls).toBe(3);
});
