import { expect, it } from 'vitest';
import { withCors } from '../../../tools/local/cors.ts';
import { securityHeaders, withSources } from '../../../tools/local/security-headers.ts';

const POLICY = 'Content-Security-Policy';

it('adds sources to a directive, or to what it would fall back to', () => {
  const headers = withSources(
    { [POLICY]: "default-src 'self'; connect-src 'self' https://a.example", other: 'kept' },
    { 'connect-src': ['ws://b.example'], 'style-src': ["'nonce-x'"] },
  );
  expect(headers).toEqual({
    [POLICY]:
      "default-src 'self'; connect-src 'self' https://a.example ws://b.example; style-src 'self' 'nonce-x'",
    other: 'kept',
  });
});

it('reads the headers of vercel.json', async () => {
  const headers = await securityHeaders();
  expect(headers['X-Frame-Options']).toBe('DENY');
  expect(headers[POLICY]).toContain("object-src 'none'");
});

it('answers a preflight itself, with the headers that were asked for', async () => {
  const fetch = withCors(() => new Response('no', { status: 404 }));
  const answer = await fetch(
    new Request('http://localhost/auth/v1/token', {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, apikey',
      },
    }),
  );
  expect(answer.status).toBe(204);
  expect(answer.headers.get('access-control-allow-headers')).toBe('authorization, apikey');
});

it('lets other origins read what is answered, and leaves a policy of its own', async () => {
  const plain = await withCors(() => Response.json({ a: 1 }, { status: 201 }))(
    new Request('http://localhost/'),
  );
  expect(plain.status).toBe(201);
  expect(plain.headers.get('access-control-allow-origin')).toBe('*');
  expect(await plain.json()).toEqual({ a: 1 });
  const own = await withCors(
    () => new Response('', { headers: { 'access-control-allow-origin': 'https://a.example' } }),
  )(new Request('http://localhost/'));
  expect(own.headers.get('access-control-allow-origin')).toBe('https://a.example');
});
