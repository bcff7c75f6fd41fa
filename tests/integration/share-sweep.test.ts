import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

/** A sweep of the cron with a larger backlog than it can send starts parallel sweeps. */

let receiver: Receiver;
let system: TestSystem;
beforeAll(async () => {
  receiver = await startReceiver();
  system = await startTestSystem({
    functions: ['api/cron/sweep.ts', 'api/webhooks/retry.ts'],
    env: { WEBHOOK_BASE_URL: receiver.baseUrl },
  });
  const { reportId } = await system.createReport();
  const { run } = await storeClient(system.sql).request(reportId);
  await storeClient(system.sql).complete(run.job_id, run.lease_token);
});
afterAll(async () => {
  await system.stop();
  await receiver[Symbol.asyncDispose]();
});

const sweep = async (path: string) => {
  const response = await fetch(system.url(path), {
    headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
  });
  return (await response.json()) as { processed: number; successes: number; errors: string[] };
};
const asked = () => receiver.requests.filter(({ path }) => path === '/api/webhooks/retry').length;

/** While so many deliveries are due, each of which waits for one that is not: they are counted, and none is sent. */
async function whileDue(count: number, work: () => Promise<void>): Promise<void> {
  await system.sql`
    with first as (
      insert into public.webhook_deliveries (event_id, endpoint_id, plan, report_type, report_id, job_id, position, format_version, body, next_attempt)
      select id, 'ep-0000000000000001', 0, report_type, report_id, job_id, 1, 0, 'full', now() + interval '1 day'
      from public.report_events
      returning *)
    insert into public.webhook_deliveries (event_id, endpoint_id, plan, report_type, report_id, job_id, position, format_version, body, next_attempt, waits_for)
    select event_id, endpoint_id, number, report_type, report_id, job_id, 1, 0, 'full', now(), id
    from first, generate_series(1, ${count}) number`;
  await work();
  // Nothing of them is as it would be in earnest.
  await system.sql`delete from public.webhook_deliveries where position is not null`;
}

describe('a sweep of the cron', () => {
  beforeAll(async () => {
    await system.sql`
      select public.create_endpoint(
        gen_random_uuid(), '{"url": "https://hooks.example.org/", "description": "", "events": {}, "filter": null, "format_version": 0,
          "body": "full", "mode": "every", "rate_per_second": 1}', 'ep-0000000000000001', 'sealed', 'token', 'tester', null, null)`;
    await system.sql`
      update private.subscribers set state = 'active', verified_at = now() where endpoint_id = 'ep-0000000000000001'`;
  });

  it.each([
    [1999, 0],
    [4100, 2],
    [12_000, 4],
  ])('with %s due before it asks for %s sweeps beside it, and adds what they did', (due, helpers) =>
    whileDue(due, async () => {
      receiver.behave({
        kind: 'answer',
        status: 200,
        body: '{"processed": 7, "successes": 6, "failures": 1, "dead": 0, "errors": ["one of them"]}',
      });
      const before = asked();
      const { processed, errors } = await sweep('/api/cron/sweep');
      expect(asked() - before).toBe(helpers);
      expect(processed).toBe(7 * helpers);
      expect(errors).toEqual(helpers === 0 ? [] : ['one of them']);
    }),
  );

  it('says what went wrong when nobody helps', () =>
    whileDue(2000, async () => {
      receiver.behave({ kind: 'answer', status: 404, body: '{}' });
      expect((await sweep('/api/cron/sweep')).errors).toEqual(['a parallel sweep was answered 404']);
    }));

  it('of a helper asks for none', () =>
    whileDue(12_000, async () => {
      const before = asked();
      await sweep('/api/webhooks/retry');
      expect(asked()).toBe(before);
    }));
});
