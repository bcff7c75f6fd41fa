import { expect, it } from 'vitest';
import { z } from 'zod';
import { PoolUnusable } from '../../../src/server/store/direct-store.ts';
import { createFallbackStore } from '../../../src/server/store/fallback-store.ts';
import {
  DatabaseUnavailable,
  RateLimited,
  SchemaMismatch,
  type Store,
} from '../../../src/server/store/store.ts';
import { testClock } from '../../support/clock.ts';

type Functions = { call: { Args: Record<PropertyKey, never> } };

/** A pool that does as it is told, REST behind it, and a clock that is moved by hand. */
function bed() {
  const clock = testClock();
  const calls: string[] = [];
  const lines: string[] = [];
  const state: { direct: () => Promise<unknown> } = { direct: () => Promise.resolve('direct') };
  const storeOf = (road: string, run: () => Promise<unknown>): Store<Functions> => ({
    async rpc(_name, _parameters, answer) {
      calls.push(road);
      return answer.parse(await run());
    },
  });
  const store = createFallbackStore<Functions>({
    direct: storeOf('direct', () => state.direct()),
    rest: storeOf('rest', () => Promise.resolve('rest')),
    monotonicNow: clock.monotonicNow,
    log: (level, message) => void lines.push(`${level} ${message}`),
    unreachableMs: 5_000,
    refusedMs: 60_000,
  });
  return {
    clock,
    calls,
    lines,
    state,
    store,
    call: () => store.rpc('call', {}, z.string()),
    fail: (error: Error) => () => Promise.reject(error),
  };
}
const unreachable = new PoolUnusable('unreachable', 'refused');

it('calls go by REST for five seconds, and then one of them tries the pool', async () => {
  const { clock, calls, state, store, call, fail } = bed();
  state.direct = fail(unreachable);
  expect(await call()).toBe('rest');
  expect(store.next()).toBe('rest');
  clock.pass(4_999);
  expect(await call()).toBe('rest');
  expect(calls).toEqual(['direct', 'rest', 'rest']);
  clock.pass(1);
  calls.length = 0;
  const late = Promise.withResolvers<string>();
  state.direct = () => late.promise;
  const probe = call();
  expect(await Promise.all([call(), call()])).toEqual(['rest', 'rest']);
  expect(calls).toEqual(['direct', 'rest', 'rest']);
  late.resolve('direct');
  expect(await probe).toBe('direct');
  state.direct = () => Promise.resolve('direct');
  expect(await Promise.all([call(), call()])).toEqual(['direct', 'direct']);
});

it('a probe that fails is answered by REST, and the wait begins anew', async () => {
  const { clock, calls, state, call, fail } = bed();
  state.direct = fail(unreachable);
  await call();
  clock.pass(5_000);
  expect(await call()).toBe('rest');
  clock.pass(4_999);
  await call();
  expect(calls).toEqual(['direct', 'rest', 'direct', 'rest', 'rest']);
});

it('a refused role is asked about again only after a minute', async () => {
  const { clock, calls, state, call, fail } = bed();
  state.direct = fail(new PoolUnusable('refused', 'owner'));
  await call();
  clock.pass(59_999);
  await call();
  expect(calls).toEqual(['direct', 'rest', 'rest']);
  clock.pass(1);
  state.direct = () => Promise.resolve('direct');
  expect(await call()).toBe('direct');
});

it('a call that a pool left without an answer fails, and the next ones go by REST', async () => {
  const { calls, lines, state, store, call, fail } = bed();
  const silent = new PoolUnusable('silent', 'not answered in its time');
  state.direct = fail(silent);
  await expect(call()).rejects.toBe(silent);
  expect(store.next()).toBe('rest');
  expect(await call()).toBe('rest');
  expect(calls).toEqual(['direct', 'rest']);
  expect(lines).toEqual(['error the pool of STORE_DATABASE_URL cannot be used; calls use the Data API']);
});

it.each([
  ['an error of the database', new DatabaseUnavailable('42501')],
  ['another schema', new SchemaMismatch('call', {})],
  [
    'a rate',
    new RateLimited({
      outcome: 'rate_limited',
      policy: 'sender',
      quota: 1,
      window_seconds: 1,
      retry_after_seconds: 1,
    }),
  ],
])('never repeats by REST what was answered: %s', async (_name, error) => {
  const { calls, state, store, call, fail } = bed();
  state.direct = fail(error);
  await expect(call()).rejects.toBe(error);
  expect(calls).toEqual(['direct']);
  expect(store.next()).toBe('direct');
});

it('a function that is not granted goes by REST alone, and the others by the pool', async () => {
  const { calls, lines, state, store, call, fail } = bed();
  state.direct = fail(new PoolUnusable('not granted', 'call'));
  expect(await call()).toBe('rest');
  expect(await call()).toBe('rest');
  expect(store.next()).toBe('direct');
  expect(calls).toEqual(['direct', 'rest', 'direct', 'rest']);
  expect(lines).toEqual(['error the role of STORE_DATABASE_URL may not execute a function']);
});

it('tells of each change in one line', async () => {
  const { clock, lines, state, call, fail } = bed();
  state.direct = fail(unreachable);
  await Promise.all([call(), call(), call()]);
  clock.pass(5_000);
  await call();
  clock.pass(5_000);
  state.direct = () => Promise.resolve('direct');
  await Promise.all([call(), call()]);
  expect(lines).toEqual([
    'error the pool of STORE_DATABASE_URL cannot be used; calls use the Data API',
    'info the pool of STORE_DATABASE_URL works again',
  ]);
});
