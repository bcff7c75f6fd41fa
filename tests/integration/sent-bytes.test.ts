import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { webhookEnvelope } from '../../src/contracts/webhooks.ts';
import { readJson } from '../../src/server/http/read-json.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** Numbers and names that JavaScript would round, drop or misread. */
const METADATA = String.raw`{"__proto__": {"a": 1}, "id": 12345678901234567890, "price": 1.00, "tiny": 0.10000000000000000001, "c\"": 1, "c\\": 2}`;
const TEXT = '# 分析 🚀 "quotes" \\ back\n\tand\u2028tab';

describe('the bytes of an event', () => {
  it('are those of the golden file', async () => {
    const [row] = await database.sql.begin(async (sql) => {
      // Its event is not there: one that is would have times of its own.
      await sql`set local session_replication_role = replica`;
      await sql`insert into private.report_contents (event_id) values ('golden')`;
      const rows = await sql`
      select private.envelope(event) as body
      from (select (jsonb_populate_record(null::public.report_events, ${sql.json({
        id: 'golden',
        type: 'report.final.completed',
        report_type: 'org',
        report_id: '00000000-0000-4000-8000-000000000001',
        stage: 'final',
        status: 'completed',
        job_id: 'job "1"',
        requested_at: '2026-01-02T03:04:05.678Z',
        created_at: '2026-01-02T03:05:00.1239Z',
        error: null,
      })})).*) event`;
      await sql`delete from private.report_contents where event_id = 'golden'`;
      return rows;
    });
    expect(row?.['body']).toBe(
      '{"type":"report.final.completed","timestamp":"2026-01-02T03:05:00.123Z","data":{"job_id":"job \\"1\\"",' +
        '"report_id":"00000000-0000-4000-8000-000000000001","report_type":"org","research_status":"completed",' +
        '"requested_at":"2026-01-02T03:04:05.678Z"}}',
    );
  });

  it('are the same on every attempt and every path, and keep what was given to the digit', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const { run } = await store.request(reportId, { stage: 'final' });
    const [completed] = await sql`
      select public.complete_report_job(
        p_job_id => ${run.job_id}, p_status => 'completed', p_delivery_lease_seconds => 30,
        p_lease_token => ${run.lease_token}, p_research_report => ${TEXT}, p_research_metadata => ${METADATA},
        p_final_data => '{"list": [1e2, -0]}') as answer`;
    const { delivery } = completed?.['answer'] as {
      delivery: { delivery_id: number; delivery_token: number; event_id: string; body: string };
    };
    const bodies = [delivery.body];

    await store.record(delivery, 'failed');
    await sql`update public.webhook_deliveries set next_attempt = '2000-01-01' where id = ${delivery.delivery_id}`;
    const swept = await store.claim();
    bodies.push(swept?.body ?? '');
    if (swept) await store.record(swept, 'refused');
    await store.redrive({ event_ids: [delivery.event_id] });
    const redriven = await store.claim();
    bodies.push(redriven?.body ?? '');
    if (redriven) await store.record(redriven, 'failed');
    const [retried] = await sql`
      select public.claim_report_delivery('org', ${reportId}, 30) -> 'delivery' ->> 'body' as body`;
    bodies.push(retried?.['body'] as string);
    expect(new Set(bodies).size).toBe(1);

    const [body = ''] = bodies;
    expect(body).toContain('"id": 12345678901234567890');
    expect(body).toContain('"price": 1.00');
    expect(body).toContain('"tiny": 0.10000000000000000001');
    expect(body).toContain('"__proto__": {"a": 1}');
    expect(body).toContain(String.raw`"c\"": 1`);
    expect(body).toContain('"list": [100, 0]');
    // Our own endpoint reads them, and finds the event it knows.
    expect(readJson(Buffer.from(body), { open: ['data'] })).toMatchObject({ ok: true });
    webhookEnvelope.parse(JSON.parse(body));
    expect(await store.send({ event_id: delivery.event_id, body }, 'final-report')).toMatchObject({
      outcome: 'duplicate',
    });
    const [report] = await sql`
      select research_report, research_metadata::text as metadata from public.org_reports where id = ${reportId}`;
    expect(report?.['research_report']).toBe(TEXT);
    expect(report?.['metadata']).toContain('12345678901234567890');
  });

  it('count as other content where a digit differs, and as the same where only the spelling does', async () => {
    const { reportId } = await createReport(database.sql);
    const body = (metadata: string) =>
      `{"type": "report.prelim.completed", "timestamp": "2026-01-01T00:00:00Z", "data": {"job_id": "j-${reportId}",
        "report_id": "${reportId}", "report_type": "org", "research_report": "text", "research_status": "completed",
        "research_metadata": ${metadata}}}`;
    const id = `evt_${randomUUID()}`;
    const send = async (metadata: string) =>
      (await store.send({ event_id: id, body: body(metadata) }, 'prelim-report')).outcome;
    expect(await send('{"n": 1.0, "m": 1e2}')).toBe('applied');
    expect(await send('{"m":100,"n":1.0}')).toBe('duplicate');
    expect(await send('{"n": 1.00, "m": 1e2}')).toBe('event_conflict');
    expect(await send('{"n": 1.0, "m": 1e2, "__proto__": 1}')).toBe('event_conflict');
  });
});

