import { afterEach, expect, it } from 'vitest';
import { createConsoleClient, endSession } from '../../src/console/lib/supabase.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { browserClient, SESSION_KEY } from '../support/browser-session.ts';

let client: DatabaseClient | undefined;
afterEach(async () => {
  await client?.auth.stopAutoRefresh();
  localStorage.clear();
});

function recorder() {
  const requests: Request[] = [];
  const answer = (input: string | URL | Request, init: RequestInit | undefined) => {
    requests.push(new Request(input, init));
    return Response.json([]);
  };
  return { requests, answer };
}

it('asks with the token of the person who is signed in', async () => {
  const { requests, answer } = recorder();
  client = browserClient(answer);
  const { error } = await client.from('operators').select('user_id');
  expect(error).toBeNull();
  expect(requests.map(({ url }) => url)).toEqual(['http://project.test/rest/v1/operators?select=user_id']);
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer head.payload.signature');
  expect(requests[0]?.headers.get('apikey')).toBe('publishable');
});

it('asks as nobody where nobody is signed in, also below a path', async () => {
  const { requests, answer } = recorder();
  client = createConsoleClient(
    { VITE_SUPABASE_URL: 'http://gateway.test/project', VITE_SUPABASE_PUBLISHABLE_KEY: 'publishable' },
    (input, init) => Promise.resolve(answer(input, init)),
  );
  await client.rpc('list_actors');
  expect(requests.map(({ url }) => url)).toEqual(['http://gateway.test/project/rest/v1/rpc/list_actors']);
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer publishable');
});

it('signs out with the token of the person alone', async () => {
  const { requests, answer } = recorder();
  client = browserClient(answer);
  expect(await endSession(client, 'global')).toBeNull();
  expect(requests.map(({ url }) => url)).toEqual(['http://project.test/auth/v1/logout?scope=global']);
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer head.payload.signature');
  expect(localStorage.getItem(SESSION_KEY)).toBeNull();
});

it('keeps the session where the other ones could not be ended, and ends its own without an answer', async () => {
  client = browserClient(() => {
    throw new TypeError('Failed to fetch');
  });
  expect(await endSession(client, 'global')).toBeInstanceOf(Error);
  expect(localStorage.getItem(SESSION_KEY)).not.toBeNull();
  expect(await endSession(client, 'local')).toBeNull();
  expect(localStorage.getItem(SESSION_KEY)).toBeNull();
});
