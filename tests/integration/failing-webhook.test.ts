import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRestStore } from '../../src/server/store/rest-store.ts';
import { claimedDelivery } from '../../src/server/deliver/delivery.ts';
import { directDatabaseUpdate } from '../../src/server/deliver/record-round.ts';
import { startDeliveryBed, type DeliveryBed } from '../support/delivery-bed.ts';
import { confirmed } from '../support/jobs.ts';
import { storeClient } from '../support/store.ts';

let bed: DeliveryBed;
beforeAll(async () => {
  bed = await startDeliveryBed();
});
afterAll(() => bed.stop());
beforeEach(() => bed.closeCircuits());

/** Problem details that are not ours, in ASCII. */
function foreignProblem(code: string): string {
  return JSON.stringify({ type: 'about:blank', title: 't', status: 500, code });
}

describe('when the webhook fails', () => {
  it.each([
    ['500', { kind: 'answer', status: 500, body: 'oops' }, 'failed', 3],
    ['a reset connection', { kind: 'reset' }, 'sent', 3],
    ['a time-out', { kind: 'hang' }, 'sent', 1],
    ['a redirect', { kind: 'answer', status: 307, headers: { location: '/elsewhere' } }, 'failed', 3],
    ['200 of another system', { kind: 'answer', status: 200, body: '<html>' }, 'failed', 3],
    ['401 of a gateway', { kind: 'answer', status: 401, body: '{}' }, 'failed', 3],
    ['404 of a gateway', { kind: 'answer', status: 404, body: 'no' }, 'failed', 3],
    ['429 with Retry-After', { kind: 'answer', status: 429, headers: { 'retry-after': '7' } }, 'failed', 1],
  ] as const)(
    'by %s, the result is in its report directly, and the schedule follows',
    async (_name, behaviour, status, posts) => {
      const { reportId, job } = await bed.failedDelivery(behaviour);
      expect(await bed.delivery(reportId)).toMatchObject({
        status,
        attempts: posts,
        rounds: 1,
        dead: false,
        waits: true,
      });
      const [report] = await bed.system.sql`
      select report.research_report, report.research_status, report.webhook_status, report.webhook_attempts,
        report.webhook_job_id, event.channel, event.effect
      from public.org_reports report join public.report_events event on event.id = report.winner_event_id
      where report.id = ${reportId}`;
      expect(report).toEqual({
        research_report: job.result,
        research_status: 'completed',
        webhook_status: status,
        webhook_attempts: posts,
        webhook_job_id: job.job_id,
        channel: 'direct',
        effect: 'applied',
      });
      const audit = await bed.system.sql`
      select attempt_number from public.webhook_audit where report_id = ${reportId} and direction = 'out'
      order by attempt_number`;
      expect(audit.map((row) => row['attempt_number'] as number)).toEqual(
        Array.from({ length: posts }, (_, index) => index + 1),
      );
    },
  );

  it.each([
    [
      'a Retry-After of the year 9999',
      { status: 503, headers: { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' } },
      'answered 503',
    ],
    ['a code with U+0000', { status: 500, body: foreignProblem('a\u0000b') }, 'answered 500 ab'],
    [
      'a code with half a surrogate pair',
      { status: 500, body: foreignProblem('a\ud800b') },
      'answered 500 ab',
    ],
    [
      'a code of 12 KB',
      { status: 500, body: foreignProblem('x'.repeat(12_000)) },
      `answered 500 ${'x'.repeat(100)}`,
    ],
  ])('by an answer with %s, its attempts are still recorded', async (_name, answer, error) => {
    const { reportId, job } = await bed.failedDelivery({ kind: 'answer', ...answer });
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'failed', rounds: 1, waits: true });
    const [report] = await bed.system
      .sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: job.result });
    const audit = await bed.system.sql`
      select distinct error_message from public.webhook_audit where report_id = ${reportId} and direction = 'out'`;
    expect([...audit]).toEqual([{ error_message: error }]);
  });

  it('with response text that the database rejects, the round is recorded without the text', async () => {
    const { reportId } = await bed.system.createReport();
    const store = storeClient(bed.system.sql);
    const { run } = await store.request(reportId);
    const { delivery: held } = await store.complete(run.job_id, run.lease_token);
    const { url, secretKey } = bed.system.supabase;
    const attempt = {
      status: 500,
      duration_ms: 1,
      span_id: null,
      error: 'a\u0000b',
      authentic: false,
      request: { url: 'x', headers: {} },
      response: null,
    };
    const recorded = await directDatabaseUpdate(
      createRestStore({ url, secretKey, fetch }),
      claimedDelivery.parse(held),
      { result: 'failed', attempts: [attempt], retryAfterSeconds: null, outcome: null },
    );
    expect(recorded).toEqual({ status: 'failed', dead: false, effect: 'applied', outward: null });
    expect(await bed.delivery(reportId)).toMatchObject({
      attempts: 1,
      response: { status: 500, error: 'response text could not be stored' },
    });
  });

  it('with a final refusal of our endpoint, it becomes a dead letter at once', async () => {
    const { reportId } = await bed.failedDelivery({
      kind: 'answer',
      status: 409,
      headers: { 'content-type': 'application/problem+json' },
      body: JSON.stringify({ type: 'about:blank', title: 't', status: 409, code: 'event_conflict' }),
    });
    expect(await bed.delivery(reportId)).toMatchObject({
      status: 'failed',
      attempts: 1,
      dead: true,
      dead_reason: 'refused',
    });
  });

  it('honours Retry-After up to an hour', async () => {
    const after = (value: string) =>
      bed.failedDelivery({ kind: 'answer', status: 503, headers: { 'retry-after': value } });
    const short = await after('300');
    expect((await bed.delivery(short.reportId))?.['seconds']).toBeGreaterThan(290);
    const long = await after('86400');
    const seconds = Number((await bed.delivery(long.reportId))?.['seconds']);
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
  });

  it('counts a delivery whose answer was lost as one attempt, and as a success', async () => {
    const { reportId } = await bed.system.createReport();
    bed.receiver.behave({ kind: 'lose-answer' });
    const jobId = await bed.pipeline.request(reportId);
    await bed.pipeline.until(jobId, confirmed);
    const audit = () => bed.system.sql`
      select from public.webhook_audit where report_id = ${reportId} and direction = 'out'`;
    await expect.poll(async () => (await audit()).length).toBeGreaterThan(0);
    bed.receiver.behave({ kind: 'pass' });
    const posts = (await audit()).length;
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'success', attempts: posts });
    const effects = await bed.system.sql`
      select outcome from public.webhook_audit where report_id = ${reportId} and direction = 'in'`;
    expect(effects.filter((row) => row['outcome'] === 'applied')).toHaveLength(1);
  });
});
