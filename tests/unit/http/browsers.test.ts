import { expect, it } from 'vitest';
import { forBrowsers } from '../../../src/server/http/browsers.ts';
import { answer, problem } from '../../../src/server/http/problem.ts';

const PAGE = 'https://app.example.com';

function ask(headers: Record<string, string>, method = 'GET', work = () => answer({ done: true })) {
  const handle = forBrowsers(() => Promise.resolve(work()), {
    methods: ['GET', 'POST'],
    origins: () => new Set([PAGE]),
    log: () => undefined,
  });
  return handle(new Request('http://localhost/api/x', { method, headers }));
}

const refuse = () => problem('job_not_found');

it('answers the preflight of a listed origin with what it may do', async () => {
  const response = await ask({ origin: PAGE, 'access-control-request-method': 'POST' }, 'OPTIONS');
  expect(response.status).toBe(204);
  expect(Object.fromEntries(response.headers)).toEqual({
    allow: 'GET, POST, OPTIONS',
    'access-control-allow-origin': PAGE,
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': 'Content-Type, Authorization, Idempotency-Key, Traceparent',
    'access-control-max-age': '600',
    vary: 'Origin',
  });
});

it.each([
  ['https://evil.example', 'OPTIONS'],
  ['https://evil.example', 'GET'],
  [`${PAGE}.evil.example`, 'GET'],
  [`${PAGE}/`, 'GET'],
  ['http://app.example.com', 'GET'],
  ['null', 'OPTIONS'],
])('permits nothing to %s (%s)', async (origin, method) => {
  const response = await ask({ origin }, method);
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(response.headers.get('vary')).toBe('Origin');
});

it('permits a listed origin to read answers, refusals and failures', async () => {
  const broken = () => {
    throw new Error('broken');
  };
  for (const [work, status] of [
    [undefined, 200],
    [refuse, 404],
    [broken, 500],
  ] as const) {
    const response = await ask({ origin: PAGE }, 'GET', work);
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(response.headers.get('access-control-expose-headers')).toBe(
      'Location, Retry-After, RateLimit, RateLimit-Policy',
    );
    expect(response.headers.get('vary')).toContain('Origin');
  }
});

it('answers 500 where the origins cannot be read, as without a configuration', async () => {
  const handle = forBrowsers(() => Promise.resolve(refuse()), {
    methods: ['GET'],
    origins: () => {
      throw new Error('The environment is not complete');
    },
    log: () => undefined,
  });
  const response = await handle(new Request('http://localhost/', { headers: { origin: PAGE } }));
  expect(response.status).toBe(500);
});

it.each<[string, Record<string, string>, string]>([
  ['a server', {}, 'application/problem+json'],
  ['a server that takes anything', { accept: '*/*' }, 'application/problem+json'],
  ['a page of another origin', { origin: PAGE, accept: '*/*' }, 'application/json'],
  ['a page of the own origin', { 'sec-fetch-site': 'same-origin', accept: '*/*' }, 'application/json'],
  ['whoever accepts only JSON', { accept: 'application/json' }, 'application/json'],
  [
    'a page that accepts problem details',
    { origin: PAGE, accept: 'application/json, application/problem+json' },
    'application/problem+json',
  ],
])('answers errors to %s so that they are read', async (_name, headers, contentType) => {
  const response = await ask(headers, 'GET', refuse);
  expect(response.headers.get('content-type')).toBe(contentType);
  expect(response.headers.get('vary')).toBe('Accept, Origin');
  expect(await response.json()).toMatchObject({ code: 'job_not_found', error: 'Job not found' });
});
