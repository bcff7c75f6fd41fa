import { afterEach, describe, expect, it, vi } from 'vitest';
import { readEnv } from '../../../../src/server/config/env.ts';
import { createServices } from '../../../../src/server/services.ts';
import { failingServers, http } from '../../../support/failing-servers.ts';

const servers = failingServers();
afterEach(() => servers.close());

const variables = {
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_SECRET_KEY: 'sb_secret_x',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_x',
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  WEBHOOK_BASE_URL: 'http://localhost:3000/api/webhooks',
  PIPELINE_API_KEY: 'p'.repeat(32),
  CRON_SECRET: 'c'.repeat(32),
};
const subscribers = {
  SUBSCRIBER_HOSTS: 'localhost 127.0.0.1',
  ENDPOINT_SECRETS_KEY: `k2:${Buffer.alloc(32, 2).toString('base64')} k1:${Buffer.alloc(32, 1).toString('base64')}`,
};

function post(url: string, env: Record<string, string> = {}) {
  const { outbound } = createServices(readEnv({ ...variables, ...env }));
  return outbound({ url, headers: {}, body: new Uint8Array(), signal: AbortSignal.timeout(5000) });
}

describe('the services of a function', () => {
  it('reach a subscriber whose host is listed', async () => {
    const port = await servers.says(http('200 OK'));
    expect(await post(`http://localhost:${port}/`, subscribers)).toMatchObject({ status: 200, ok: true });
  });

  it.each(['http://localhost:3000/api/cron/sweep', 'http://127.0.0.1:54321/rest/v1/rpc/x'])(
    'never take our own server for a subscriber: %s',
    async (url) => {
      await expect(post(url, subscribers)).rejects.toThrow('the URL is an address of this deployment');
    },
  );

  it('reach nobody where no host is listed', async () => {
    const connected = vi.fn();
    const port = await servers.tcp(connected);
    await expect(post(`http://localhost:${port}/`)).rejects.toThrow('SUBSCRIBER_HOSTS does not list');
    expect(connected).not.toHaveBeenCalled();
  });

  it('seal with the first key, and know all of them', () => {
    const { endpointKeys } = createServices(readEnv({ ...variables, ...subscribers }));
    expect(endpointKeys.map(({ id, key }) => [id, key.byteLength])).toEqual([
      ['k2', 32],
      ['k1', 32],
    ]);
    expect(createServices(readEnv(variables)).endpointKeys).toEqual([]);
  });
});
