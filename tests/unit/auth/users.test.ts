import { createServer, type RequestListener } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { createFindUser, type FoundUser } from '../../../src/server/auth/users.ts';
import { DatabaseUnavailable } from '../../../src/server/store/store.ts';

/** A UUID for PostgreSQL, common in seeds, but of no version of RFC 9562. */
const USER = '11111111-1111-1111-1111-111111111111';
const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
const expires = Math.floor(Date.now() / 1000) + 3600;
const token = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: USER, role: 'authenticated', exp: expires })}.c2ln`;

/** Asks a Supabase Auth that gives prepared answers. */
async function findUser(answer: RequestListener, accessToken = token): Promise<FoundUser> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return createFindUser({ url: `http://127.0.0.1:${port}`, publishableKey: 'k' })(accessToken);
}

const answered =
  (status: number, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };

it('is found by a token that Auth confirms', async () => {
  expect(await findUser(answered(200, JSON.stringify({ id: USER })))).toEqual({ ok: true, userId: USER });
});

it.each([
  [true, { ok: false, code: 'anonymous_user' }],
  [false, { ok: true, userId: USER }],
])('has an account: with is_anonymous %s the answer is %o', async (is_anonymous, found) => {
  const claims = { sub: USER, role: 'authenticated', exp: expires, is_anonymous };
  const ofVisitor = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.c2ln`;
  expect(await findUser(answered(200, JSON.stringify({ id: USER, is_anonymous })), ofVisitor)).toEqual(found);
});

it.each([
  [401, '{"code":"bad_jwt","message":"invalid JWT"}'],
  [403, '{"code":"session_not_found","message":"gone"}'],
])('is nobody where Auth answers %d %s', async (status, body) => {
  expect(await findUser(answered(status, body))).toEqual({ ok: false, code: 'unauthorized' });
});

it.each([
  [429, '{"code":"over_request_rate_limit","message":"slow down"}'],
  [429, '<h1>Too many requests</h1>'],
  [500, '{"message":"unexpected failure"}'],
  [503, 'upstream connect error'],
  [599, '{"message":"whatever"}'],
  [404, '<h1>Not found</h1>'],
])('is unknown where Auth answers %d %s: the caller should come again', async (status, body) => {
  await expect(findUser(answered(status, body))).rejects.toThrow(DatabaseUnavailable);
});

it.each<[string, RequestListener]>([
  ['accepts and does not answer', () => undefined],
  [
    'stops in mid-answer',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":');
    },
  ],
])('is unknown after some seconds where Auth %s', async (_name, answer) => {
  const started = Date.now();
  await expect(findUser(answer)).rejects.toThrow(DatabaseUnavailable);
  expect(Date.now() - started).toBeLessThan(8000);
});
