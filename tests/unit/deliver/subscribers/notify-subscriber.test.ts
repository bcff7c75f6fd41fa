import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../../src/server/clock.ts';
import { claimedDelivery } from '../../../../src/server/deliver/delivery.ts';
import { notifyReportCompletion } from '../../../../src/server/deliver/notify-report-completion.ts';
import { type Notifier } from '../../../../src/server/deliver/send-delivery.ts';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../../../src/server/deliver/subscribers/endpoint-secrets.ts';
import type { OutboundPost } from '../../../../src/server/deliver/subscribers/outbound.ts';

const ENDPOINT = 'ep-0123456789abcdef';
const endpointKeys = parseEndpointKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`);

const claimed = {
  delivery_id: 5,
  delivery_token: 2,
  event_id: 'evt_1',
  endpoint_id: ENDPOINT,
  expects: 'any_2xx',
  job_id: 'job_1',
  trace_id: null,
  body: '{}',
};
const toSubscriber = (sealed_secrets = [sealSecret(endpointKeys, ENDPOINT, mintSecret())]) =>
  claimedDelivery.parse({
    ...claimed,
    subscriber: {
      url: 'https://hooks.example.org/',
      sealed_secrets,
      position: 1,
      plan: 0,
      redriven: false,
      format_version: 2,
    },
  });

/** A sender whose calls all end in this status, with the calls that it made. */
function bed(status: number) {
  const posts: OutboundPost[] = [];
  const recorded: unknown[] = [];
  const answer = () => new Response(null, { status });
  const fetch = vi.fn(() => Promise.resolve(answer()));
  const notifier: Notifier = {
    ...systemClock,
    log: () => undefined,
    rpc: (name, parameters, schema) => {
      recorded.push([name, parameters]);
      return Promise.resolve(schema.parse({ status: 'success', dead: false, effect: null }));
    },
    fetch,
    outbound: (post) => {
      posts.push(post);
      return Promise.resolve(answer());
    },
    endpointKeys,
    webhookKeys: [Buffer.alloc(32, 7)],
    webhookBaseUrls: ['https://polaris.example/api/webhooks'],
    protectionBypass: 'let-us-in',
    timeoutMs: 1000,
    random: () => 0,
  };
  return { posts, recorded, fetch, notifier };
}

describe('a delivery to a subscriber', () => {
  it('goes out through the checked way, without our bypass, and is recorded', async () => {
    const { posts, recorded, fetch, notifier } = bed(204);
    const { round } = await notifyReportCompletion(notifier, toSubscriber(), 3);
    expect(round).toMatchObject({ result: 'delivered', outcome: null });
    expect(fetch).not.toHaveBeenCalled();
    expect(posts.map(({ url }) => url)).toEqual(['https://hooks.example.org/']);
    expect(JSON.stringify(posts)).not.toContain('let-us-in');
    expect(recorded).toMatchObject([
      [
        'record_delivery_attempts',
        { p_delivery_id: 5, p_delivery_token: 2, p_result: 'delivered', p_attempts: [{ status: 204 }] },
      ],
    ]);
  });

  it('is one attempt when it fails, whatever quick retries our own endpoints get', async () => {
    const { posts, recorded, notifier } = bed(410);
    await notifyReportCompletion(notifier, toSubscriber(), 3);
    expect(posts).toHaveLength(1);
    expect(recorded).toMatchObject([
      ['record_delivery_attempts', { p_result: 'failed', p_attempts: [{ status: 410 }] }],
    ]);
  });

  it('is not sent when its secret cannot be opened: the subscriber is paused, and the delivery is not to blame', async () => {
    const { posts, recorded, notifier } = bed(204);
    const other = parseEndpointKeys(`k0:${Buffer.alloc(32, 2).toString('base64')}`);
    const sealed = [sealSecret(other, ENDPOINT, mintSecret())];
    await notifyReportCompletion(notifier, toSubscriber(sealed), 0);
    expect(posts).toEqual([]);
    expect(recorded).toMatchObject([
      ['pause_unreadable_endpoint', { p_endpoint_id: ENDPOINT }],
      ['record_delivery_attempts', { p_result: 'failed', p_attempts: [] }],
    ]);
  });
});

it('a delivery to our own endpoint goes there, as before', async () => {
  const { posts, fetch, notifier } = bed(204);
  await notifyReportCompletion(
    notifier,
    claimedDelivery.parse({ ...claimed, endpoint_id: 'final-report' }),
    0,
  );
  expect(fetch).toHaveBeenCalledOnce();
  expect(posts).toEqual([]);
});
