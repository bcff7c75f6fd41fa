import { expect, it } from 'vitest';
import { checkRegion } from '../../../src/server/observe/check-deployment.ts';

const deployment = (region: string | null) => ({ region, environment: null, commit: null });

it('a database that is far away is named, with what to set', () => {
  expect(checkRegion(deployment('fra1'), 50).level).toBe('ok');
  expect(checkRegion(deployment('fra1'), 51)).toMatchObject({
    check: 'region',
    level: 'warning',
    message: expect.stringContaining('functions run in fra1; a call of the database takes 51 ms') as string,
    action: expect.stringContaining('Set regions in vercel.json') as string,
  });
});

it('without a region or a database there is nothing to judge', () => {
  expect(checkRegion(deployment(null), 500).level).toBe('skipped');
  expect(checkRegion(deployment('fra1'), null).level).toBe('skipped');
});
