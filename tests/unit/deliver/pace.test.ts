import { expect, it } from 'vitest';
import { createPace } from '../../../src/server/deliver/pace.ts';

function bed() {
  let now = 0;
  const pace = createPace(() => now);
  return {
    pace,
    pass: (ms: number) => (now += ms),
    answered: (times: number) => {
      for (let time = 0; time < times; time += 1) pace.answered();
      return pace.senders();
    },
  };
}

it('grows by one sender after as many answers as there are senders, up to a bound', () => {
  const { pace, answered } = bed();
  expect(pace.senders()).toBe(10);
  expect(answered(9)).toBe(10);
  expect(answered(2)).toBe(11);
  expect(answered(10_000)).toBe(40);
});

it('halves when the endpoint is overloaded, once for all that had begun before, and keeps two', () => {
  const { pace, pass } = bed();
  pass(100);
  pace.overloaded(50);
  pace.overloaded(60);
  expect(pace.senders()).toBe(5);
  pass(100);
  pace.overloaded(150);
  expect(pace.senders()).toBe(2);
  pass(100);
  pace.overloaded(250);
  expect(pace.senders()).toBe(2);
});
