import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { storeClient } from '../../support/store.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

describe('a report type that nobody has added', () => {
  it.each([
    [
      'an event',
      'event_report_type_is_known',
      (id: string) => database.sql`
      insert into public.report_events (id, type, report_type, report_id, stage, requested_at, digest)
      values (${id}, 'report.prelim.completed', 'unknown', ${randomUUID()}, 'prelim', now(), 'none')`,
    ],
    [
      'a job',
      'job_report_type_is_known',
      (id: string) => database.sql`
      insert into private.job_runs (job_id, report_type, report_id, stage, caller, lease_expires_at)
      values (${id}, 'unknown', ${randomUUID()}, 'prelim', 'pipeline', now())`,
    ],
    [
      'a delivery',
      'delivery_report_type_is_known',
      (id: string) => database.sql`
      insert into public.webhook_deliveries (event_id, endpoint_id, report_type, report_id)
      values (${id}, 'prelim-report', 'unknown', ${randomUUID()})`,
    ],
  ] as const)('is refused for %s', async (_, constraint, insert) => {
    await expect(insert(`unknown_${randomUUID().slice(0, 8)}`)).rejects.toMatchObject({
      code: '23514',
      constraint_name: constraint,
    });
  });
});

describe('an event', () => {
  it('locks no row of its report type or its endpoint, which all events share', async () => {
    const { sql } = database;
    const lockedBy = () => sql`
      select report_type as id, xmax::text from public.report_types
      union all select id, xmax::text from public.webhook_endpoints order by 1`;
    const { reportId } = await createReport(sql);
    const store = storeClient(sql);
    const before = [...(await lockedBy())];
    const { run } = await store.request(reportId, { stage: 'final' });
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    if (delivery === undefined) throw new Error('the result is not to be sent');
    await expect(store.send(delivery, 'final-report')).resolves.toMatchObject({ outcome: 'applied' });
    await store.record(delivery, 'delivered');
    expect([...(await lockedBy())]).toEqual(before);
  });
});
