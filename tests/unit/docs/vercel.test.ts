import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { FUNCTION_SECONDS } from '../../../src/contracts/constants.ts';

const root = new URL('../../../', import.meta.url);
const vercel = z
  .object({
    functions: z.record(z.string(), z.object({ maxDuration: z.number() })),
    crons: z.array(z.object({ path: z.string(), schedule: z.string() })),
    rewrites: z.array(z.object({ source: z.string(), destination: z.string() })),
    headers: z.array(z.object({ headers: z.array(z.object({ key: z.string(), value: z.string() })) })),
  })
  .parse(JSON.parse(readFileSync(new URL('vercel.json', root), 'utf8')));

it('calls the sweep every minute, which is there', () => {
  expect(vercel.crons).toEqual([{ path: '/api/cron/sweep', schedule: '* * * * *' }]);
  expect(existsSync(new URL('api/cron/sweep.ts', root))).toBe(true);
});

it('gives functions five minutes at most', () => {
  expect(FUNCTION_SECONDS).toBe(300);
  expect(Object.values(vercel.functions)).toEqual([{ maxDuration: FUNCTION_SECONDS }]);
});

it('never rewrites what is under /api, and everything else to the console', () => {
  for (const { source } of vercel.rewrites) {
    const pattern = new RegExp(`^${source}$`);
    expect(pattern.test('/api/webhooks/prelim-report')).toBe(false);
    expect(pattern.test('/audit')).toBe(true);
  }
});

it('allows no inline script, no foreign frame, and no other origin but Supabase', () => {
  const policy = vercel.headers
    .flatMap(({ headers }) => headers)
    .find(({ key }) => key === 'Content-Security-Policy');
  expect(policy?.value).toContain("default-src 'self'");
  expect(policy?.value).toContain("frame-ancestors 'none'");
  expect(policy?.value).not.toMatch(/unsafe|\*(?!\.supabase\.co)/);
});
