import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sweepDeliveries } from '../../../src/server/deliver/sweep-deliveries.ts';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../../src/server/deliver/subscribers/endpoint-secrets.ts';
import type { Store } from '../../../src/server/store/store.ts';
import { testClock } from '../../support/clock.ts';

const OWN = 5;
const ENDPOINT = 'ep-0123456789abcdef';
const endpointKeys = parseEndpointKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`);

it('keeps senders for our own endpoints while subscribers hang', async () => {
  let hanging = 0;
  let most = 0;
  let ids = 0;
  let left = OWN;
  const released = Promise.withResolvers<Response>();
  const clock = testClock();
  const claimed = (subscriber: object | null) => {
    ids += 1;
    return {
      delivery_id: ids,
      delivery_token: 1,
      event_id: `evt_${ids}`,
      endpoint_id: subscriber === null ? 'final-report' : ENDPOINT,
      expects: subscriber === null ? 'own_answer' : 'any_2xx',
      job_id: null,
      trace_id: null,
      body: '{}',
      subscriber,
    };
  };
  const subscriber = {
    url: 'https://hooks.example.org/',
    sealed_secrets: [sealSecret(endpointKeys, ENDPOINT, mintSecret())],
    position: 1,
    plan: 0,
    redriven: false,
    format_version: 2,
  };
  const rpc = async (
    name: string,
    { p_limit = 0, p_outward = 0 }: { p_limit?: number; p_outward?: number },
    answer: { parse: (value: unknown) => unknown },
  ) => {
    // As a call does, so that the senders take turns.
    await sleep(1);
    if (name === 'release_deliveries') return answer.parse(0);
    if (name === 'record_delivery_attempts')
      return answer.parse({ status: 'failed', dead: false, effect: null });
    if (name !== 'claim_due_deliveries') throw new Error(`no call of ${name} was expected`);
    // Subscribers have an endless backlog; what is ours comes due once as many of them hang as may.
    const outward = left === 0 ? 0 : Math.min(p_limit, p_outward);
    const own = p_outward > 0 ? 0 : Math.min(p_limit, left);
    left -= own;
    // All that is ours is sent: whoever hangs may end.
    if (left === 0) released.resolve(new Response(null, { status: 204 }));
    const deliveries = [
      ...Array.from({ length: own }, () => claimed(null)),
      ...Array.from({ length: outward }, () => claimed(subscriber)),
    ];
    return answer.parse({ deliveries, left_out: [], waiting: false });
  };
  await sweepDeliveries({
    ...clock,
    // Safe: the answers above are those of the functions that a sweep calls.
    rpc: rpc as Store['rpc'],
    log: () => undefined,
    fetch: () => Promise.resolve(new Response(null, { status: 500 })),
    outbound: async () => {
      hanging += 1;
      most = Math.max(most, hanging);
      const response = await released.promise;
      hanging -= 1;
      return response.clone();
    },
    endpointKeys,
    webhookKeys: [Buffer.alloc(32, 1)],
    webhookBaseUrls: ['https://polaris.example/api/webhooks'],
    protectionBypass: undefined,
    timeoutMs: 1000,
    random: () => 0,
  });
  expect(left).toBe(0);
  expect(most).toBe(8);
}, 20_000);
