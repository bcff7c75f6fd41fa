import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { stopwatch } from '../../src/server/clock.ts';
import { callWebhook } from '../../src/server/deliver/call-webhook.ts';
import type { ClaimedDelivery } from '../../src/server/deliver/delivery.ts';
import { redrive } from '../../src/server/deliver/redrive.ts';
import { sweepDeliveries } from '../../src/server/deliver/sweep-deliveries.ts';
import { receiveWebhook } from '../../src/server/events/receive.ts';
import { completeJobPatiently } from '../../src/server/jobs/complete-job.ts';
import { eraseDeleted } from '../../src/server/observe/erasure.ts';
import { importReports } from '../../src/server/observe/import-reports.ts';
import { prune } from '../../src/server/observe/retention.ts';
import { sendPing } from '../../src/server/observe/send-ping.ts';
import { rollUp } from '../../src/server/observe/statistics.ts';
import { DatabaseUnavailable, type Store } from '../../src/server/store/store.ts';
import { DAY_MS, testClock, type TestClock } from '../support/clock.ts';

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
const retention = { auditDays: 1, payloadDays: 1, jobDays: 1 };
const CALL_MS = 1000;

/** A database with endless work, in front of which each call takes a second, and the clock is set to and fro. */
function bed(clock: TestClock, days: number) {
  const calls: string[] = [];
  const answers: Record<string, unknown> = {
    release_deliveries: 0,
    claim_due_deliveries: { deliveries: [delivery], left_out: [], waiting: false },
    record_delivery_attempts: { status: 'failed', dead: false, effect: 'applied' },
    redrive_deliveries: 500,
    roll_up_webhooks: 8,
    erase_due: { reports: 100, users: [], errors: [], busy: false, left: true },
    import_reports: { imported: 100, left: 1 },
    prune_expired: {
      audit: 500,
      refusals: 0,
      alerts: 0,
      plans: 0,
      checks: 0,
      payloads: 0,
      jobs: 0,
      after: { audit: { at: '2026-01-01T00:00:00Z', id: 'a' } },
    },
  };
  const rpc = (name: string, _parameters: unknown, answer: z.ZodType) => {
    calls.push(name);
    if (calls.length > 5000) throw new Error('it has no end');
    clock.pass(CALL_MS);
    clock.set(days * DAY_MS);
    return Promise.resolve(answer.parse(answers[name]));
  };
  return {
    calls,
    services: {
      ...clock,
      // Safe: the answers above are those of the functions that these tests call.
      rpc: rpc as Store['rpc'],
      log: () => undefined,
      fetch: () => Promise.reject(new TypeError('fetch failed')),
      webhookKeys: [Buffer.alloc(32, 1)] as const,
      webhookBaseUrls: ['https://polaris.example/api/webhooks'] as const,
      outbound: () => Promise.reject(new Error('not part of this')),
      endpointKeys: [],
      protectionBypass: undefined,
      timeoutMs: 1000,
      random: () => 0,
      retention,
      pauseMaxDays: 30,
    },
  };
}

type Services = ReturnType<typeof bed>['services'];
const redriveAll = new Request('https://polaris.example/api/webhooks/redrive', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"filter":{}}',
});

describe.each([-10, 0, 10])('a clock that is set by %i days at every call', (days) => {
  it.each<[string, number, (services: Services) => Promise<unknown>]>([
    ['sweeping deliveries', 55, (services) => sweepDeliveries(services)],
    ['a redrive', 60, (services) => redrive(services, redriveAll.clone(), 'operator')],
    ['statistics', 20, (services) => rollUp(services, services.monotonicNow() + 20_000)],
    ['erasure', 20, (services) => eraseDeleted(services, services.monotonicNow() + 20_000)],
    ['the import', 20, (services) => importReports(services, services.monotonicNow() + 20_000)],
    ['retention', 20, (services) => prune(services, services.monotonicNow() + 20_000)],
  ])('neither lengthens nor shortens %s', async (_name, seconds, work) => {
    const clock = testClock();
    const { calls, services } = bed(clock, days);
    const started = clock.monotonicNow();
    await work(services);
    expect(calls.length).toBeGreaterThan(seconds / 2);
    // Ten sweeping at once may each be in their last round.
    expect((clock.monotonicNow() - started) / 1000).toBeLessThan(seconds + 22);
  });

  it('leaves a round its time, and its durations as they are', async () => {
    const clock = testClock();
    const { services } = bed(clock, days);
    const sentAt: string[] = [];
    const round = await callWebhook(
      {
        ...services,
        fetch: (_url, init) => {
          sentAt.push(new Headers(init?.headers).get('webhook-timestamp') ?? '');
          clock.pass(300);
          clock.set(days * DAY_MS);
          return Promise.resolve(new Response('', { status: 502 }));
        },
      },
      delivery,
      3,
    );
    expect(round.attempts.map(({ duration_ms }) => duration_ms)).toEqual([300, 300, 300, 300]);
    // The signature bears the time of day: receivers compare it with theirs.
    expect(Number(sentAt[1]) - Number(sentAt[0])).toBeCloseTo(days * 86_400 + 0.3, -1);
  });

  it('gives up the completion of a job after the same time', async () => {
    const clock = testClock();
    let tries = 0;
    const completion = completeJobPatiently(
      {
        ...clock,
        deliveryLeaseSeconds: 1,
        rpc: () => {
          tries += 1;
          clock.pass(13_000);
          clock.set(days * DAY_MS);
          return Promise.reject(new DatabaseUnavailable('away'));
        },
      },
      'job_1',
      1,
      { status: 'failed', error: 'e' },
    );
    await expect(completion).rejects.toThrow('away');
    expect(tries).toBe(2);
  });

  it('does not reach the duration of a ping, nor that of a request in the audit', async () => {
    const clock = testClock();
    const { services } = bed(clock, 0);
    const middle = clock.now() + 150;
    const { finding, received } = await sendPing(
      {
        ...services,
        fetch: () => {
          clock.pass(300);
          clock.set(days * DAY_MS);
          const at = '2026-11-25T12:00:00.000Z';
          return Promise.resolve(
            Response.json({ outcome: 'received', ping_id: 'ping_1', function_time: at, database_time: at }),
          );
        },
      },
      'https://polaris.example/api/webhooks',
    );
    expect(finding.message).toContain('in 300 ms');
    expect(received?.at).toBe(middle);

    const audited: unknown[] = [];
    const body = new ReadableStream({
      pull(controller) {
        clock.pass(40);
        clock.set(days * DAY_MS);
        controller.close();
      },
    });
    // Node wants to know that the body is a stream; the types of the browser do not name it.
    const streamed = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    };
    await receiveWebhook(
      {
        ...services,
        verificationKeys: { keys: services.webhookKeys },
        tellSubscribers: () => undefined,
        random: () => 0.5,
        rpc: (_name, parameters, answer) => {
          audited.push(parameters);
          return Promise.resolve(answer.parse(true));
        },
      },
      'prelim-report',
      new Request('https://polaris.example/', streamed),
    );
    expect(audited).toMatchObject([{ p_request: { outcome: 'missing_signature', elapsed_ms: 40 } }]);
  });
});

describe('a duration', () => {
  it.each([
    [-400 * DAY_MS, 0],
    [-0.4, 0],
    [1.6, 2],
    // More than the audit's column can hold.
    [400 * DAY_MS, 999_999_999],
  ])('of %d ms is stored as %d', (passed, stored) => {
    const clock = testClock();
    const elapsed = stopwatch(clock.monotonicNow);
    clock.pass(passed);
    expect(elapsed()).toBe(stored);
  });
});
