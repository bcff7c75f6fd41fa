import { expect, it } from 'vitest';
import { gather } from '../../../src/server/deliver/gather.ts';

it('answers concurrent questions with one call, and those asked during a call with the next', async () => {
  const calls: number[][] = [];
  const released = Promise.withResolvers<null>();
  const ask = gather(3, async (asked: readonly number[]) => {
    calls.push([...asked]);
    if (calls.length === 1) await released.promise;
    return asked.map((one) => one * 10);
  });
  const first = [ask(1), ask(2)];
  await expect.poll(() => calls).toEqual([[1, 2]]);
  const second = [ask(3), ask(4), ask(5), ask(6)];
  released.resolve(null);
  expect(await Promise.all([...first, ...second])).toEqual([10, 20, 30, 40, 50, 60]);
  expect(calls).toEqual([[1, 2], [3, 4, 5], [6]]);
});

it('fails for those whose call fails, and for no others', async () => {
  let calls = 0;
  const ask = gather(1, (asked: readonly string[]) => {
    calls += 1;
    return calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve(asked);
  });
  const outcomes = await Promise.allSettled([ask('a'), ask('b')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});

it('rejects a question that gets no answer', async () => {
  const ask = gather(5, (asked: readonly string[]) => Promise.resolve(asked.slice(1)));
  const outcomes = await Promise.allSettled([ask('a'), ask('b')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});
