import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { consolePolicy } from '../../../tools/build/console-policy.ts';
import { FUNCTION_SECONDS } from '../../../src/contracts/constants.ts';

const root = new URL('../../../', import.meta.url);
const vercel = z
  .object({
    functions: z.record(z.string(), z.object({ maxDuration: z.number() })),
    crons: z.array(z.object({ path: z.string(), schedule: z.string() })),
    regions: z.array(z.string()),
    rewrites: z.array(z.object({ source: z.string(), destination: z.string() })),
    headers: z.array(
      z.object({ source: z.string(), headers: z.array(z.object({ key: z.string(), value: z.string() })) }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('vercel.json', root), 'utf8')));

const packageJson = z
  .object({ engines: z.object({ node: z.string() }), devDependencies: z.object({ node: z.string() }) })
  .parse(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')));

it('calls the sweep every minute, which is there', () => {
  expect(vercel.crons).toEqual([{ path: '/api/cron/sweep', schedule: '* * * * *' }]);
  expect(existsSync(new URL('api/cron/sweep.ts', root))).toBe(true);
});

it('gives functions five minutes at most', () => {
  expect(FUNCTION_SECONDS).toBe(300);
  expect(Object.values(vercel.functions)).toEqual([{ maxDuration: FUNCTION_SECONDS }]);
});

it.each([
  ['/api', false],
  ['/api/webhooks/prelim-report', false],
  ['/api/unknown', false],
  ['/assets', false],
  ['/assets/index-abc.js', false],
  ['/', true],
  ['/audit', true],
  ['/apiary', true],
])('a request for %s becomes the console: %s', (path, isConsole) => {
  const toConsole = vercel.rewrites.filter(({ destination }) => destination === '/index.html');
  expect(toConsole.map(({ source }) => new RegExp(`^${source}$`).test(path))).toEqual([isConsole]);
});

it('serves the OpenAPI document among the functions', () => {
  const [first, ...others] = vercel.rewrites;
  expect(first).toEqual({ source: '/api/openapi.json', destination: '/openapi.json' });
  expect(others).toHaveLength(1);
  expect(existsSync(new URL('public/openapi.json', root))).toBe(true);
});

it('lets browsers keep what has a hash in its name, and nothing else', () => {
  const cached = vercel.headers.filter(({ headers }) => headers.some(({ key }) => key === 'Cache-Control'));
  expect(cached).toEqual([
    {
      source: '/assets/(.*)',
      headers: [{ key: 'Cache-Control', value: 'public, max-age=31536000, immutable' }],
    },
  ]);
});

it('runs in one region, and on the Node that was tested', () => {
  expect(vercel.regions).toHaveLength(1);
  expect(packageJson.engines.node).toBe('24.x');
  expect(packageJson.devDependencies.node).toMatch(/^24\./);
});

const policyOf = (text: string) =>
  new Map(
    text.split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(' ');
      return [name, sources] as const;
    }),
  );

it('allows no inline script and no foreign frame', () => {
  const header = vercel.headers
    .flatMap(({ headers }) => headers)
    .find(({ key }) => key === 'Content-Security-Policy');
  const policy = policyOf(header?.value ?? '');
  expect(policy.get('default-src')).toEqual(["'self'"]);
  expect(policy.get('frame-ancestors')).toEqual(["'none'"]);
  expect(header?.value).not.toMatch(/unsafe|\*/);
  // The page's own policy narrows the rest. It says the same but for what only one of the two can say.
  const page = policyOf(consolePolicy('https://project.supabase.co'));
  expect(page.get('connect-src')).toEqual([
    "'self'",
    'https://project.supabase.co',
    'wss://project.supabase.co',
  ]);
  expect(policy.get('connect-src')).toEqual(["'self'", 'https:', 'wss:']);
  for (const one of ['connect-src', 'frame-ancestors']) for (const each of [policy, page]) each.delete(one);
  expect([...policy]).toEqual([...page]);
});
