import { randomUUID } from 'node:crypto';
import type { DatabaseClient } from '../../src/services/database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeliveryQuery } from '../../src/contracts/console-deliveries.ts';
import { getEventTimeline } from '../../src/services/audit.ts';
import {
  getReportsWithFailedWebhooks,
  getReportWebhookStatus,
  retryFailedWebhook,
} from '../../src/services/polarisReportsService.ts';
import { redriveDeadLetters } from '../../src/services/redrive.ts';
import { allRows, consoleClient, dataOf, errorOf } from '../support/console.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let store: ReturnType<typeof storeClient>;
let operator: DatabaseClient;
let owner: DatabaseClient;
let stranger: DatabaseClient;
let options: { baseUrl: string };
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/webhooks/prelim-report.ts', 'api/webhooks/retry.ts', 'api/webhooks/redrive.ts'],
  });
  options = { baseUrl: system.functions.url };
  store = storeClient(system.sql);
  operator = await consoleClient(system, await system.createOperator());
  owner = await consoleClient(system, await system.createUser());
  stranger = await consoleClient(system);
});
afterAll(() => system.stop());

const HOSTILE = `'; drop table x; -- <script>alert(1)</script> %_ \u202E`;

type Result = 'pending' | 'sent' | 'failed' | 'retrying' | 'dead' | 'refused' | 'success';

/** A delivery in the wanted state. */
async function addDelivery(result: Result, { type = 'org', stage = 'prelim', error = 'answered 502' } = {}) {
  const { reportId } = await system.createReport({ type: type as 'org' });
  const { run } = await store.request(reportId, { report_type: type, stage });
  const { delivery } = await store.complete(run.job_id, run.lease_token);
  if (!delivery) throw new Error('nothing to send');
  const attempt = { status: 502, duration_ms: 5, authentic: false, error, response: HOSTILE };
  const record = (outcome: string, attempts: (typeof attempt)[]) => store.record(delivery, outcome, attempts);
  if (result === 'sent') await record('unknown', [attempt]);
  if (result === 'success') await record('delivered', [{ ...attempt, status: 200, authentic: true }]);
  if (result === 'refused') await record('refused', [attempt]);
  if (result === 'failed' || result === 'retrying') await record('failed', [attempt]);
  if (result === 'dead') {
    await record('failed', [attempt]);
    await system.sql`
      update public.webhook_deliveries
      set dead_at = now(), dead_reason = 'attempts_exhausted', next_attempt = null where id = ${delivery.delivery_id}`;
  }
  if (result === 'retrying') await system.sql`select public.claim_report_delivery(${type}, ${reportId}, 60)`;
  await system.sql`update public.webhook_circuits set opened_at = null, probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null, closed_at = now()`;
  return { reportId, jobId: run.job_id, eventId: delivery.event_id };
}

const eventsOf = async (query: DeliveryQuery) =>
  (await allRows((cursor) => getReportsWithFailedWebhooks(operator, { ...query, limit: 3, cursor }))).map(
    ({ event_id }) => event_id,
  );

