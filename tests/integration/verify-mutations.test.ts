import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

type Change = (sql: postgres.TransactionSql) => Promise<unknown>;

let database: TestDatabase;
const ids = {
  /** A final that the webhook applied, of whom everybody has heard. */
  report: '',
  owner: '',
  event: '',
  job: '',
  delivery: '',
  heard: '',
  /** One whose webhook failed: applied directly, its delivery waits for its slot. */
  openReport: '',
  openEvent: '',
  openDelivery: '',
  /** Applied directly while the circuit was open, without an attempt. */
  skippedEvent: '',
  /** Of a deleted report. */
  deletedEvent: '',
  /** Two texts of the platform: the second delivery to the subscriber waits for the first. */
  edited: '',
  earlier: '',
  earlierEvent: '',
  parked: '',
  /** A result that lost and is forgotten. */
  erasedEvent: '',
  erasedJob: '',
  erasedDelivery: '',
  /** Never generated. */
  emptyReport: '',
  running: '',
  waiting: '',
  reportless: '',
  user: '',
  subscriber: '',
  filtered: '',
  removed: '',
  plan: '',
  alertMessage: 'alert_message',
};

beforeAll(async () => {
  database = await createTestDatabase();
  const { sql } = database;
  const store = storeClient(sql);
  const subscribers = subscriberClient(sql);
  const removed = await subscribers.active();
  await subscribers.move(removed.endpointId, 'removed');
  const subscriber = await subscribers.active();
  const filtered = await subscribers.active(
    { filter: { exact: { 'metadata.region': 'asia' } } },
    'strict $.metadata.region == "asia"',
  );
  await subscribers.active({ events: { owner_id: '00000000-0000-4000-8000-000000000001' } });

  async function completed(stage: 'prelim' | 'final') {
    const report = await createReport(sql);
    const { run } = await store.request(report.reportId, { stage });
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    if (delivery === undefined) throw new Error('nothing to send');
    return { ...report, job: run.job_id, delivery };
  }

  const sound = await completed('final');
  expect(await store.send(sound.delivery, 'final-report')).toMatchObject({ outcome: 'applied' });
  await store.record(sound.delivery, 'delivered', [{ status: 200, duration_ms: 5, authentic: true }]);
  const [heard] = await subscribers.claimEvent(sound.delivery.event_id);
  if (heard === undefined) throw new Error('nobody hears of it');
  await subscribers.record(heard, 'delivered');

  const open = await completed('final');
  await store.record(open.delivery, 'failed');

  const edited = await createReport(sql);
  for (const text of ['first', 'second'])
    await sql`update public.org_reports set research_report = ${text} where id = ${edited.reportId}`;
  const sent = await subscribers.deliveries(subscriber.endpointId);
  const [earlier, later] = sent.filter((row) => row['report_id'] === edited.reportId);
  expect(await subscribers.claimEvent(String(later?.['event_id']))).toEqual([]);

  const lost = await completed('prelim');
  await store.record(lost.delivery, 'failed');
  await sql`update public.org_reports set research_report = 'better' where id = ${lost.reportId}`;
  expect(await sql`select private.forget_event(${lost.delivery.event_id}) as done`).toEqual([{ done: true }]);

  const skipped = await store.request((await createReport(sql)).reportId, { stage: 'final' });
  await sql`
    insert into public.webhook_circuits (endpoint_id, opened_at, probe_after)
    values ('final-report', now(), now() + interval '1 minute')
    on conflict (endpoint_id) do update set opened_at = excluded.opened_at, probe_after = excluded.probe_after`;
  expect(await store.complete(skipped.run.job_id, skipped.run.lease_token)).toEqual({ outcome: 'completed' });
  await sql`update public.webhook_circuits set opened_at = null, probe_after = null where endpoint_id = 'final-report'`;
  const [unsent] = await sql<{ id: string }[]>`
    select id from public.report_events where job_id = ${skipped.run.job_id}`;

  const deleted = await completed('prelim');
  await store.record(deleted.delivery, 'failed');
  await sql`delete from public.org_reports where id = ${deleted.reportId}`;

  const started = await createReport(sql);
  const { run: running } = await store.request(started.reportId);
  const { job: waiting } = await store.request((await createReport(sql)).reportId, { generate: false });
  const reportless = `job_${randomUUID()}`;
  await sql`
    insert into private.job_runs (job_id, caller, user_id, prompt, status, percent, result, completed_at)
    values (${reportless}, ${started.userId}, ${started.userId}, 'p', 'succeeded', 100, 'text', now())`;
  await sql`
    insert into public.report_jobs (job_id, user_id, status, percent) values (${`shown_${reportless}`}, ${started.userId}, 'succeeded', 100)`;
  const [plan] = await sql<{ id: number }[]>`
    insert into public.plans (request_id, kind, name, reason, filter, actor, next_slice_at)
    values (${randomUUID()}, 'redrive', 'all', 'a test', '{}', 'tester', now()) returning id`;

  Object.assign(ids, {
    report: sound.reportId,
    owner: sound.userId,
    event: sound.delivery.event_id,
    job: sound.job,
    delivery: String(sound.delivery.delivery_id),
    heard: String(heard.delivery_id),
    openReport: open.reportId,
    openEvent: open.delivery.event_id,
    openDelivery: String(open.delivery.delivery_id),
    skippedEvent: unsent?.id,
    deletedEvent: deleted.delivery.event_id,
    edited: edited.reportId,
    earlier: String(earlier?.['id']),
    earlierEvent: String(earlier?.['event_id']),
    parked: String(later?.['id']),
    erasedEvent: lost.delivery.event_id,
    erasedJob: lost.job,
    erasedDelivery: String(lost.delivery.delivery_id),
    emptyReport: (await createReport(sql)).reportId,
    running: running.job_id,
    waiting: waiting.job_id,
    reportless,
    user: started.userId,
    subscriber: subscriber.endpointId,
    filtered: filtered.endpointId,
    removed: removed.endpointId,
    plan: String(plan?.id),
  });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

interface Found {
  problem: string;
  row: string;
}

/** What it says after a change that no function of ours would make, and no trigger saw. The change is undone. */
async function foundAfter(change: Change): Promise<Found[]> {
  const undone = new Error('undone');
  let found: Found[] = [];
  await database.sql
    .begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await change(sql);
      found = await sql<Found[]>`
        select regexp_replace(problem, ': .*', '') as problem, to_jsonb(found)::text as row
        from public.verify_reports() found order by problem`;
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  return found;
}

interface Case {
  finding: string;
  /** What the row of the finding names: an id of the report, event, job, subscriber or plan. */
  names: keyof typeof ids;
  /** What else is wrong by then. */
  also?: string[];
  change: Change;
}

const CASES: Case[] = [
  {
    finding: 'content differs from the winning event',
    names: 'report',
    change: (sql) => sql`update public.org_reports set research_report = 'other' where id = ${ids.report}`,
  },
  {
    finding: 'content differs from the winning event',
    names: 'report',
    change: (sql) =>
      sql`update public.org_reports set research_metadata = '{"a": 1}' where id = ${ids.report}`,
  },
  {
    finding: 'content differs from the winning event',
    names: 'report',
    also: ['content that does not match its digest'],
    // An equal value of other digits.
    change: async (sql) => {
      await sql`update private.report_contents set research_metadata = '{"a": 1.0}' where event_id = ${ids.event}`;
      await sql`update public.org_reports set research_metadata = '{"a": 1.00}' where id = ${ids.report}`;
    },
  },
  {
    finding: 'the winning event is not an applied result of this report',
    names: 'report',
    also: [
      'content of a winner that is marked as lost, or of a loser that is not',
      'an applied event outranks the winner',
      'content differs from the winning event',
    ],
    change: (sql) =>
      sql`update public.org_reports set winner_event_id = ${ids.earlierEvent} where id = ${ids.report}`,
  },
  {
    finding: 'content without an event',
    names: 'emptyReport',
    change: (sql) =>
      sql`update public.org_reports set research_report = 'text' where id = ${ids.emptyReport}`,
  },
  {
    finding: 'content without an event',
    names: 'emptyReport',
    change: (sql) => sql`update public.org_reports set stage = 'final' where id = ${ids.emptyReport}`,
  },
  {
    finding: 'webhook columns differ from the latest delivery',
    names: 'report',
    change: (sql) => sql`update public.org_reports set webhook_attempts = 7 where id = ${ids.report}`,
  },
  ...['sent', 'failed', 'retrying'].map((status): Case => ({
    finding: 'webhook columns without a delivery',
    names: 'emptyReport',
    change: (sql) =>
      sql`update public.org_reports set webhook_status = ${status} where id = ${ids.emptyReport}`,
  })),
  {
    finding: 'research_status differs from the newest request',
    names: 'report',
    change: (sql) => sql`update public.org_reports set research_status = 'failed' where id = ${ids.report}`,
  },
  {
    finding: 'an applied event outranks the winner',
    names: 'report',
    also: [
      'a gap in the positions of a report',
      'an event without its content, or an erased event with content',
    ],
    change: (sql) => sql`
      insert into public.report_events (id, type, report_type, report_id, stage, requested_at, digest, channel, effect, applied_at, position)
      values ('later', 'report.owner.edited', 'org', ${ids.report}, 'final', now() + interval '1 minute', '', 'owner', 'applied', now(), 99)`,
  },
  {
    // The first text of the report cannot have lost to one that came later.
    finding: 'an effect that contradicts the order of its report',
    names: 'earlierEvent',
    also: ['a delivery that contradicts the settings of its subscriber'],
    change: (sql) =>
      sql`update public.report_events set effect = 'superseded' where id = ${ids.earlierEvent}`,
  },
  {
    finding: 'an effect that contradicts the order of its report',
    names: 'report',
    change: (sql) => sql`
      insert into public.report_events (
        id, type, report_type, report_id, stage, requested_at, digest, channel, effect, applied_at, position, erased_at)
      values (
        'late', 'report.owner.edited', 'org', ${ids.report}, 'prelim', now() - interval '2 days', '', 'owner', 'applied', now(), 2, now())`,
  },
  {
    finding: 'an event without a delivery',
    names: 'event',
    change: (sql) => sql`delete from public.webhook_deliveries where id = ${ids.delivery}`,
  },
  {
    finding: 'an event without its content, or an erased event with content',
    names: 'event',
    also: ['content differs from the winning event'],
    change: (sql) => sql`delete from private.report_contents where event_id = ${ids.event}`,
  },
  {
    finding: 'an event without its content, or an erased event with content',
    names: 'event',
    change: (sql) => sql`update public.report_events set erased_at = now() where id = ${ids.event}`,
  },
  {
    finding: 'content that does not match its digest',
    names: 'earlierEvent',
    change: (sql) =>
      sql`update private.report_contents set research_report = 'other' where event_id = ${ids.earlierEvent}`,
  },
  {
    finding: 'content of a winner that is marked as lost, or of a loser that is not',
    names: 'event',
    change: (sql) => sql`update private.report_contents set lost_at = now() where event_id = ${ids.event}`,
  },
  {
    finding: 'content of a winner that is marked as lost, or of a loser that is not',
    names: 'earlierEvent',
    change: (sql) =>
      sql`update private.report_contents set lost_at = null where event_id = ${ids.earlierEvent}`,
  },
  ...[`'infinity'`, `now() + interval '2 days'`].map((lostAt): Case => ({
    finding: 'lost content that is never forgotten',
    names: 'earlierEvent',
    change: (sql) =>
      sql.unsafe(
        `update private.report_contents set lost_at = ${lostAt} where event_id = '${ids.earlierEvent}'`,
      ),
  })),
  {
    // An edit that was folded, which no sweep has forgotten.
    finding: 'lost content that is never forgotten',
    names: 'earlierEvent',
    change: async (sql) => {
      await sql`update private.report_contents set lost_at = '-infinity' where event_id = ${ids.earlierEvent}`;
      await sql`update public.report_events set applied_at = now() - interval '25 hours' where id = ${ids.earlierEvent}`;
    },
  },
  {
    finding: 'a gap in the positions of a report',
    names: 'openEvent',
    also: ['a delivery whose position is not that of its event'],
    change: (sql) => sql`update public.report_events set position = 7 where id = ${ids.openEvent}`,
  },
  {
    finding: 'an event without an effect',
    names: 'event',
    also: [
      'a delivery whose position is not that of its event',
      'a notification of an event that was not applied',
      'research_status differs from the newest request',
      'the winning event is not an applied result of this report',
    ],
    change: (sql) => sql`
      update public.report_events set effect = null, channel = null, applied_at = null, position = null where id = ${ids.event}`,
  },
  {
    finding: 'a completed final without its notification',
    names: 'event',
    change: (sql) => sql`delete from public.report_notifications where event_id = ${ids.event}`,
  },
  {
    finding: 'a notification of an event that was not applied',
    names: 'erasedEvent',
    change: (sql) => sql`
      insert into public.report_notifications (user_id, report_type, report_id, event_id)
      select report.user_id, event.report_type, event.report_id, event.id
      from public.report_events event join public.org_reports report on report.id = event.report_id
      where event.id = ${ids.erasedEvent}`,
  },
  {
    finding: 'a notification of another report',
    names: 'event',
    change: (sql) =>
      sql`update public.report_notifications set report_type = 'greeting' where event_id = ${ids.event}`,
  },
  {
    finding: 'a notification to a user who does not own the report',
    names: 'event',
    change: (sql) =>
      sql`update public.report_notifications set user_id = ${ids.user} where event_id = ${ids.event}`,
  },
  {
    finding: 'an event whose requested_at is after its created_at',
    names: 'event',
    also: ['a job that differs from its event'],
    change: (sql) =>
      sql`update public.report_events set requested_at = requested_at + interval '1 hour' where id = ${ids.event}`,
  },
  {
    finding: 'an effect of a webhook without its audit row',
    names: 'event',
    change: (sql) => sql`delete from public.webhook_audit where event_id = ${ids.event} and direction = 'in'`,
  },
  {
    finding: 'a delivery that succeeded without an audit row',
    names: 'event',
    also: ['an effect of a webhook without its audit row'],
    change: (sql) =>
      sql`delete from public.webhook_audit where event_id = ${ids.event} and endpoint_id = 'final-report'`,
  },
  {
    finding: 'a delivery that succeeded without an audit row',
    names: 'event',
    change: (sql) => sql`delete from public.webhook_audit where delivery_id = ${ids.heard}`,
  },
  {
    finding: 'an effect of a direct update without its audit row',
    names: 'skippedEvent',
    change: (sql) => sql`delete from public.webhook_audit where event_id = ${ids.skippedEvent}`,
  },
  {
    finding: 'an effect of the platform without its audit row',
    names: 'earlierEvent',
    change: (sql) => sql`delete from public.webhook_audit where event_id = ${ids.earlierEvent}`,
  },
  {
    finding: 'a failed attempt without its audit row',
    names: 'openEvent',
    also: ['an effect of a direct update without its audit row'],
    change: (sql) => sql`delete from public.webhook_audit where event_id = ${ids.openEvent}`,
  },
  {
    finding: 'a failed attempt without its audit row',
    names: 'openEvent',
    change: (sql) =>
      sql`update public.webhook_audit set delivery_id = 0 where delivery_id = ${ids.openDelivery}`,
  },
  ...['research_report', 'research_metadata', 'final_data', 'result'].flatMap((member) =>
    [`{"${member}": "told"}`, `{"data": {"${member}": "told"}}`].map((payload): Case => ({
      finding: 'an audit row that holds content of an event',
      names: 'event',
      change: (sql) =>
        sql.unsafe(
          `update public.webhook_audit set request_payload = '${payload}' where event_id = '${ids.event}' and direction = 'in'`,
        ),
    })),
  ),
  ...[
    `response_body = '"told"'`,
    `error_message = 'told'`,
    `outcome = 'duplicate', body_sha256 = 'told'`,
    `outcome = 'duplicate', request_payload = '{"data": {"error": "told"}}'`,
  ].map((set): Case => ({
    finding: 'an audit row that holds content of an event',
    names: 'erasedEvent',
    change: (sql) =>
      sql.unsafe(
        `update public.webhook_audit set ${set} where event_id = '${ids.erasedEvent}' and direction = 'out'`,
      ),
  })),
  {
    finding: 'an erased event whose job still has its error',
    names: 'erasedEvent',
    change: (sql) => sql`update private.job_runs set error = 'told' where job_id = ${ids.erasedJob}`,
  },
  ...[
    { set: `stage = 'prelim'`, also: [] },
    { set: 'report_id = gen_random_uuid()', also: ['content of a deleted report'] },
    {
      set: `status = 'failed'`,
      also: [
        'a row of report_jobs that shows another status than our job',
        'research_status differs from the newest request',
      ],
    },
    {
      set: `status = 'cancelled', event_id = null`,
      also: ['a row of report_jobs that shows another status than our job'],
    },
    { set: `created_at = created_at - interval '1 day'`, also: [] },
  ].map(({ set, also }): Case => ({
    finding: 'a job that differs from its event',
    names: 'job',
    also,
    change: (sql) => sql.unsafe(`update private.job_runs set ${set} where job_id = '${ids.job}'`),
  })),
  {
    finding: 'content of a deleted report',
    names: 'event',
    also: ['a deleted report without its event report.deleted'],
    change: (sql) => sql`delete from public.org_reports where id = ${ids.report}`,
  },
  {
    finding: 'a deleted report without its event report.deleted',
    names: 'deletedEvent',
    change: (sql) => sql`
      delete from public.report_events
      where type = 'report.deleted'
        and report_id = (select report_id from public.report_events where id = ${ids.deletedEvent})`,
  },
  {
    finding: 'an unfinished job of a deleted report',
    names: 'running',
    also: ['content of a deleted report'],
    change: (sql) =>
      sql`update private.job_runs set report_id = gen_random_uuid() where job_id = ${ids.running}`,
  },
  {
    finding: 'an unfinished job that is never due',
    names: 'running',
    change: (sql) =>
      sql`update private.job_runs set lease_expires_at = 'infinity' where job_id = ${ids.running}`,
  },
  {
    finding: 'an unfinished job that is never due',
    names: 'waiting',
    change: (sql) =>
      sql`update private.job_runs set deadline = now() + interval '9 days' where job_id = ${ids.waiting}`,
  },
  {
    finding: 'an unfinished job that is never due',
    names: 'reportless',
    change: (sql) => sql`
      update private.job_runs set status = 'running', completed_at = null, result = null, lease_expires_at = now() + interval '2 days'
      where job_id = ${ids.reportless}`,
  },
  ...(['running', 'reportless'] as const).map((job): Case => ({
    finding: 'a job that was requested in the future',
    names: job,
    change: (sql) =>
      sql`update private.job_runs set created_at = now() + interval '1 hour' where job_id = ${ids[job]}`,
  })),
  ...['prompt', 'result', 'idempotency_key'].map((column): Case => ({
    finding: 'a row of report_jobs that holds content of our job',
    names: 'job',
    change: (sql) =>
      sql.unsafe(`update public.report_jobs set ${column} = 'told' where job_id = '${ids.job}'`),
  })),
  ...['private.job_runs', 'public.report_jobs'].map((table): Case => ({
    finding: 'a job shown to a user who does not own the report',
    names: 'job',
    change: (sql) =>
      sql.unsafe(
        `update ${table} set user_id = (select id from auth.users where id <> '${ids.owner}' limit 1) where job_id = '${ids.job}'`,
      ),
  })),
  ...(['job', 'running', 'waiting'] as const).flatMap((job) =>
    ['failed', 'cancelled'].map((status): Case => ({
      finding: 'a row of report_jobs that shows another status than our job',
      names: job,
      change: (sql) => sql`update public.report_jobs set status = ${status} where job_id = ${ids[job]}`,
    })),
  ),
  {
    finding: 'a row of report_jobs that shows another status than our job',
    names: 'reportless',
    change: (sql) => sql`
      update public.report_jobs set job_id = ${ids.reportless}, status = 'failed' where job_id = ${`shown_${ids.reportless}`}`,
  },
  {
    finding: 'a row of report_jobs that holds content of our job',
    names: 'reportless',
    change: (sql) => sql`
      update public.report_jobs set job_id = ${ids.reportless}, result = 'told' where job_id = ${`shown_${ids.reportless}`}`,
  },
  {
    finding: 'a finished job without its event',
    names: 'job',
    also: ['a job that differs from its event'],
    change: (sql) => sql`update private.job_runs set event_id = null where job_id = ${ids.job}`,
  },
  ...[`result = ' '`, `event_id = 'event'`].map((set): Case => ({
    finding: 'a job without a report whose result contradicts its status',
    names: 'reportless',
    change: (sql) => sql.unsafe(`update private.job_runs set ${set} where job_id = '${ids.reportless}'`),
  })),
  {
    finding: 'a job of a deleted account that still has content',
    names: 'reportless',
    change: (sql) => sql`delete from auth.users where id = ${ids.user}`,
  },
  {
    finding: 'an erased event that a delivery would still send',
    names: 'erasedEvent',
    change: (sql) => sql`
      update public.webhook_deliveries set dead_at = null, dead_reason = null, next_attempt = now() where id = ${ids.erasedDelivery}`,
  },
  {
    finding: 'a dead letter of an erased event that is not closed',
    names: 'erasedEvent',
    change: (sql) =>
      sql`update public.webhook_deliveries set dead_reason = 'attempts_exhausted' where id = ${ids.erasedDelivery}`,
  },
  {
    finding: 'a delivery of an erased event that still has an answer',
    names: 'erasedEvent',
    also: ['webhook columns differ from the latest delivery'],
    change: (sql) =>
      sql`update public.webhook_deliveries set response = '{"response": "told"}' where id = ${ids.erasedDelivery}`,
  },
  ...[
    { set: 'report_id = gen_random_uuid()', shown: [] },
    { set: `report_type = 'greeting'`, shown: [] },
    { set: `job_id = 'another'`, shown: ['webhook columns differ from the latest delivery'] },
  ].flatMap(({ set, shown }) =>
    (['delivery', 'heard'] as const).map((delivery): Case => ({
      finding: 'a delivery of another report or job',
      names: 'event',
      also: delivery === 'delivery' ? shown : [],
      change: (sql) => sql.unsafe(`update public.webhook_deliveries set ${set} where id = ${ids[delivery]}`),
    })),
  ),
  ...[
    { endpoint: 'nowhere', also: ['webhook columns without a delivery'] },
    { endpoint: 'prelim-report', also: [] },
  ].map(({ endpoint, also }): Case => ({
    finding: 'a delivery to an unknown endpoint, or to one of another stage',
    names: 'openEvent',
    also: ['an event without a delivery', ...also],
    change: (sql) => sql`
      update public.webhook_deliveries set endpoint_id = ${endpoint} where id = ${ids.openDelivery}`,
  })),
  ...[
    `next_attempt = 'infinity'`,
    `next_attempt = now() + interval '3 days'`,
    `lease_expires_at = 'infinity'`,
  ].map((set): Case => ({
    finding: 'an open delivery that is never due',
    names: 'openEvent',
    change: (sql) => sql.unsafe(`update public.webhook_deliveries set ${set} where id = ${ids.openDelivery}`),
  })),
  {
    finding: 'an ended delivery under a lease that does not expire',
    names: 'event',
    change: (sql) =>
      sql`update public.webhook_deliveries set lease_expires_at = 'infinity' where id = ${ids.heard}`,
  },
  {
    finding: 'a delivery to a subscriber that has waited for longer than PAUSE_MAX_DAYS',
    names: 'earlierEvent',
    change: (sql) => sql`
      update public.webhook_deliveries
      set created_at = now() - interval '33 days', next_attempt = now() - interval '33 days', lease_expires_at = null
      where id = ${ids.earlier}`,
  },
  ...['redrive', 'replay', 'start'].map((kind): Case => ({
    finding: 'a replay that its plan does not ask for',
    names: 'event',
    also: ['an event without its delivery to a subscriber'],
    change: async (sql) => {
      await sql`
        update public.plans set kind = ${kind}, filter = ${sql.json({ endpoint_ids: [ids.removed], endpoint_id: ids.removed })}
        where id = ${ids.plan}`;
      await sql`update public.webhook_deliveries set plan = ${ids.plan} where id = ${ids.heard}`;
    },
  })),
  {
    finding: 'a delivery to a subscriber without a position, or to our own endpoint with one',
    names: 'earlierEvent',
    also: ['a delivery that waits for no earlier delivery', 'an event without its delivery to a subscriber'],
    change: (sql) => sql`update public.webhook_deliveries set position = null where id = ${ids.earlier}`,
  },
  {
    finding: 'a delivery to a subscriber without a position, or to our own endpoint with one',
    names: 'event',
    also: ['a delivery that contradicts the settings of its subscriber'],
    change: (sql) => sql`update public.webhook_deliveries set position = 1 where id = ${ids.delivery}`,
  },
  {
    finding: 'a delivery whose position is not that of its event',
    names: 'event',
    change: (sql) => sql`update public.webhook_deliveries set position = 7 where id = ${ids.heard}`,
  },
  ...(['nothing', 'parked'] as const).map((awaited): Case => ({
    finding: 'a delivery that waits for no earlier delivery',
    names: 'edited',
    change: (sql) => sql`
      update public.webhook_deliveries set waits_for = ${awaited === 'parked' ? ids.parked : 0} where id = ${ids.parked}`,
  })),
  {
    // Each waits for the other: neither is ever sent.
    finding: 'a delivery that waits for no earlier delivery',
    names: 'edited',
    change: (sql) => sql`
      update public.webhook_deliveries set waits_for = ${ids.parked} where id = ${ids.earlier}`,
  },
  {
    // The end of the one before did not wake it.
    finding: 'a delivery that waits for no earlier delivery',
    names: 'edited',
    change: (sql) => sql`
      update public.webhook_deliveries
      set status = case id when ${ids.earlier} then 'superseded' else status end,
        next_attempt = case id when ${ids.earlier} then null else next_attempt end, created_at = now() - interval '6 minutes'
      where id in (${ids.earlier}, ${ids.parked})`,
  },
  {
    finding: 'two live deliveries of one report in flight to one subscriber',
    names: 'edited',
    change: (sql) => sql`
      update public.webhook_deliveries set status = 'retrying', lease_expires_at = now() + interval '1 minute'
      where id in (${ids.earlier}, ${ids.parked})`,
  },
  {
    finding: 'an event without its delivery to a subscriber',
    names: 'event',
    change: (sql) => sql`delete from public.webhook_deliveries where id = ${ids.heard}`,
  },
  {
    finding: 'a delivery that contradicts the settings of its subscriber',
    names: 'event',
    also: ['an event without its delivery to a subscriber'],
    change: (sql) =>
      sql`update public.webhook_deliveries set endpoint_id = ${ids.filtered} where id = ${ids.heard}`,
  },
  ...['format_version = 1', `body = 'thin'`].map((set): Case => ({
    finding: 'a delivery that contradicts the settings of its subscriber',
    names: 'event',
    change: (sql) => sql.unsafe(`update public.webhook_deliveries set ${set} where id = ${ids.heard}`),
  })),
  {
    finding: 'a delivery that contradicts the settings of its subscriber',
    names: 'event',
    change: (sql) => sql`update public.report_events set settings_revision = null where id = ${ids.event}`,
  },
  ...[`now() - interval '25 hours'`, `'infinity'`].map((requestedAt): Case => ({
    finding: 'an overdue erasure',
    names: 'report',
    change: (sql) =>
      sql.unsafe(`
      insert into private.erasures (user_id, report_type, report_id, requested_at)
      values ('${ids.user}', 'org', '${ids.report}', ${requestedAt})`),
  })),
  ...[
    `probe_after = 'infinity'`,
    `probe_after = now(), probe_delivery_id = 1, probe_token = 1, probe_lease_expires_at = 'infinity'`,
  ].map((set): Case => ({
    finding: 'an open circuit that is never probed',
    names: 'subscriber',
    change: (sql) =>
      sql.unsafe(`
      update public.webhook_circuits set opened_at = now(), ${set} where endpoint_id = '${ids.subscriber}'`),
  })),
  ...[`'infinity', null`, `now(), 'infinity'`].map((times): Case => ({
    finding: 'an alert message that is never sent',
    names: 'alertMessage',
    change: (sql) =>
      sql.unsafe(`
      insert into public.alert_deliveries (id, alert_id, transition, alert, next_attempt, lease_expires_at)
      values ('${ids.alertMessage}', gen_random_uuid(), 'firing', '{}', ${times})`),
  })),
  {
    finding: 'a subscriber without a secret',
    names: 'subscriber',
    change: (sql) => sql`
      update private.endpoint_secrets set expires_at = now() + interval '1 day' where endpoint_id = ${ids.subscriber}`,
  },
  {
    finding: 'a subscriber without exactly one revision in force',
    names: 'filtered',
    change: (sql) => sql`
      update private.endpoint_revisions set superseded_by = 100000
      where endpoint_id = ${ids.filtered} and superseded_by is null`,
  },
  {
    finding: 'an unverified or removed subscriber that takes events',
    names: 'removed',
    also: ['an event without its delivery to a subscriber'],
    change: (sql) => sql`
      update private.endpoint_revisions set takes_events = true
      where endpoint_id = ${ids.removed} and superseded_by is null`,
  },
  {
    finding: 'an unverified or removed subscriber that takes events',
    names: 'subscriber',
    change: (sql) => sql`
      update private.subscribers set state = 'unverified', verified_at = null where endpoint_id = ${ids.subscriber}`,
  },
  {
    finding: 'a removed subscriber that still has a secret',
    names: 'removed',
    change: (sql) =>
      sql`insert into private.endpoint_secrets (endpoint_id, sealed) values (${ids.removed}, 'sealed')`,
  },
  {
    finding: 'a removed subscriber with open deliveries',
    names: 'subscriber',
    also: [
      'a removed subscriber that still has a secret',
      'an unverified or removed subscriber that takes events',
    ],
    change: (sql) => sql`
      update private.subscribers
      set state = 'removed', read_token_sha256 = null, state_since = now() - interval '25 hours'
      where endpoint_id = ${ids.subscriber}`,
  },
  {
    finding: 'an endpoint without its subscriber',
    names: 'removed',
    change: (sql) => sql`delete from private.subscribers where endpoint_id = ${ids.removed}`,
  },
  ...[`- interval '25 hours'`, `+ interval '25 hours'`].map((from): Case => ({
    finding: 'a plan without progress',
    names: 'plan',
    change: (sql) =>
      sql.unsafe(`update public.plans set next_slice_at = now() ${from} where id = ${ids.plan}`),
  })),
];

it('finds nothing in the sound scene', async () => {
  expect(await foundAfter(() => Promise.resolve())).toEqual([]);
});

describe('one changed row', () => {
  it.each(CASES)('finds: $finding', async ({ finding, names, also = [], change }) => {
    const found = await foundAfter(change);
    expect([...new Set(found.map(({ problem }) => problem))].sort()).toEqual([finding, ...also].sort());
    const rows = found.filter(({ problem }) => problem === finding).map(({ row }) => row);
    expect(rows.filter((row) => !row.includes(ids[names]))).toEqual([]);
  });

  it('has a case for every finding that the functions can return', () => {
    const findings = ['verify_range', 'verify_deliveries', 'verify_jobs', 'verify_rest'].flatMap((name) => {
      const source = readFileSync(join(projectRoot, `supabase/sql/observe/${name}.sql`), 'utf8');
      return [...source.matchAll(/\bselect '([^']+)'/g)].map(([, finding]) => finding);
    });
    expect(findings.length).toBeGreaterThan(40);
    expect([...new Set(CASES.map(({ finding }) => finding))].sort()).toEqual([...new Set(findings)].sort());
  });
});

it('accepts what nobody can say any more: what a filter saw of content that is erased, and a filter that failed', async () => {
  expect(
    await foundAfter(async (sql) => {
      await sql`
        insert into private.filter_faults (endpoint_id, event_id, error) values (${ids.subscriber}, ${ids.earlierEvent}, 'failed')`;
      await sql`delete from public.webhook_deliveries where id = ${ids.earlier}`;
      await sql`update public.webhook_deliveries set waits_for = null where id = ${ids.parked}`;
    }),
  ).toEqual([]);
  const found = await foundAfter(async (sql) => {
    await sql`
      update private.endpoint_revisions set filter_path = 'strict $.type == "report.final.completed"'
      where endpoint_id = ${ids.filtered} and superseded_by is null`;
    await sql`delete from private.report_contents where true`;
    await sql`update public.report_events set erased_at = now()`;
  });
  expect(found.map(({ problem }) => problem)).not.toContain('an event without its delivery to a subscriber');
});

it('does not read the audit event by event while its index is not built', async () => {
  const found = await foundAfter(async (sql) => {
    await sql`delete from public.webhook_audit where event_id = ${ids.event}`;
    await sql`drop index public.webhook_audit_event`;
  });
  expect(found).toEqual([]);
});

describe('what one row alone can say is refused, with triggers off too', () => {
  const event = (set: string) => () => `update public.report_events set ${set} where id = '${ids.event}'`;
  const open = (set: string) => () =>
    `update public.webhook_deliveries set ${set} where id = ${ids.openDelivery}`;
  const ended = (set: string) => () => `update public.webhook_deliveries set ${set} where id = ${ids.heard}`;
  const job = (set: string) => () => `update private.job_runs set ${set} where job_id = '${ids.job}'`;
  const unfinished = (set: string) => () =>
    `update private.job_runs set ${set} where job_id = '${ids.running}'`;
  const subscriber = (set: string) => () =>
    `update private.subscribers set ${set} where endpoint_id = '${ids.subscriber}'`;
  const rate = (set: string) => () => `update private.rate_limits set ${set} where kind = 'sender'`;

  /** The statement is made when the ids are known. */
  const REFUSED: [constraint: string, statement: () => string][] = [
    ['event_effect_has_channel_position_and_time', event('effect = null')],
    ['event_id_has_no_dot_and_fits_a_header', event(`id = 'a.b'`)],
    ['event_type_fits_its_stage', event(`stage = 'prelim'`)],
    ['edit_is_of_channel_owner', event(`channel = 'owner'`)],
    ['edit_is_of_channel_owner', event(`type = 'report.owner.edited'`)],
    ['deletion_has_no_content', event(`type = 'report.deleted'`)],
    ['erased_event_has_no_error', event(`erased_at = now(), error = 'told'`)],
    ['open_delivery_has_a_next_attempt', open('next_attempt = null')],
    ['delivery_status_is_known', open(`status = 'lost'`)],
    ['delivery_format_is_known', open('format_version = 3')],
    ['dead_letter_has_its_reason', open('dead_at = now(), next_attempt = null')],
    [
      'dead_letter_has_failed',
      open(`status = 'sent', dead_at = now(), dead_reason = 'refused', next_attempt = null`),
    ],
    ['held_delivery_has_a_lease', open(`status = 'retrying', lease_expires_at = null`)],
    ['only_subscribers_deliveries_are_withdrawn', open(`status = 'superseded', next_attempt = null`)],
    ['only_subscribers_deliveries_are_withdrawn', open(`status = 'cancelled', next_attempt = null`)],
    ['only_subscribers_deliveries_are_replayed', open('plan = 1')],
    ['waiting_delivery_is_open_and_has_an_order', open('waits_for = 1')],
    ['waiting_delivery_is_open_and_has_an_order', ended('waits_for = 1')],
    ['only_a_success_is_counted_on_arrival', open('counted_on_arrival = true')],
    ['ended_delivery_has_no_next_attempt', ended('next_attempt = now()')],
    [
      'event_goes_to_an_endpoint_once_per_plan',
      () => `
        update public.webhook_deliveries set (event_id, endpoint_id) = (
          select event_id, endpoint_id from public.webhook_deliveries where id = ${ids.parked})
        where id = ${ids.heard}`,
    ],
    ['job_is_finished_with_a_time', job('completed_at = null')],
    ['finished_job_has_no_lease', job('lease_expires_at = now()')],
    ['erased_job_has_no_content', job('erased_at = now()')],
    ['job_names_its_report_whole', job('stage = null')],
    ['only_a_job_without_a_report_keeps_its_result', job(`result = 'text'`)],
    ['unfinished_job_has_no_event', unfinished(`event_id = 'event'`)],
    ['unfinished_job_that_generates_has_a_lease', unfinished('lease_expires_at = null')],
    [
      'report_stage_is_known',
      () => `update public.org_reports set stage = 'draft' where id = '${ids.report}'`,
    ],
    [
      'probe_is_named_whole',
      () => `update public.webhook_circuits set probe_token = 1 where endpoint_id = 'final-report'`,
    ],
    ['subscriber_state_is_known', subscriber(`state = 'lost'`)],
    ['paused_subscriber_says_why', subscriber(`state = 'paused'`)],
    ['removed_subscriber_has_no_token', subscriber(`state = 'removed'`)],
    ['subscriber_that_was_at_work_is_verified', subscriber('verified_at = null')],
    [
      'revision_is_superseded_by_a_later_one',
      () =>
        `update private.endpoint_revisions set superseded_by = id where endpoint_id = '${ids.subscriber}'`,
    ],
    ['ended_plan_has_its_end', () => `update public.plans set status = 'done' where id = ${ids.plan}`],
    [
      'cancelled_plan_says_by_whom',
      () => `update public.plans set status = 'cancelled', finished_at = now() where id = ${ids.plan}`,
    ],
    ['rate_kind_is_known', rate(`kind = 'other'`)],
    ['rate_is_bounded', rate('tokens_per_minute = 1000001')],
    ['burst_is_bounded', rate('burst = 1000001, parts = 1')],
    ['parts_are_bounded', rate('parts = 65, burst = 650')],
    ['burst_divides_into_parts', rate('parts = 3, burst = 10')],
  ];

  it.each(REFUSED)('%s', async (constraint, statement) => {
    const refusal = await foundAfter((sql) => sql.unsafe(statement())).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(postgres.PostgresError);
    expect(refusal).toMatchObject({ constraint_name: constraint });
  });

  it('has a case for every constraint that the rules name', () => {
    const page = readFileSync(join(projectRoot, 'docs/invariants.md'), 'utf8');
    const named = [...page.matchAll(/\bconstraint\s+`(\w+)`/g)].map(([, name]) => name);
    const tried = REFUSED.map(([constraint]) => constraint);
    expect(named.length).toBeGreaterThan(25);
    expect([...new Set(named)].sort()).toEqual([...new Set(tried)].sort());
  });
});
