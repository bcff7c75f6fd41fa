import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { storeClient } from '../../support/store.ts';
import { subscriberClient } from '../../support/subscribers.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** Eight characters, of which each would be printed as 131,072. */
const GIGABYTE = `{"n": [${Array.from({ length: 9_000 }, () => '1e131071').join()}]}`;
/** 3 characters, of which each is printed as 64: no number is too long, but all together are. */
const EXPANDING = `{"n": [${Array.from({ length: 40_000 }, () => '1e63').join()}]}`;
const LARGE = 'x'.repeat(2 * 1024 * 1024);

/** A write with the platform's service key. */
async function write(reportId: string, text: string, metadata: string): Promise<void> {
  await database.sql.begin(async (server) => {
    await server`select set_config('role', 'service_role', true)`;
    await server`
      update public.org_reports set research_report = ${text}, research_metadata = ${metadata}::text::jsonb
      where id = ${reportId}`;
  });
}

describe.each([
  ['metadata that print as a gigabyte', 'text', GIGABYTE],
  ['metadata that print as more than 2 MiB', 'text', EXPANDING],
  ['a text of 2 MiB', LARGE, '{}'],
])('an event of the platform with %s', (_name, text, metadata) => {
  it('is closed for a subscriber, is sent thin, and stops nothing behind it', async () => {
    const { sql } = database;
    const subscribers = subscriberClient(sql);
    const full = await subscribers.active({ events: { report_types: ['org'] } });
    const thin = await subscribers.active({ body: 'thin' });
    const { reportId } = await createReport(sql);
    await write(reportId, text, metadata);
    await write(reportId, 'readable', '{}');

    const sent: { endpoint: string; body: string | null }[] = [];
    for (;;) {
      const { delivery, left_out } = await subscribers.claim();
      expect(left_out).toEqual([]);
      if (delivery === null) break;
      sent.push({ endpoint: delivery.endpoint_id, body: delivery.body });
      await subscribers.record(delivery, 'delivered');
    }
    const bodies = (endpointId: string) =>
      sent
        .filter(({ endpoint }) => endpoint === endpointId)
        .map(({ body }) => JSON.parse(body ?? 'null') as { data: { position: number } } | null);
    expect(bodies(full.endpointId)).toMatchObject([{ data: { position: 2, research_report: 'readable' } }]);
    expect(bodies(thin.endpointId)).toMatchObject([{ data: { position: 1 } }, { data: { position: 2 } }]);
    expect(await subscribers.deliveries(full.endpointId)).toMatchObject([
      { position: '1', status: 'failed', dead_reason: 'unsendable', attempts: 0 },
      { position: '2', status: 'success' },
    ]);

    // Events are listed once no older transaction is open, in this or another database.
    await expect.poll(async () => (await subscribers.read(full.token)).events).toHaveLength(2);
    expect((await subscribers.read(full.token)).events).toMatchObject([
      { body: null, gone: 'content_unsendable' },
      { body: expect.stringContaining('readable') as string, gone: null },
    ]);
    await subscribers.move(full.endpointId, 'removed');
    await subscribers.move(thin.endpointId, 'removed');
  });

  it('has no body that an operator could copy', async () => {
    const { sql } = database;
    const { reportId, userId } = await createReport(sql);
    await write(reportId, text, metadata);
    await sql`insert into public.operators (user_id) values (${userId})`;
    const answer = await sql.begin(async (operator) => {
      const [event] = await operator<{ id: string }[]>`
        select id from public.report_events where report_id = ${reportId}`;
      await operator`select set_config('request.jwt.claims', ${JSON.stringify({ sub: userId })}, true), set_config('role', 'authenticated', true)`;
      const [row] = await operator`select public.event_body(${event?.id ?? ''}) as body`;
      return row;
    });
    expect(answer).toEqual({ body: null });
  });
});

it('a signed event of 1 MiB, which prints as half as much again, is sent', async () => {
  const { sql } = database;
  const store = storeClient(sql);
  const subscribers = subscriberClient(sql);
  const { endpointId } = await subscribers.active();
  const { reportId } = await createReport(sql);
  const metadata = { n: Array.from({ length: 500_000 }, () => 1) };
  const event = {
    type: 'report.prelim.completed',
    timestamp: new Date().toISOString(),
    data: {
      job_id: 'job-large',
      report_id: reportId,
      report_type: 'org',
      research_report: 'large',
      research_status: 'completed',
      research_metadata: metadata,
    },
  };
  expect(JSON.stringify(event).length).toBeLessThan(1024 * 1024);
  expect(await store.apply('large', event)).toMatchObject({ outcome: 'applied' });
  const { delivery } = await subscribers.claim();
  expect(delivery).toMatchObject({ endpoint_id: endpointId, event_id: 'large' });
  expect(delivery?.body.length).toBeGreaterThan(1.4 * 1024 * 1024);
  expect(JSON.parse(delivery?.body ?? '')).toMatchObject({ data: { research_metadata: metadata } });
});

it('the probe of an open circuit is free again at once where its delivery cannot be sent', async () => {
  const { sql } = database;
  const subscribers = subscriberClient(sql);
  const { endpointId } = await subscribers.active();
  const { reportId } = await createReport(sql);
  await write(reportId, LARGE, '{}');
  await write(reportId, 'readable', '{}');
  await sql`
    insert into public.webhook_circuits (endpoint_id, opened_at, probe_after) values (${endpointId}, now(), now())
    on conflict (endpoint_id) do update set opened_at = now(), probe_after = now()`;
  const { delivery } = await subscribers.claim();
  expect(JSON.parse(delivery?.body ?? 'null')).toMatchObject({ data: { research_report: 'readable' } });
});
