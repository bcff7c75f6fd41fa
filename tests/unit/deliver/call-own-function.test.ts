import { expect, it } from 'vitest';
import { z } from 'zod';
import { callOwnFunction } from '../../../src/server/deliver/call-own-function.ts';

const NAMES = ['one', 'two', 'three'] as const;
const addressOf = (name: string) => `https://${name}.example/api/webhooks`;

/** Calls a function whose addresses answer as told, and tells which were asked. */
async function call(of: 'each address' | 'all addresses', answers: (name: string) => Response | 'nothing') {
  const asked: string[] = [];
  const [first, ...rest] = NAMES.map(addressOf);
  if (first === undefined) throw new Error('there are addresses');
  const answered = await callOwnFunction(
    {
      webhookBaseUrls: [first, ...rest],
      protectionBypass: undefined,
      cronSecrets: ['secret'],
      fetch: (input, init) => {
        const name =
          new URL(String(input instanceof Request ? input.url : input)).hostname.split('.')[0] ?? '';
        asked.push(name);
        const answer = answers(name);
        if (answer !== 'nothing') return Promise.resolve(answer);
        return new Promise((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
        });
      },
    },
    { path: '/x', method: 'GET', timeoutMs: 50, of, what: 'the call', answer: z.literal('done') },
  ).catch((error: unknown) => String(error));
  return { asked, answered };
}
const done = () => Response.json('done');

it('asks each address until one answers', async () => {
  const { asked, answered } = await call('each address', (name) => (name === 'three' ? done() : 'nothing'));
  expect(asked).toEqual(NAMES);
  expect(answered).toBe('done');
});

it.each([401, 302, 500])('an answer %i is a failure, and the next address is asked', async (status) => {
  const refusal = () => new Response(null, { status, headers: { location: 'https://other.example/' } });
  const { asked, answered } = await call('all addresses', (name) => (name === 'one' ? refusal() : done()));
  expect(asked).toEqual(['one', 'two']);
  expect(answered).toBe('done');
  const all = await call('all addresses', refusal);
  expect(all).toEqual({ asked: NAMES, answered: `Error: the call was answered ${status}` });
});

it('waits for all addresses together no longer than its time, where it says so', async () => {
  const { asked, answered } = await call('all addresses', () => 'nothing');
  expect(asked).toEqual(['one']);
  expect(answered).toContain('TimeoutError');
});
