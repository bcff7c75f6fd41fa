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

it('keeps workers for our own endpoints while subscribers hang', async () => {
  let hanging = 0;
  let most = 0;
  let claims = 0;
  let left = OWN;
  const released = Promise.withResolvers<Response>();
  const clock = testClock();
  const claimed = (subscriber: object | null) => {
    claims += 1;
    return {
      delivery: {
        delivery_id: claims,
        delivery_token: 1,
        event_id: `evt_${claims}`,
        endpoint_id: subscriber === null ? 'final-report' : ENDPOINT,
        expects: subscriber === null ? 'own_answer' : 'any_2xx',
        job_id: null,
        trace_id: null,
        body: '{}',
        subscriber,
      },
      left_out: [],
    };
  };
  const nothing = { delivery: null, left_out: [] };
  const rpc = async (
    name: string,
    parameters: { p_own_only?: boolean },
    answer: { parse: (value: unknown) => unknown },
  ) => {
    // As a call does, so that the workers take turns.
    await sleep(1);
    if (name === 'release_deliveries') return answer.parse(0);
    if (name === 'record_delivery_attempts')
      return answer.parse({ status: 'failed', dead: false, effect: null });
    if (name !== 'claim_due_delivery') throw new Error(`no call of ${name} was expected`);
    if (parameters.p_own_only === true) {
      if (left > 0) {
        left -= 1;
        return answer.parse(claimed(null));
      }
      // All that is ours is sent: whoever hangs may end.
      released.resolve(new Response(null, { status: 204 }));
      return answer.parse(nothing);
    }
    const isOver = left === 0;
    return answer.parse(
      isOver
        ? nothing
        : claimed({
            url: 'https://hooks.example.org/',
            sealed_secrets: [sealSecret(endpointKeys, ENDPOINT, mintSecret())],
            position: 1,
            plan: 0,
            redriven: false,
            format_version: 2,
          }),
    );
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
