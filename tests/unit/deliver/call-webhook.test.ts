import { describe, expect, it } from 'vitest';
import { testClock } from '../../support/clock.ts';
import { callWebhook, type Sender } from '../../../src/server/deliver/call-webhook.ts';
import type { ClaimedDelivery } from '../../../src/server/deliver/delivery.ts';

const A = 'https://a.example/api/webhooks';
const B = 'https://b.example/api/webhooks';

const delivery: ClaimedDelivery = {
  delivery_id: 1,
  delivery_token: 1,
  event_id: 'evt_1',
  endpoint_id: 'prelim-report',
  expects: 'own_answer',
  job_id: 'job_1',
  trace_id: null,
  body: '{}',
  subscriber: null,
};

type Says = 'delivered' | 'dead' | 'slow' | number;

interface Bed {
  sender: Sender;
  /** The addresses that were called, in order, with their headers. */
  calls: { url: string; headers: Headers }[];
}

/** A sender before addresses that answer as they are told, each answer in its turn; the last one stays. */
function bed(answers: Record<string, Says[]>, change: Partial<Sender> = {}): Bed {
  const calls: Bed['calls'] = [];
  const clock = testClock();
  const next = (base: string): Says => {
    const left = answers[base] ?? [];
    return (left.length > 1 ? left.shift() : left[0]) ?? 'dead';
  };
  // Safe: the sender calls it with a string and its options alone.
  const fetch = ((url: string, init: RequestInit) => {
    calls.push({ url, headers: new Headers(init.headers) });
    const says = next(url.replace(/\/[a-z-]+$/, ''));
    if (says === 'slow') {
      clock.pass(1000);
      return Promise.reject(new DOMException('too slow', 'TimeoutError'));
    }
    clock.pass(10);
    if (says === 'dead') {
      const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      return Promise.reject(new TypeError('fetch failed', { cause }));
    }
    if (typeof says === 'number') return Promise.resolve(new Response('gateway', { status: says }));
    return Promise.resolve(Response.json({ outcome: 'applied', job_id: 'job_1' }));
  }) as typeof globalThis.fetch;
  return {
    calls,
    sender: {
      fetch,
      webhookKeys: [Buffer.alloc(32, 1)],
      webhookBaseUrls: [A, B],
      protectionBypass: undefined,
      timeoutMs: 1000,
      ...clock,
      random: () => 0,
      ...change,
    },
  };
}

const called = ({ calls }: Bed) => calls.map(({ url }) => url.replace('/prelim-report', ''));

describe('a round over several addresses', () => {
  it('ends with the first that delivers', async () => {
    const both = bed({ [A]: ['delivered'], [B]: ['delivered'] });
    expect(await callWebhook(both.sender, delivery, 3)).toMatchObject({ result: 'delivered' });
    expect(called(both)).toEqual([A]);
  });

  it.each<Says>(['dead', 'slow', 401, 404, 502])(
    'goes on to the next where one is %s, also without quick retries',
    async (says) => {
      const both = bed({ [A]: [says], [B]: ['delivered'] });
      const round = await callWebhook(both.sender, delivery, 0);
      expect(called(both)).toEqual([A, B]);
      expect(round).toMatchObject({ result: 'delivered', outcome: 'applied', retryAfterSeconds: null });
    },
  );

  it('counts once, as what it ended with, and names what came before', async () => {
    const both = bed({ [A]: ['dead'], [B]: ['delivered'] });
    const { attempts } = await callWebhook(both.sender, delivery, 0);
    expect(attempts).toMatchObject([
      {
        status: 200,
        error: null,
        authentic: true,
        response: {
          address: B,
          earlier: [
            { address: A, status: null, error: 'not sent: the connection was refused (ECONNREFUSED)' },
          ],
        },
      },
    ]);
  });

  it('begins with the first address again for its quick retries, and still counts once', async () => {
    const both = bed({ [A]: [502, 'dead', 'delivered'], [B]: [503] });
    const round = await callWebhook(both.sender, delivery, 3);
    expect(called(both)).toEqual([A, B, A, B, A]);
    expect(round.result).toBe('delivered');
    expect(round.attempts).toHaveLength(1);
  });

  it('ends after the quick retries', async () => {
    const both = bed({ [A]: [502], [B]: [502] });
    expect(await callWebhook(both.sender, delivery, 2)).toMatchObject({ result: 'failed' });
    expect(called(both)).toEqual([A, B, A, B]);
  });

  it('has no quick retry after a time-out of any address', async () => {
    const both = bed({ [A]: ['slow'], [B]: [502] });
    expect(await callWebhook(both.sender, delivery, 3)).toMatchObject({ result: 'failed' });
    expect(called(both)).toEqual([A, B]);
  });

  it('takes two time-outs at most, however many addresses there are', async () => {
    const three = bed({ [A]: ['slow'], [B]: ['slow'] }, { webhookBaseUrls: [A, B, A, B] });
    expect(await callWebhook(three.sender, delivery, 3)).toMatchObject({ result: 'unknown' });
    expect(called(three)).toEqual([A, B]);
  });
});

describe('a round over one address', () => {
  it('counts each attempt', async () => {
    const one = bed({ [A]: [502, 'dead', 'delivered'] }, { webhookBaseUrls: [A] });
    const round = await callWebhook(one.sender, delivery, 3);
    expect(round.attempts.map(({ status }) => status)).toEqual([502, null, 200]);
    expect(round.attempts[2]?.response).not.toHaveProperty('earlier');
  });
});

describe('what an attempt tells of itself', () => {
  it('is where it went and what it said, and never its signature or the bypass', async () => {
    const both = bed({ [A]: [502], [B]: ['dead'] }, { protectionBypass: 'let-us-in', webhookBaseUrls: [A] });
    const { attempts } = await callWebhook(both.sender, delivery, 0);
    expect(attempts[0]?.request).toEqual({
      url: `${A}/prelim-report`,
      headers: {
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        'webhook-id': 'evt_1',
        'webhook-timestamp': both.calls[0]?.headers.get('webhook-timestamp'),
        'webhook-signature': '(not stored)',
        'x-vercel-protection-bypass': '(not stored)',
      },
    });
    expect(attempts[0]?.response).toMatchObject({
      body: 'gateway',
      headers: { 'content-type': expect.any(String) as string },
    });
    const signature = both.calls[0]?.headers.get('webhook-signature') ?? '';
    expect(signature).toMatch(/^v1,/);
    expect(JSON.stringify(attempts)).not.toContain(signature);
    expect(JSON.stringify(attempts)).not.toContain('let-us-in');
  });
});

describe('the protection bypass', () => {
  it('is sent to each address where it is set', async () => {
    const both = bed({ [A]: ['dead'], [B]: ['delivered'] }, { protectionBypass: 'let-us-in' });
    await callWebhook(both.sender, delivery, 0);
    expect(both.calls.map(({ headers }) => headers.get('x-vercel-protection-bypass'))).toEqual([
      'let-us-in',
      'let-us-in',
    ]);
  });

  it('is not sent where it is not set', async () => {
    const both = bed({ [A]: ['delivered'] });
    await callWebhook(both.sender, delivery, 0);
    expect(both.calls[0]?.headers.has('x-vercel-protection-bypass')).toBe(false);
  });
});
