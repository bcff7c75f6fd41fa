import { describe, expect, it } from 'vitest';
import type { RateRefusal } from '../../../src/contracts/rate-limit.ts';
import { deprecationHeaders, FORMAT_VERSIONS } from '../../../src/contracts/format-versions.ts';
import { parseWebhookSecret } from '../../../src/server/deliver/secrets.ts';
import { sign } from '../../../src/server/deliver/sign.ts';
import { receiveWebhook } from '../../../src/server/events/receive.ts';
import { RateLimited } from '../../../src/server/store/store.ts';

const keys = parseWebhookSecret(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
const data = {
  job_id: 'job_1',
  report_id: '7c0f7f4e-6f0c-4a86-9d7e-6f9d2f3c1a11',
  report_type: 'org',
  research_report: '# Report',
  research_status: 'completed',
};
const type = 'report.prelim.completed';
const envelope = { type, timestamp: '2026-01-02T03:04:05.678Z', data };
const newest = { ...envelope, data: { ...data, position: 1, stage: 'prelim', channel: 'webhook' } };
const refusal: RateRefusal = {
  outcome: 'rate_limited',
  policy: 'sender',
  quota: 5,
  window_seconds: 60,
  retry_after_seconds: 3,
};
const applied = {
  outcome: 'applied',
  report_id: data.report_id,
  job_id: data.job_id,
  report_type: 'org',
  stage: 'prelim',
  status: 'completed',
  timestamp: '2026-01-02T03:04:05.678Z',
};

/** What the endpoint answers to a signed body, when SQL answers this. */
function answerTo(body: unknown, said: unknown = applied): Promise<Response> {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return receiveWebhook(
    {
      rpc: (name, _parameters, schema) => {
        if (name === 'take_sender_token')
          return Promise.resolve(schema.parse({ refusal: null, failure: null }));
        if (name !== 'apply_report_event') return Promise.resolve(schema.parse(true));
        return said instanceof Error ? Promise.reject(said) : Promise.resolve(schema.parse(said));
      },
      verificationKeys: { keys },
      tellSubscribers: () => undefined,
      random: () => 0.5,
      now: () => Date.now(),
      monotonicNow: () => performance.now(),
      log: () => undefined,
    },
    'prelim-report',
    new Request('http://localhost/api/webhooks/prelim-report', {
      method: 'POST',
      body: new Uint8Array(bytes),
      headers: { 'content-type': 'application/json', ...sign(keys, 'evt_1', Date.now(), bytes) },
    }),
  );
}

describe('the answer to a body of version 0', () => {
  it.each<[number, unknown, unknown]>([
    [200, data, applied],
    [409, data, { outcome: 'event_conflict' }],
    [404, data, { outcome: 'job_not_found' }],
    [429, data, refusal],
    [429, data, new RateLimited(refusal)],
    [503, data, { outcome: 'busy' }],
    [400, { ...data, report_id: 'x' }, null],
    [400, {}, null],
  ])(
    'says with status %i that the version is deprecated, and until when it is read',
    async (status, body, said) => {
      const response = await answerTo(body, said);
      expect(response.status).toBe(status);
      expect(response.headers.get('deprecation')).toBe('@1796083200');
      expect(response.headers.get('sunset')).toBe('Wed, 01 Dec 2027 00:00:00 GMT');
    },
  );

  it.each<[number, unknown]>([
    [200, envelope],
    [200, newest],
    [400, { ...envelope, type: 'report.final.completed' }],
    [400, { ...newest, data: {} }],
    [400, []],
    [400, null],
    [400, '{'],
  ])('differs from that to another body, with status %i', async (status, body) => {
    const response = await answerTo(body);
    expect(response.status).toBe(status);
    expect(response.headers.get('deprecation')).toBeNull();
    expect(response.headers.get('sunset')).toBeNull();
  });
});

it('deprecates no version that our own endpoints or new subscribers get', () => {
  const deprecated = FORMAT_VERSIONS.filter(({ date }) => 'deprecation' in deprecationHeaders(date));
  expect(deprecated.map(({ number }) => number)).toEqual([0]);
});
