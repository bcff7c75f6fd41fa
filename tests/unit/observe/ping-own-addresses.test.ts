import { expect, it } from 'vitest';
import { pingOwnAddresses } from '../../../src/server/observe/alerts/ping-own-addresses.ts';
import { testClock } from '../../support/clock.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');

it('tells addresses of one host apart, by their path and port', async () => {
  const recorded: unknown[] = [];
  // Safe: the pinger calls it with a string and its options alone.
  const fetch = ((url: string) =>
    url.startsWith('https://polaris.example/b/')
      ? Promise.reject(new Error('down'))
      : Promise.resolve(
          Response.json({
            outcome: 'received',
            ping_id: 'ping_1',
            function_time: '2026-11-25T12:00:01.000Z',
            database_time: '2026-11-25T12:00:02.000Z',
          }),
        )) as typeof globalThis.fetch;
  await pingOwnAddresses({
    ...testClock(NOW),
    fetch,
    rpc: (name, parameters, answer) => {
      recorded.push(parameters);
      return Promise.resolve(answer.parse(name === 'claim_ping' ? true : null));
    },
    webhookKeys: [Buffer.alloc(32, 1)],
    timeoutMs: 1000,
    protectionBypass: undefined,
    webhookBaseUrls: [
      'https://polaris.example/api/webhooks',
      'https://polaris.example/a/api/webhooks',
      'https://polaris.example/b/api/webhooks',
      'https://polaris.example:8443/a/b/api/webhooks',
    ],
  });
  expect(recorded).toMatchObject([
    {},
    {
      p_results: [
        { address: 'polaris.example', ok: true },
        { address: 'polaris.example/a', ok: true },
        { address: 'polaris.example/b', ok: false },
        { address: 'polaris.example:8443/a/b', ok: true },
      ],
    },
  ]);
});
