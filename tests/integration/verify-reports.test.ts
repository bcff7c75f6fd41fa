import { afterAll, beforeAll, expect, it } from 'vitest';
import type postgres from 'postgres';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

let database: TestDatabase;
const ids = {
  report: '',
  event: '',
  job: '',
  subscriber: '',
  filtered: '',
  earlier: '',
  earlierEvent: '',
  parked: '',
};
beforeAll(async () => {
  database = await createTestDatabase();
  const store = storeClient(database.sql);
  const { reportId } = await createReport(database.sql);
  const { run } = await store.request(reportId, { stage: 'final' });
  const { delivery } = await store.complete(run.job_id, run.lease_token);
  if (delivery === undefined) throw new Error('nothing to send');
  const subscribers = subscriberClient(database.sql);
  const subscriber = await subscribers.active();
  const filtered = await subscribers.active(
    { filter: { exact: { 'metadata.region': 'asia' } } },
    'strict $.metadata.region == "asia"',
  );
  await subscribers.active({ events: { owner_id: '00000000-0000-4000-8000-000000000001' } });
  await store.record(delivery, 'failed');
  Object.assign(ids, { report: reportId, event: delivery.event_id, job: run.job_id });
  // Another report has two events, and the second delivery waits for the first.
  const other = await createReport(database.sql);
  for (const text of ['first', 'second'])
    await database.sql`update public.org_reports set research_report = ${text} where id = ${other.reportId}`;
  const sent = await subscribers.deliveries(subscriber.endpointId);
  const [earlier, later] = sent.filter((row) => row['report_id'] === other.reportId);
  expect(await subscribers.claimEvent(String(later?.['event_id']))).toEqual([]);
  Object.assign(ids, {
    subscriber: subscriber.endpointId,
    filtered: filtered.endpointId,
    earlier: String(earlier?.['id']),
    earlierEvent: String(earlier?.['event_id']),
    parked: String(later?.['id']),
  });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** What it says after a change that no function of ours would make. */
async function problemsAfter(change: (sql: postgres.TransactionSql) => Promise<unknown>): Promise<string[]> {
  const undone = new Error('undone');
  let problems: string[] = [];
  await database.sql
    .begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await change(sql);
      const rows = await sql<
        { problem: string }[]
      >`select problem from public.verify_reports() order by problem`;
      problems = rows.map(({ problem }) => problem);
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  return problems;
}

it('finds nothing where all is well', async () => {
  expect(await problemsAfter(() => Promise.resolve())).toEqual([]);
});

it.each<[string, (sql: postgres.TransactionSql) => Promise<unknown>]>([
  [
    'content differs from the winning event',
    (sql) => sql`update public.org_reports set research_report = 'other' where id = ${ids.report}`,
  ],
  [
    'content differs from the winning event',
    (sql) => sql`update public.org_reports set research_metadata = '{"a": 1}' where id = ${ids.report}`,
  ],
  [
    // An equal value of other digits.
    'content differs from the winning event',
    async (sql) => {
      await sql`update private.report_contents set research_metadata = '{"a": 1.0}' where event_id = ${ids.event}`;
      await sql`update public.org_reports set research_metadata = '{"a": 1.00}' where id = ${ids.report}`;
    },
  ],
  [
    'an applied event outranks the winner',
    (sql) => sql`
      insert into public.report_events (id, type, report_type, report_id, stage, requested_at, digest, channel, effect, applied_at, position)
      values ('later', 'report.final.completed', 'org', ${ids.report}, 'final', now() + interval '1 hour', '', 'owner', 'applied', now(), 99)`,
  ],
  [
    'webhook columns differ from the latest delivery',
    (sql) => sql`update public.org_reports set webhook_status = 'success' where id = ${ids.report}`,
  ],
  [
    'research_status differs from the newest request',
    (sql) => sql`update public.org_reports set research_status = 'failed' where id = ${ids.report}`,
  ],
  [
    'a completed final without its notification',
    (sql) => sql`delete from public.report_notifications where event_id = ${ids.event}`,
  ],
  [
    'an event without a delivery',
    (sql) => sql`delete from public.webhook_deliveries where event_id = ${ids.event}`,
  ],
  [
    'a gap in the positions of a report',
    (sql) => sql`update public.report_events set position = 7 where id = ${ids.event}`,
  ],
  [
    'an event whose content is missing, or an erased one that still has it',
    (sql) => sql`delete from private.report_contents where event_id = ${ids.event}`,
  ],
  [
    'an event whose content is missing, or an erased one that still has it',
    (sql) => sql`update public.report_events set erased_at = now() where id = ${ids.event}`,
  ],
  ...['now()', 'null'].map((lostAt): [string, (sql: postgres.TransactionSql) => Promise<unknown>] => [
    'a winner whose content is taken for lost, or a loser whose content is not',
    async (sql) => {
      await sql.unsafe(
        `update private.report_contents set lost_at = ${lostAt} where event_id = '${ids.event}'`,
      );
      if (lostAt === 'null')
        await sql`update public.report_events set effect = 'superseded' where id = ${ids.event}`;
    },
  ]),
  ['content of a deleted report', (sql) => sql`delete from public.org_reports where id = ${ids.report}`],
  [
    'an erased event that a delivery would still send',
    (sql) => sql`update public.report_events set erased_at = now() where id = ${ids.event}`,
  ],
  [
    'a content that does not fit its digest',
    (sql) => sql`update private.report_contents set research_report = 'other' where event_id = ${ids.event}`,
  ],
  [
    'a notification of another report',
    (sql) => sql`
      update public.report_notifications set report_type = 'greeting' where event_id = ${ids.event}`,
  ],
  [
    'a delivery of another report',
    (sql) =>
      sql`update public.webhook_deliveries set report_id = gen_random_uuid() where event_id = ${ids.event}`,
  ],
  ...[
    `stage = 'prelim'`,
    `report_id = gen_random_uuid()`,
    `status = 'failed'`,
    `status = 'cancelled', event_id = null`,
    `created_at = created_at - interval '1 day'`,
  ].map((change): [string, (sql: postgres.TransactionSql) => Promise<unknown>] => [
    'a job that differs from its event',
    (sql) => sql.unsafe(`update private.job_runs set ${change} where job_id = '${ids.job}'`),
  ]),
  [
    'an unfinished job of a report that is gone',
    (sql) => sql`
      insert into private.job_runs (job_id, report_type, report_id, stage, caller, lease_expires_at)
      values ('job_left', 'org', gen_random_uuid(), 'prelim', 'pipeline', now() + interval '1 hour')`,
  ],
  [
    'a finished job without its event',
    (sql) => sql`update private.job_runs set event_id = null where job_id = ${ids.job}`,
  ],
])('finds: %s', async (problem, change) => {
  expect(await problemsAfter(change)).toContain(problem);
});

it.each<[string, (sql: postgres.TransactionSql) => Promise<unknown>]>([
  [
    'a delivery to a subscriber without a position, or to our own endpoint with one',
    (sql) => sql`update public.webhook_deliveries set position = null where id = ${ids.earlier}`,
  ],
  [
    'a delivery to a subscriber without a position, or to our own endpoint with one',
    (sql) => sql`
      update public.webhook_deliveries set position = 1 where event_id = ${ids.event} and endpoint_id = 'final-report'`,
  ],
  [
    'a delivery whose position is not that of its event',
    (sql) => sql`update public.webhook_deliveries set position = 7 where id = ${ids.earlier}`,
  ],
  [
    'a delivery of another report',
    (sql) =>
      sql`update public.webhook_deliveries set report_id = gen_random_uuid() where id = ${ids.earlier}`,
  ],
  [
    'a delivery that waits for none before it',
    (sql) => sql`update public.webhook_deliveries set waits_for = 0 where id = ${ids.parked}`,
  ],
  [
    // The end of the one before did not wake it.
    'a delivery that waits for none before it',
    (sql) => sql`
      update public.webhook_deliveries
      set status = case id when ${ids.earlier} then 'success' else status end,
        next_attempt = case id when ${ids.earlier} then null else next_attempt end, created_at = now() - interval '6 minutes'
      where id in (${ids.earlier}, ${ids.parked})`,
  ],
  [
    'two live deliveries of a report under way to one subscriber',
    (sql) => sql`
      update public.webhook_deliveries set status = 'retrying', lease_expires_at = now() + interval '1 minute'
      where id in (${ids.earlier}, ${ids.parked})`,
  ],
  [
    'an event that a subscriber should have got',
    (sql) => sql`delete from public.webhook_deliveries where id = ${ids.earlier}`,
  ],
  [
    'an event that a subscriber should have got',
    (sql) => sql`
      update private.endpoint_revisions set filter_path = 'strict $.type == "report.final.completed"'
      where endpoint_id = ${ids.filtered} and superseded_by is null`,
  ],
  [
    'a delivery to a subscriber that its settings do not explain',
    (sql) =>
      sql`update public.webhook_deliveries set endpoint_id = ${ids.filtered} where id = ${ids.earlier}`,
  ],
  [
    'a delivery to a subscriber that its settings do not explain',
    (sql) => sql`
      update private.endpoint_revisions set stages = '{prelim}'
      where endpoint_id = ${ids.subscriber} and superseded_by is null`,
  ],
  [
    'a delivery to a subscriber that its settings do not explain',
    (sql) => sql`update public.report_events set settings_revision = null where id = ${ids.earlierEvent}`,
  ],
])('finds, of deliveries to subscribers: %s', async (problem, change) => {
  expect(await problemsAfter(change)).toContain(problem);
});

it.each<[string, (sql: postgres.TransactionSql) => Promise<unknown>]>([
  [
    'a subscriber without a secret',
    (sql) => sql`
      update private.endpoint_secrets set expires_at = now() + interval '1 day' where endpoint_id = ${ids.subscriber}`,
  ],
  [
    'a subscriber without exactly one revision in force',
    (sql) => sql`
      update private.endpoint_revisions set superseded_by = id
      where endpoint_id = ${ids.subscriber} and superseded_by is null`,
  ],
  [
    'a removed subscriber that deliveries still wait for',
    (sql) => sql`
      update private.subscribers
      set state = 'removed', read_token_sha256 = null, state_since = now() - interval '25 hours'
      where endpoint_id = ${ids.subscriber}`,
  ],
])('finds, and names the subscriber: %s', async (problem, change) => {
  expect(await problemsAfter(change)).toContain(`${problem}: ${ids.subscriber}`);
});

it('accepts what nobody can say any more: what a filter saw of content that is erased, and a filter that failed', async () => {
  expect(
    await problemsAfter(async (sql) => {
      await sql`
        insert into private.filter_faults (endpoint_id, event_id, error) values (${ids.subscriber}, ${ids.earlierEvent}, 'failed')`;
      await sql`delete from public.webhook_deliveries where id = ${ids.earlier}`;
      await sql`update public.webhook_deliveries set waits_for = null where id = ${ids.parked}`;
    }),
  ).toEqual([]);
  expect(
    await problemsAfter(async (sql) => {
      await sql`
        update private.endpoint_revisions set filter_path = 'strict $.type == "report.final.completed"'
        where endpoint_id = ${ids.filtered} and superseded_by is null`;
      await sql`delete from private.report_contents where true`;
      await sql`update public.report_events set erased_at = now()`;
    }),
  ).not.toContain('an event that a subscriber should have got');
});

it('finds content without an event, and an event that was never applied', async () => {
  expect(
    await problemsAfter(async (sql) => {
      await sql`update public.org_reports set winner_event_id = null where id = ${ids.report}`;
      await sql`update public.report_events set effect = null, channel = null, applied_at = null, position = null where id = ${ids.event}`;
      await sql`update public.webhook_deliveries set status = 'success', next_attempt = null where event_id = ${ids.event}`;
    }),
  ).toEqual(expect.arrayContaining(['content without an event', 'an event without an effect']));
});
