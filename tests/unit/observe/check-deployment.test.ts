import { expect, it } from 'vitest';
import { checkRegion, checkWatch } from '../../../src/server/observe/check-deployment.ts';

const deployment = (region: string | null) => ({ region, environment: null, commit: null });

it('a database that is far away is named, with what to set', () => {
  expect(checkRegion(deployment('fra1'), 50).level).toBe('ok');
  expect(checkRegion(deployment('fra1'), 51)).toMatchObject({
    check: 'region',
    level: 'warning',
    message: expect.stringContaining('functions run in fra1; a database call takes 51 ms') as string,
    action: expect.stringContaining('Set regions in vercel.json') as string,
  });
});

it('without a region or a database there is nothing to judge', () => {
  expect(checkRegion(deployment(null), 500).level).toBe('skipped');
  expect(checkRegion(deployment('fra1'), null).level).toBe('skipped');
});

it('names each of ALERT_URLS and HEARTBEAT_URL that is not set, with what to do', () => {
  const HEARTBEAT_URL = 'https://watch.example/ping';
  const ALERT_URLS = 'https://pager.example/alerts';
  expect(checkWatch({ ALERT_URLS, HEARTBEAT_URL })).toEqual([]);
  expect(checkWatch({ ALERT_URLS: undefined, HEARTBEAT_URL })).toMatchObject([
    { level: 'warning', message: expect.stringContaining('ALERT_URLS is not set') as string },
  ]);
  const both = checkWatch({ ALERT_URLS: undefined, HEARTBEAT_URL: undefined });
  expect(both).toHaveLength(2);
  expect(both[1]?.action).toContain('HEARTBEAT_URL');
});