describe('getReportsWithFailedWebhooks', () => {
  it('lists what has not succeeded, by status, type, stage, reason, error and time', async () => {
    const added: Record<string, string> = {};
    for (const result of ['pending', 'sent', 'failed', 'retrying', 'dead', 'refused', 'success'] as const) {
      added[result] = (await addDelivery(result)).eventId;
    }
    const final = await addDelivery('dead', { type: 'greeting', stage: 'final', error: HOSTILE });
    const { pending, sent, failed, retrying, dead, refused } = added;
    expect(await eventsOf({})).toEqual([final.eventId, refused, dead, retrying, failed, sent, pending]);
    expect(await eventsOf({ status: 'pending' })).toEqual([pending]);
    expect(await eventsOf({ status: 'sent' })).toEqual([sent]);
    expect(await eventsOf({ status: 'failed' })).toEqual([failed]);
    expect(await eventsOf({ status: 'retrying' })).toEqual([retrying]);
    expect((await eventsOf({ status: 'dead' })).sort()).toEqual([final.eventId, refused, dead].sort());
    expect(await eventsOf({ dead_reason: 'refused' })).toEqual([refused]);
    expect(await eventsOf({ report_type: 'greeting' })).toEqual([final.eventId]);
    expect(await eventsOf({ stage: 'final' })).toEqual([final.eventId]);
    expect(await eventsOf({ error: '<Script>' })).toEqual([final.eventId]);
    expect(await eventsOf({ error: "'; drop" })).toEqual([final.eventId]);
    // As it is written: no pattern.
    expect(await eventsOf({ error: '%' })).toEqual([final.eventId]);
    const soon = new Date(Date.now() + 60_000).toISOString();
    expect(await eventsOf({ after: soon })).toEqual([]);
    expect(await eventsOf({ status: 'dead', after: soon })).toEqual([]);
    expect(await eventsOf({ before: soon })).toHaveLength(7);

    const { rows, total } = await dataOf(getReportsWithFailedWebhooks(operator, { stage: 'final' }));
    expect(total).toEqual({ count: 1, capped: false });
    expect(rows).toMatchObject([
      {
        event_id: final.eventId,
        job_id: final.jobId,
        report_id: final.reportId,
        report_type: 'greeting',
        endpoint_id: 'final-report',
        stage: 'final',
        status: 'failed',
        attempts: 1,
        dead_reason: 'attempts_exhausted',
        next_attempt: null,
        error: HOSTILE,
        response_status: 502,
        response_excerpt: HOSTILE,
        channel: 'direct',
        effect: 'applied',
      },
    ]);
    expect(
      await dataOf(getReportWebhookStatus(operator, { report_type: 'greeting', report_id: final.reportId })),
    ).toMatchObject({
      webhook_status: 'failed',
      delivery: { event_id: final.eventId, dead_reason: 'attempts_exhausted', error: HOSTILE },
    });
  });

  it('visits every row once where times are equal, while rows come and go', async () => {
    await system.sql`update public.webhook_deliveries set created_at = '2026-01-01T00:00:00.000001Z'`;
    const before = await eventsOf({});
    const seen = await allRows(
      (cursor) => getReportsWithFailedWebhooks(operator, { limit: 2, cursor }),
      () => addDelivery('failed'),
    );
    expect(seen.map(({ event_id }) => event_id)).toEqual(before);
  });

  it('is for operators, and refuses what does not fit', async () => {
    expect(await errorOf(getReportsWithFailedWebhooks(owner))).toMatchObject({
      code: '42501',
      message: expect.stringContaining('operators only') as string,
    });
    expect(await errorOf(getReportsWithFailedWebhooks(stranger))).toMatchObject({ code: '42501' });
    for (const query of [{ status: 'success' }, { limit: 1000 }, { after: 'today' }, { nothing: 1 }]) {
      // Not of the type that it should have: that is the point.
      const answer = getReportsWithFailedWebhooks(operator, query as DeliveryQuery);
      expect(await errorOf(answer)).toMatchObject({ code: 'invalid_input' });
    }
  });

  it('counts no further than a thousand', async () => {
    const { reportId } = await system.createReport();
    await system.sql`
      with events as (
        insert into public.report_events (
          id, type, report_type, report_id, stage, requested_at, digest, error, channel, effect, applied_at, position)
        select 'many_' || n, 'report.prelim.failed', 'org', ${reportId}, 'prelim', now() - interval '1 day',
          private.content_digest(row(
            'report.prelim.failed', 'org', ${reportId}, 'prelim', null, null, null, null, null, 'e', null)::private.incoming_result), 'e',
          'import', 'superseded', now(), n from generate_series(1, 1001) n
        returning id
      ), contents as (insert into private.report_contents (event_id, lost_at) select id, now() from events)
      insert into public.webhook_deliveries (event_id, endpoint_id, report_type, report_id, status)
      select id, 'prelim-report', 'org', ${reportId}, 'failed' from events`;
    await system.sql`update public.org_reports set research_status = private.report_status('org', id) where id = ${reportId}`;
    const { total, rows } = await dataOf(getReportsWithFailedWebhooks(operator, { limit: 200 }));
    expect(total).toEqual({ count: 1000, capped: true });
    expect(rows).toHaveLength(200);
    await system.sql`
      update public.webhook_deliveries set dead_at = now(), dead_reason = 'report_deleted', next_attempt = null
      where event_id like 'many\\_%'`;
  });
});

