import { expect, it } from 'vitest';
import { explain, isTransient } from '../../src/console/lib/errors.ts';
import { listReports } from '../../src/services/reports.ts';
import { browserClient } from '../support/browser-session.ts';

const away = { code: 'PGRST002', message: 'Could not query the database for the schema cache. Retrying.' };

it.each([
  ['the database is unavailable', Response.json(away, { status: 503 }), true, /database does not answer/],
  ['a gateway has no more room', new Response('slow down', { status: 429 }), false, /Too many requests/],
  [
    'a gateway has lost the server',
    new Response('<h1>Bad gateway</h1>', { status: 502 }),
    true,
    /server failed/,
  ],
  [
    'a gateway answers in words of its own',
    Response.json({ error: 'x' }, { status: 520 }),
    true,
    /server failed/,
  ],
])('keeps the status where %s', async (_case, response, isWorthARetry, title) => {
  const { error } = await listReports(browserClient(() => response));
  expect(error).toMatchObject({ status: response.status });
  expect(isTransient(error)).toBe(isWorthARetry);
  expect(explain(error).title).toMatch(title);
});
