import { randomUUID } from 'node:crypto';
import type { DatabaseClient } from '../../src/services/database.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditQuery } from '../../src/contracts/console-audit.ts';
import { getAuditRow, getEventTimeline } from '../../src/services/audit.ts';
import { getWebhookAuditLog } from '../../src/services/polarisReportsService.ts';
import { allRows, consoleClient, dataOf, errorOf } from '../support/console.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let operator: DatabaseClient;
let owner: DatabaseClient;
let stranger: DatabaseClient;
beforeAll(async () => {
  system = await startTestSystem({ functions: [] });
  operator = await consoleClient(system, await system.createOperator());
  owner = await consoleClient(system, await system.createUser());
  stranger = await consoleClient(system);
});
afterAll(() => system.stop());
beforeEach(async () => {
  await system.sql`alter table public.webhook_audit disable trigger keep_audit`;
  // Not those of a real delivery, which verify_reports() would miss.
  await system.sql`
    delete from public.webhook_audit audit
    where not exists (select from public.webhook_deliveries delivery where delivery.event_id = audit.event_id)`;
  await system.sql`alter table public.webhook_audit enable trigger keep_audit`;
});

const HOSTILE = `'; drop table x; -- <script>alert(1)</script> \u202E`.padEnd(5000, 'x');

async function addRow(row: Record<string, string | number | object | null> = {}): Promise<string> {
  const id = randomUUID();
  const columns = {
    id,
    direction: 'in',
    endpoint_id: 'prelim-report',
    response_status: 200,
    outcome: 'applied',
    ...row,
  };
  await system.sql`insert into public.webhook_audit ${system.sql(columns)}`;
  return id;
}

const idsOf = async (query: AuditQuery) =>
  (await allRows((cursor) => getWebhookAuditLog(operator, { ...query, limit: 2, cursor }))).map(
    ({ id }) => id,
  );

describe('getWebhookAuditLog', () => {
  it('finds by report, job and event, whole, and by what came of it', async () => {
    const report_id = randomUUID();
    const first = await addRow({
      report_id,
      report_table: 'org_reports',
      job_id: 'job-1',
      event_id: 'evt-1',
    });
    const second = await addRow({ report_id, direction: 'out', outcome: 'failed', response_status: 502 });
    const third = await addRow({ direction: 'out', outcome: 'unknown', response_status: null });
    const fourth = await addRow({ outcome: 'invalid_signature', response_status: 401, event_id: report_id });
    expect(await idsOf({})).toEqual([fourth, third, second, first]);
    expect(await idsOf({ search: report_id })).toEqual([fourth, second, first]);
    expect(await idsOf({ search: report_id.toUpperCase() })).toEqual([second, first]);
    expect(await idsOf({ search: ' job-1 ' })).toEqual([first]);
    expect(await idsOf({ search: 'evt-1' })).toEqual([first]);
    expect(await idsOf({ search: 'evt' })).toEqual([]);
    expect(await idsOf({ search: "x' or true --" })).toEqual([]);
    expect(await idsOf({ outcome: 'failed' })).toEqual([second]);
    expect(await idsOf({ outcome: 'applied' })).toEqual([first]);
    expect(await idsOf({ direction: 'out' })).toEqual([third, second]);
    expect(await idsOf({ response_status: 401 })).toEqual([fourth]);
    expect(await idsOf({ response_status: 200 })).toEqual([first]);
    expect(await idsOf({ response_status: 'none' })).toEqual([third]);
    expect(await idsOf({ direction: 'in', outcome: 'failed' })).toEqual([]);
    const soon = new Date(Date.now() + 60_000).toISOString();
    expect(await idsOf({ after: soon })).toEqual([]);
    expect(await idsOf({ before: soon, search: 'job-1', outcome: 'applied' })).toEqual([first]);
    const { rows } = await dataOf(getWebhookAuditLog(operator, { search: 'job-1' }));
    expect(rows).toMatchObject([{ report_type: 'org', report_id, job_id: 'job-1', event_id: 'evt-1' }]);
  });

  it('finds the attempts to a subscriber by its id', async () => {
    const subscriber = { endpoint_id: 'ep-0123456789abcdef', direction: 'out', outcome: 'delivered' };
    const first = await addRow(subscriber);
    const second = await addRow({ ...subscriber, outcome: 'failed', response_status: 500 });
    await addRow({ ...subscriber, endpoint_id: 'ep-fedcba9876543210' });
    await addRow({ ...subscriber, endpoint_id: 'final-report', event_id: 'ep-evt' });
    expect((await idsOf({ search: subscriber.endpoint_id })).sort()).toEqual([first, second].sort());
    expect(await idsOf({ search: subscriber.endpoint_id, outcome: 'failed' })).toEqual([second]);
  });

  it('visits every row once where times are equal, while rows come in', async () => {
    const inserted = await system.sql<{ id: string }[]>`
      insert into public.webhook_audit (outcome, created_at)
      select 'applied', '2026-01-01T00:00:00.000001Z' from generate_series(1, 9) returning id`;
    const added = inserted.map(({ id }) => id);
    const seen = await allRows(
      (cursor) => getWebhookAuditLog(operator, { limit: 2, cursor }),
      () => addRow(),
    );
    expect(seen.map(({ id }) => id)).toEqual(added.sort().reverse());
    expect(seen[0]?.created_at).toBe('2026-01-01T00:00:00.000001+00:00');
  });

  it('is for operators, and refuses what does not fit', async () => {
    expect(await errorOf(getWebhookAuditLog(owner))).toMatchObject({ code: '42501' });
    expect(await errorOf(getWebhookAuditLog(stranger))).toMatchObject({ code: '42501' });
    for (const query of [{ search: ' ' }, { response_status: 1 }, { direction: 'up' }, { sort: 'id' }]) {
      // Not of the type that it should have: that is the point.
      const answer = getWebhookAuditLog(operator, query as AuditQuery);
      expect(await errorOf(answer)).toMatchObject({ code: 'invalid_input' });
    }
  });
});

