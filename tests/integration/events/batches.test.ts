import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { subscriberClient } from '../../support/subscribers.ts';

// The same events are sent one by one in one database and in batches in the other, in any order, with duplicates, and split
// into batches in any way. Both must end with the same rows and answers.

const REPORTS = 3;
/** Events per report, and for one more report that does not exist. */
const TYPES = ['org', 'greeting', 'requirement', 'org'] as const;
const EVENTS = 6;
const DAYS = ['2020-01-01T00:00:00.000Z', '2020-01-02T00:00:00.000Z'] as const;

const event = fc.record({
  report: fc.nat(REPORTS),
  stage: fc.constantFrom('prelim', 'final'),
  status: fc.constantFrom('completed', 'completed', 'failed'),
  // Two times within a millisecond, to which they count: the ids decide.
  day: fc.constantFrom(
    ...DAYS,
    '2999-01-01T00:00:00.000Z',
    '2020-01-01T00:00:00.000400Z',
    '2020-01-01T00:00:00.000600Z',
  ),
  /** Else the body names no time of a request, and the event's own counts. */
  hasRequest: fc.constantFrom(true, true, true, false),
  /** Several events may be of one job. */
  job: fc.nat(EVENTS),
  /** Of the event, or a job that is known before it. */
  isKnown: fc.boolean(),
  text: fc.constantFrom('one', 'two'),
  final: fc.boolean(),
});
const history = fc.record({
  subscribed: fc.boolean(),
  limited: fc.boolean(),
  burst: fc.constantFrom(2, 30),
  events: fc.array(event, { minLength: EVENTS, maxLength: EVENTS }),
  /** Which event is sent, and with another content than its own; after which of them a batch ends. */
  sent: fc.array(
    fc.record({
      event: fc.nat(EVENTS - 1),
      changed: fc.constantFrom(false, false, false, true),
      ends: fc.constantFrom(false, false, true),
    }),
    { minLength: 2, maxLength: 20 },
  ),
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

interface Names {
  reportIds: string[];
  userId: string;
  prefix: string;
}

let alone: TestDatabase;
let batched: TestDatabase;
beforeAll(async () => {
  alone = await createTestDatabase();
  batched = await createTestDatabase();
});
afterAll(async () => {
  await alone[Symbol.asyncDispose]();
  await batched[Symbol.asyncDispose]();
});

interface Sent {
  id: string;
  endpoint: string;
  body: string;
}

function sentBy({ events, sent }: History, { reportIds, prefix }: Names): (Sent & { ends: boolean })[] {
  return sent.map(({ event: number, changed, ends }) => {
    const { report, stage, status, day, hasRequest, job, text, final } = events[number] ?? fail();
    const data = {
      job_id: `${prefix}_job_${job}`,
      // One of them is not there.
      report_id: reportIds[report],
      report_type: TYPES[report],
      research_status: status,
      ...(hasRequest && { requested_at: day }),
      ...(status === 'completed'
        ? {
            research_report: changed ? `${text}, changed` : text,
            research_metadata: { model: text, pages: 1 },
            ...(final && { final_data: { pages: number } }),
          }
        : { error: text }),
    };
    const body = JSON.stringify({ type: `report.${stage}.${status}`, timestamp: day, data });
    return { id: `${prefix}_${number}`, endpoint: `${stage}-report`, body, ends };
  });
}

async function requestJobs(
  sql: postgres.Sql,
  { events }: History,
  { reportIds, prefix, userId }: Names,
): Promise<void> {
  for (const { isKnown, job, report, stage } of events) {
    if (!isKnown || report === REPORTS) continue;
    await sql`
      insert into private.job_runs (job_id, report_type, report_id, user_id, stage, status, created_at, caller, generate)
      values (${`${prefix}_job_${job}`}, ${TYPES[report] ?? fail()}, ${reportIds[report] ?? fail()}, ${userId}, ${stage}, 'queued', ${DAYS[0]}, 'pipeline', false)
      on conflict do nothing`;
  }
}

type Answers = { outcome: string; timestamp?: string; outward?: string }[];

async function sendAlone(
  sql: postgres.Sql,
  { id, endpoint, body }: Sent,
  sender: string | null,
): Promise<Answers> {
  const [row] = await sql<{ answer: Answers[number] }[]>`
    select public.apply_report_event(
      p_event_id => ${id}, p_body => ${body}, p_endpoint_id => ${endpoint}, p_sender => ${sender}, p_body_sha256 => 'sha',
      p_body_bytes => 3, p_cap_per_minute => 1000000) as answer`.catch((error: unknown) => {
    // Safe: the cause is an error of the database, whose detail says what the endpoint answers.
    const { code, detail = '' } = error as postgres.PostgresError;
    if (code !== 'PT429') throw error;
    return [{ answer: JSON.parse(detail) as Answers[number] }];
  });
  return [row?.answer ?? fail()];
}

async function sendBatch(sql: postgres.Sql, batch: Sent[], sender: string | null): Promise<Answers> {
  const events = batch.map(({ id, endpoint, body }) => ({
    body,
    record: {
      endpoint: 'batch',
      endpoint_id: endpoint,
      event_id: id,
      method: 'POST',
      body_sha256: 'sha',
      body_bytes: 3,
      elapsed_ms: 0,
    },
  }));
  const [row] = await sql<
    { done: { answers: Answers; failure: string | null; set_failure: string | null } }[]
  >`
    select public.apply_report_events(${sql.json(events)}, ${sender}, 1000000) as done`;
  expect(row?.done).toMatchObject({ failure: null, set_failure: null });
  return row?.done.answers ?? fail();
}

async function rowsOf(sql: postgres.Sql, { reportIds, prefix }: Names): Promise<unknown> {
  const [row] = await sql`
    select jsonb_build_object(
      'reports', (
        select jsonb_agg(report order by report ->> 'id') from (
          select to_jsonb(org) as report from public.org_reports org where id = any (${reportIds})
          union all select to_jsonb(greeting) from public.greeting_reports greeting where id = any (${reportIds})
          union all select to_jsonb(requirement) from public.requirement_reports requirement where id = any (${reportIds})) all_types),
      'events', (
        select jsonb_agg(
          to_jsonb(event) - '{applied_xid,trace_id}'::text[] || jsonb_build_object('content', (
            select to_jsonb(content) from private.report_contents content where event_id = event.id))
          order by report_id, position)
        from public.report_events event where report_id = any (${reportIds})),
      'jobs', (
        select jsonb_agg(to_jsonb(job) - 'trace_id' order by job_id) from private.job_runs job where starts_with(job_id, ${prefix})),
      'deliveries', (
        select jsonb_agg(to_jsonb(delivery) - '{id,created_xid}'::text[] order by event_id, position nulls first)
        from public.webhook_deliveries delivery where report_id = any (${reportIds})),
      'notifications', (
        select jsonb_agg(to_jsonb(notification) - 'id' order by event_id)
        from public.report_notifications notification where report_id = any (${reportIds})),
      'audit', (
        select jsonb_agg(said order by said)
        from public.webhook_audit audit, lateral (
          select to_jsonb(audit) - '{id,trace_id,duration_ms,delivery_id,created_at}'::text[]
            #- '{response_body,timestamp}' #- '{request_payload,endpoint}' as said) told
        where starts_with(event_id, ${prefix})),
      'tokens', (
        select jsonb_agg(jsonb_build_array(kind, split_part(key, ':', 1)) order by kind, key) from private.rate_buckets
        where split_part(key, ':', 2) = any (${reportIds}))) as rows`;
  return row?.['rows'];
}

function normalised(value: unknown): unknown {
  const ids = new Map<string, string>();
  const written = JSON.stringify(value)
    .replaceAll(/\bdel_[0-9a-f]{32}\b/g, (id) => {
      if (!ids.has(id)) ids.set(id, `delivery ${ids.size + 1}`);
      return ids.get(id) ?? '';
    })
    .replaceAll(/\bep-[0-9a-f]{16}\b/g, 'subscriber')
    .replaceAll(/"(?!2020|2999)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^"]*"/g, '"time"')
    .replaceAll(/"retry_after_seconds": ?\d+/g, '"retry_after_seconds":1');
  return JSON.parse(written);
}

function fail(): never {
  throw new Error('a history names only what it has');
}

describe('any events', () => {
  it('end in the same rows and answers, sent alone or in batches', async () => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(history, async (played) => {
        const names = {
          reportIds: Array.from({ length: REPORTS + 1 }, () => randomUUID()),
          userId: randomUUID(),
          prefix: `b${randomUUID().slice(0, 8)}`,
        };
        const sent = sentBy(played, names);
        const sender = played.limited ? names.prefix : null;
        const ends = [];
        for (const [database, isBatched] of [
          [alone, false],
          [batched, true],
        ] as const) {
          const { sql } = database;
          await sql`update private.rate_limits set burst = ${played.burst} where kind = 'report'`;
          await sql`insert into auth.users (id, email) values (${names.userId}, ${`${names.userId}@example.com`})`;
          for (const [index, id] of names.reportIds.slice(0, REPORTS).entries()) {
            const table = sql(`public.${TYPES[index] ?? fail()}_reports`);
            await sql`insert into ${table} (id, user_id) values (${id}, ${names.userId})`;
          }
          await requestJobs(sql, played, names);
          const subscribers = subscriberClient(sql);
          const subscriber = played.subscribed ? await subscribers.active() : undefined;
          const answers: Answers = [];
          for (let from = 0; from < sent.length;) {
            const last = isBatched ? sent.findIndex(({ ends }, index) => index >= from && ends) : from;
            const to = last < 0 ? sent.length : last + 1;
            const batch = sent.slice(from, to);
            const [first] = batch;
            answers.push(
              ...(isBatched
                ? await sendBatch(sql, batch, sender)
                : await sendAlone(sql, first ?? fail(), sender)),
            );
            from = to;
          }
          for (const { outcome } of answers) outcomes.add(outcome);
          ends.push(normalised({ answers, rows: await rowsOf(sql, names) }));
          if (subscriber) await subscribers.move(subscriber.endpointId, 'removed');
        }
        expect(ends[1]).toEqual(ends[0]);
      }),
      { numRuns: 120 },
    );
    // The histories are of all kinds.
    expect([...outcomes]).toEqual(
      expect.arrayContaining([
        'applied',
        'duplicate',
        'superseded',
        'event_conflict',
        'job_conflict',
        'report_not_found',
        'job_mismatch',
        'requested_in_future',
        'rate_limited',
      ]),
    );
  }, 300_000);
});
