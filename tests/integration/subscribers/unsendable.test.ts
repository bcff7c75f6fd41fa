import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
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
const EXPANDING = `{"n": [${Array.from({ length: 20_000 }, () => '1e63').join()}]}`;
const LARGE = 'x'.repeat(1024 * 1024);

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
  ['metadata that print as more than 1 MiB', 'text', EXPANDING],
  ['a text of 1 MiB', LARGE, '{}'],
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

    const read = await subscribers.read(full.token);
    expect(read.events).toMatchObject([
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