describe('getAuditRow', () => {
  it('answers the row whole, hostile text as text, to operators only', async () => {
    const id = await addRow({
      request_payload: { id: 'evt', note: HOSTILE },
      response_body: JSON.stringify(HOSTILE),
      error_message: HOSTILE,
      duration_ms: 12.345,
      body_bytes: 6000,
      actor: 'cron',
    });
    expect(await dataOf(getAuditRow(operator, id))).toMatchObject({
      id,
      request_payload: { id: 'evt', note: HOSTILE },
      error_message: HOSTILE,
      duration_ms: 12.345,
      body_bytes: 6000,
      actor: 'cron',
    });
    expect(await errorOf(getAuditRow(owner, id))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getAuditRow(operator, randomUUID()))).toMatchObject({ code: 'not_found' });
    // The platform's own grants on the table let everybody ask; its policies show nothing.
    expect(await errorOf(getAuditRow(stranger, id))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getAuditRow(operator, '1'))).toMatchObject({ code: 'invalid_input' });
  });
});

describe('getEventTimeline', () => {
  it('tells a dead letter from its request to its end', async () => {
    const store = storeClient(system.sql);
    const { reportId } = await system.createReport();
    const { run } = await store.request(reportId, { stage: 'final' });
    await system.sql`select public.report_job_progress(${run.job_id}, ${run.lease_token}, 50, 10, 60)`;
    const { delivery } = await store.complete(run.job_id, run.lease_token, HOSTILE);
    if (!delivery) throw new Error('nothing to send');
    await store.record(delivery, 'refused', [
      { status: 409, duration_ms: 5, error: HOSTILE, authentic: true },
    ]);
    const timeline = await dataOf(getEventTimeline(operator, delivery.event_id));
    expect(timeline.steps).toMatchObject([
      { kind: 'job_requested', job_id: run.job_id, caller: 'pipeline' },
      { kind: 'job_started', take_overs: 0 },
      { kind: 'event_committed', type: 'report.final.completed' },
      { kind: 'job_finished', status: 'succeeded', error: null },
      {
        kind: 'attempt',
        outcome: 'refused',
        response_status: 409,
        attempt_number: 1,
        error: HOSTILE.slice(0, 2000),
      },
      { kind: 'dead_letter', dead_reason: 'refused' },
      { kind: 'effect', effect: 'applied', channel: 'direct', notified: true },
    ]);
    const times = timeline.steps.map(({ at }) => Date.parse(at));
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(timeline).toMatchObject({
      event: { id: delivery.event_id, report_id: reportId, status: 'completed', channel: 'direct' },
      job: { job_id: run.job_id, status: 'succeeded' },
      delivery: { dead_reason: 'refused', attempts: 1 },
      truncated: false,
    });
    // What it carries is read elsewhere.
    expect(JSON.stringify(timeline.event)).not.toContain('<script>');
  });

  it('shows requests that named an id without an accepted event, and truncates a long timeline', async () => {
    for (let count = 0; count < 201; count += 1) {
      await addRow({ event_id: 'evt-refused', outcome: 'report_not_found', response_status: 404 });
    }
    const timeline = await dataOf(getEventTimeline(operator, 'evt-refused'));
    expect(timeline).toMatchObject({ event: null, job: null, delivery: null, truncated: true });
    expect(timeline.steps).toHaveLength(200);
  });

  it('is for operators, and does not find unknown ids', async () => {
    expect(await errorOf(getEventTimeline(owner, 'evt'))).toMatchObject({ code: '42501' });
    expect(await errorOf(getEventTimeline(stranger, 'evt'))).toMatchObject({ code: '42501' });
    expect(await errorOf(getEventTimeline(operator, 'evt'))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getEventTimeline(operator, 'a.b'))).toMatchObject({ code: 'invalid_input' });
  });
});
