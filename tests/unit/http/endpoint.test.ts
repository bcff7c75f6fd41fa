import { expect, it } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../../src/contracts/problem.ts';
import { endpoint, guard, headOf } from '../../../src/server/http/endpoint.ts';
import { problem } from '../../../src/server/http/problem.ts';
import { DatabaseUnavailable, SchemaMismatch } from '../../../src/server/store/store.ts';

/** The answer and the log for an error that a handler throws. */
async function answerTo(error: Error) {
  const lines: { message: string; details: Record<string, unknown> | undefined }[] = [];
  const handle = guard(
    () => Promise.reject(error),
    (_level, message, details) => lines.push({ message, details }),
  );
  const request = new Request('http://localhost/api/x?job_id=1', { headers: { 'x-vercel-id': 'iad1::r' } });
  const response = await handle(request);
  return { response, body: (await response.json()) as object, lines };
}

it.each([
  [new DatabaseUnavailable('the call of f failed'), 'Supabase is unavailable'],
  [
    new SchemaMismatch('f', { cause: { code: 'PGRST202' } }),
    'the versions of the schema and the functions differ',
  ],
])('answers 503 with Retry-After to %s, and the log tells which', async (error, message) => {
  const { response, body, lines } = await answerTo(error);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(body).toMatchObject({ code: 'database_unavailable' });
  const details = { method: 'GET', pathname: '/api/x', request_id: 'iad1::r', error };
  expect(lines).toEqual([{ message, details }]);
});

it('answers 500 without details to any other error, which is in the log', async () => {
  const error = new Error('password=hunter2');
  const { response, body, lines } = await answerTo(error);
  expect(response.status).toBe(500);
  expect(JSON.stringify(body)).not.toContain('hunter2');
  expect(body).toMatchObject({ code: 'internal_error' });
  expect(lines).toMatchObject([{ message: 'a handler failed', details: { error } }]);
});

it('answers 405 to a method that the endpoint lacks, naming those it has', async () => {
  const handle = endpoint({ GET: () => Promise.resolve(new Response()) }, () => undefined);
  const response = await handle(new Request('http://localhost/', { method: 'DELETE' }));
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET');
});

it('answers HEAD as GET, without the body', async () => {
  const get = () => Promise.resolve(problem('database_unavailable', { headers: { 'retry-after': '5' } }));
  const handle = endpoint({ GET: get, HEAD: headOf(get) }, () => undefined);
  const response = await handle(new Request('http://localhost/', { method: 'HEAD' }));
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.body).toBeNull();
});

it.each(Object.keys(PROBLEMS) as ProblemCode[])(
  'answers %s as problem details, with the title as `error` for older clients',
  async (code) => {
    const response = problem(code, { detail: 'd' });
    const { status, title } = PROBLEMS[code];
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title,
      status,
      code,
      error: title,
      detail: 'd',
    });
  },
);