it('an event whose metadata others wrote as null is the same event when its bytes come back', async () => {
  const { sql } = database;
  const { reportId } = await createReport(sql);
  await sql`
    update public.org_reports set research_report = 'text', research_metadata = 'null' where id = ${reportId}`;
  const [event] = await sql<{ id: string; digest: string; as_read: string; body: string }[]>`
    select event.id, event.digest, private.envelope(event) as body,
      private.content_digest(private.read_body(private.envelope(event), 'prelim-report')) as as_read
    from public.report_events event where event.report_id = ${reportId}`;
  expect(event?.body).toContain('"research_metadata":null');
  expect(event?.as_read).toBe(event?.digest);
});

describe('the one writer of a delivery’s state', () => {
  it('knows no other transition, and ends no delivery to our own endpoint as a subscriber’s', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const { run } = await store.request(reportId);
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    for (const transition of ['superseded', 'cancelled', 'mended']) {
      await expect(
        sql`select private.move_delivery(${delivery?.delivery_id ?? 0}, ${transition})`,
      ).rejects.toMatchObject({
        code: 'PL004',
      });
    }
  });

  it.each(['superseded', 'cancelled'])(
    'moves an open delivery to a subscriber to %s, for good',
    async (transition) => {
      const { sql } = database;
      const { endpointId } = await subscriberClient(sql).active();
      const { reportId } = await createReport(sql);
      const { run } = await store.request(reportId);
      const { delivery } = await store.complete(run.job_id, run.lease_token);
      await store.apply(delivery?.event_id ?? '');
      const [added] = await sql`
        select id from public.webhook_deliveries
        where event_id = ${delivery?.event_id ?? ''} and endpoint_id = ${endpointId}`;
      const id = added?.['id'] as string;
      const [moved] = await sql`select (private.move_delivery(${id}, ${transition})).*`;
      expect(moved).toMatchObject({
        status: transition,
        next_attempt: null,
        dead_at: null,
        lease_expires_at: null,
      });
      for (const other of ['claimed', 'delivered', 'closed', 'failed']) {
        const [kept] = await sql`
        select (private.move_delivery(${id}, ${other}, p_lease_seconds => 30, p_reason => 'report_deleted')).status`;
        expect(kept).toEqual({ status: transition });
      }
      // The report shows the delivery to our own endpoint, which is not the latest one.
      const [report] = await sql`select webhook_status from public.org_reports where id = ${reportId}`;
      expect(report).toEqual({ webhook_status: 'pending' });
      await expect(sql`delete from public.webhook_endpoints where id = ${endpointId}`).rejects.toThrow(
        'never deleted',
      );
    },
  );
});