describe('retryFailedWebhook', () => {
  it('sends it again, and says what came of it', async () => {
    const { reportId, eventId } = await addDelivery('failed');
    const report = { report_type: 'org', report_id: reportId } as const;
    const named = { ...report, event_id: eventId };
    expect(await dataOf(retryFailedWebhook(operator, named, options))).toEqual({
      success: true,
      outcome: 'duplicate',
    });
    expect(await dataOf(getReportWebhookStatus(operator, report))).toMatchObject({
      webhook_status: 'success',
    });
    expect(await dataOf(retryFailedWebhook(operator, report, options))).toMatchObject({
      outcome: 'already_succeeded',
    });
    const { steps } = await dataOf(getEventTimeline(operator, eventId));
    expect(steps.map(({ kind }) => kind)).toEqual([
      'job_requested',
      'event_committed',
      'job_finished',
      'attempt',
      'effect',
      'request',
      'attempt',
      'retried',
    ]);
    const { data } = await operator.auth.getUser();
    expect(steps.at(-1)).toMatchObject({ outcome: 'duplicate', response_status: 200, actor: data.user?.id });
  });

  it('hands on every refusal of the endpoint', async () => {
    const { reportId } = await addDelivery('retrying');
    const report = { report_type: 'org', report_id: reportId } as const;
    expect(await errorOf(retryFailedWebhook(operator, report, options))).toMatchObject({
      code: 'delivery_busy',
      status: 409,
    });
    const unknown = { report_type: 'org', report_id: randomUUID() } as const;
    expect(await errorOf(retryFailedWebhook(operator, unknown, options))).toMatchObject({
      code: 'report_not_found',
      status: 404,
    });
    expect(await errorOf(retryFailedWebhook(owner, report, options))).toMatchObject({
      code: 'forbidden',
      status: 403,
    });
    expect(await errorOf(retryFailedWebhook(stranger, report, options))).toMatchObject({
      code: 'unauthorized',
    });
    expect(await errorOf(retryFailedWebhook(operator, { ...report, report_id: 'x' }, options))).toMatchObject(
      {
        code: 'invalid_input',
        issues: [{ path: 'report_id' }],
      },
    );
  });
});

describe('redriveDeadLetters', () => {
  it('puts those that are named, or all that match, back on schedule, and the timeline says who did', async () => {
    const one = await addDelivery('dead');
    const two = await addDelivery('dead', { error: 'matches' });
    expect(await dataOf(redriveDeadLetters(operator, { event_ids: [one.eventId] }, options))).toEqual({
      redriven: 1,
    });
    const filter = { report_type: 'org', error: 'matches' } as const;
    const listed = await eventsOf({ status: 'dead', ...filter });
    expect(listed).toEqual([two.eventId]);
    expect(await dataOf(redriveDeadLetters(operator, { filter }, options))).toEqual({ redriven: 1 });
    const { data } = await operator.auth.getUser();
    const timeline = await dataOf(getEventTimeline(operator, two.eventId));
    expect(timeline.steps.map(({ kind }) => kind)).toEqual([
      'job_requested',
      'event_committed',
      'job_finished',
      'attempt',
      'effect',
      'redriven',
      'next_attempt',
    ]);
    expect(timeline.steps).toContainEqual(
      expect.objectContaining({ kind: 'redriven', actor: data.user?.id }),
    );
  });

  it('puts only the delivery to the named endpoint back, where the event has dead letters at several', async () => {
    const subscribers = subscriberClient(system.sql);
    const { endpointId } = await subscribers.active();
    try {
      const { eventId } = await addDelivery('dead');
      await system.sql`
        update public.webhook_deliveries
        set status = 'failed', dead_at = now(), dead_reason = 'attempts_exhausted', next_attempt = null
        where event_id = ${eventId} and endpoint_id = ${endpointId}`;
      const named = (endpoint_id: string) =>
        dataOf(redriveDeadLetters(operator, { event_ids: [eventId], endpoint_id }, options));
      const deadAt = async () => {
        const rows = await system.sql`
          select endpoint_id from public.webhook_deliveries where event_id = ${eventId} and dead_at is not null`;
        return rows.map(({ endpoint_id }) => endpoint_id as string).sort();
      };
      expect(await deadAt()).toEqual([endpointId, 'prelim-report'].sort());
      expect(await named(endpointId)).toEqual({ redriven: 1 });
      expect(await deadAt()).toEqual(['prelim-report']);
      expect(await named(endpointId)).toEqual({ redriven: 0 });
      expect(await named('prelim-report')).toEqual({ redriven: 1 });
    } finally {
      await subscribers.move(endpointId, 'removed');
    }
  });

  it('is for operators, and refuses what does not fit', async () => {
    const filter = {};
    expect(await errorOf(redriveDeadLetters(owner, { filter }, options))).toMatchObject({
      code: 'forbidden',
    });
    expect(await errorOf(redriveDeadLetters(stranger, { filter }, options))).toMatchObject({
      code: 'unauthorized',
    });
    for (const request of [{ event_ids: [] }, { event_ids: ['evt_1'], endpoint_id: 'No where' }]) {
      expect(await errorOf(redriveDeadLetters(operator, request, options))).toMatchObject({
        code: 'invalid_input',
      });
    }
  });
});
