import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { storeClient, type Held, type Outcome } from '../../support/store.ts';
import { subscriberClient } from '../../support/subscribers.ts';

// Usual events are applied by apply_at_once(), all others step by step. The second database applies everything step by step;
// the same history must end there with the same rows.

const TYPES = ['greeting', 'org', 'requirement'] as const;
const STAGES = ['prelim', 'final'] as const;
const JOBS = 2;
const EVENTS = 4;
/** None of them is the time of a test: what says another year is replaced before the databases are compared. */
const DAYS = ['2020-01-01T00:00:00.000Z', '2020-01-02T00:00:00.000Z', '2999-01-01T00:00:00.000Z'];
/** Times count to the millisecond: these are equal to the first day or a millisecond later, and the ids decide. */
const WITHIN_A_MILLISECOND = ['2020-01-01T00:00:00.000400Z', '2020-01-01T00:00:00.000600Z'];

const stage = fc.constantFrom(...STAGES);
const status = fc.constantFrom('completed', 'completed', 'completed', 'failed');
const job = fc.nat(JOBS - 1);
const text = fc.constantFrom('one', 'two', 'three');

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('webhook'), event: fc.nat(EVENTS - 1), changed: often(false) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('request'),
      job,
      stage,
      caller: fc.constantFrom('pipeline', 'owner'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('complete'), job, status, text }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('arrive'), job }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('record'),
      job,
      result: fc.constantFrom('delivered', 'failed', 'unknown'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('direct'), event: fc.nat(EVENTS - 1), job }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel'), job }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('platform'), text, stage }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('owner'), text }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget'), event: fc.nat(EVENTS - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('circuit'), stage, open: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete'), really: often(false) }) },
);
const event = fc.record({
  stage,
  status,
  day: fc.constantFrom(...DAYS, ...DAYS.slice(0, 2), ...WITHIN_A_MILLISECOND),
  /** Else the body names no time of a request, and the event's own counts. */
  hasRequest: often(true),
  /** Of a job that may be known, or of one that nobody here knows. */
  job: fc.option(job),
  text,
  final: fc.boolean(),
});
const history = fc.record({
  type: fc.constantFrom(...TYPES),
  subscribed: fc.boolean(),
  limited: fc.boolean(),
  events: fc.array(event, { minLength: EVENTS, maxLength: EVENTS }),
  steps: fc.array(step, { minLength: 4, maxLength: 16 }),
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;
type Step = History['steps'][number];

function often(value: boolean) {
  return fc.constantFrom(value, value, value, !value);
}

interface Names {
  reportId: string;
  userId: string;
  /** Begins every id that a history gives. */
  prefix: string;
}

let atOnce: TestDatabase;
let byStep: TestDatabase;
beforeAll(async () => {
  atOnce = await createTestDatabase();
  byStep = await createTestDatabase();
  await byStep.sql.unsafe(`
    create or replace function private.apply_at_once(
      p_event_id text, p_result private.incoming_result, p_known public.report_events, p_owner uuid, p_winner_id text,
      p_channel text, out event public.report_events, out outcome text)
    language plpgsql as 'begin return; end'`);
});
afterAll(async () => {
  await atOnce[Symbol.asyncDispose]();
  await byStep[Symbol.asyncDispose]();
});

function body({ type, events }: History, { reportId, prefix }: Names, number: number, changed: boolean) {
  const { stage, status, day, hasRequest, job, text, final } = events[number] ?? fail();
  return {
    type: `report.${stage}.${status}`,
    timestamp: day,
    data: {
      job_id: job === null ? `${prefix}_elsewhere_${number}` : `${prefix}_job_${job}`,
      report_id: reportId,
      report_type: type,
      research_status: status,
      ...(hasRequest && { requested_at: day }),
      ...(status === 'completed'
        ? {
            research_report: changed ? `${text}, changed` : text,
            research_metadata: { model: text },
            ...(final && { final_data: { pages: number } }),
          }
        : { error: text }),
    },
  };
}

/** @returns what every step was answered */
async function play(sql: postgres.Sql, played: History, names: Names): Promise<unknown[]> {
  const store = storeClient(sql);
  const { reportId, userId, prefix } = names;
  const table = sql(`public.${played.type}_reports`);
  const held: (Held | undefined)[] = [];
  /**
   * Jobs that were not there when an event named them, since a request may be refused: the id of a job is random, so that it is
   * not requested after that.
   */
  const named = new Set<number>();
  const write = (role: string, change: postgres.JSONValue & object) =>
    sql.begin(async (own) => {
      const claims = JSON.stringify({ role, ...(role === 'authenticated' && { sub: userId }) });
      await own`select set_config('request.jwt.claims', ${claims}, true), set_config('role', ${role}, true)`;
      const { count } =
        await own`update ${own(`public.${played.type}_reports`)} set ${own(change)} where id = ${reportId}`;
      return count;
    });
  async function take(one: Step): Promise<unknown> {
    switch (one.do) {
      case 'webhook': {
        const { stage, job } = played.events[one.event] ?? fail();
        if (job !== null) {
          const [known] = await sql`select from private.job_runs where job_id = ${`${prefix}_job_${job}`}`;
          if (!known) named.add(job);
        }
        const sent = JSON.stringify(body(played, names, one.event, one.changed));
        const [row] = await sql`
          select public.apply_report_event(
            p_event_id => ${`${prefix}_${one.event}`}, p_body => ${sent}, p_endpoint_id => ${`${stage}-report`},
            p_sender => ${played.limited ? prefix : null}, p_body_sha256 => 'sha', p_body_bytes => 3) as answer`;
        return row?.['answer'];
      }
      case 'request': {
        if (named.has(one.job)) return undefined;
        const caller = one.caller === 'owner' ? userId : 'pipeline';
        const change = { job_id: `${prefix}_job_${one.job}`, report_type: played.type, stage: one.stage };
        return (await store.request(reportId, change, null, caller)).outcome;
      }
      case 'complete': {
        const isFailed = one.status === 'failed';
        const [row] = await sql<{ answer: Outcome & { delivery?: Held } }[]>`
          select public.complete_report_job(
            p_job_id => ${`${prefix}_job_${one.job}`}, p_status => ${one.status}, p_delivery_lease_seconds => 30,
            p_research_report => ${isFailed ? null : one.text}, p_error => ${isFailed ? one.text : null}) as answer`;
        held[one.job] = row?.answer.delivery ?? held[one.job];
        return row?.answer.outcome;
      }
      case 'arrive': {
        const delivery = held[one.job];
        return delivery && store.send(delivery, `${stageOf(delivery)}-report`);
      }
      case 'record': {
        const delivery = held[one.job];
        return delivery && store.record(delivery, one.result);
      }
      case 'direct':
        return store.apply(held[one.job]?.event_id ?? `${prefix}_${one.event}`);
      case 'cancel':
        await sql`select public.cancel_report_job(${`${prefix}_job_${one.job}`}, 'pipeline')`;
        return undefined;
      case 'platform':
        return write('service_role', {
          research_report: `platform: ${one.text}`,
          research_metadata: { processing_stage: one.stage },
        });
      case 'owner':
        return write('authenticated', { research_report: `owner: ${one.text}` });
      case 'forget': {
        const [row] = await sql`
          select private.forget_event(id) as answer from public.report_events where id = ${`${prefix}_${one.event}`}`;
        return row?.['answer'];
      }
      case 'circuit':
        await sql`
          update public.webhook_circuits
          set opened_at = ${one.open ? sql`now()` : null}, probe_after = ${one.open ? sql`now() + interval '1 hour'` : null}
          where endpoint_id = ${`${one.stage}-report`}`;
        return undefined;
      case 'delete':
        if (one.really) await sql`delete from ${table} where id = ${reportId}`;
        return undefined;
      default:
        throw new Error(`no step ${JSON.stringify(one)}`);
    }
  }
  await sql`update public.webhook_circuits set opened_at = null, probe_after = null where endpoint_id like '%-report'`;
  const answers = [];
  for (const one of played.steps) {
    answers.push(
      await take(one).catch((error: unknown) => {
        if (error instanceof postgres.PostgresError) return `${error.code}: ${error.message}`;
        throw error;
      }),
    );
    // Times of requests count to the millisecond: no two of them are the same, in neither database.
    await sql`select pg_sleep(0.002)`;
  }
  return answers;
}

function stageOf({ body }: Held): string {
  // Safe: it is an envelope of ours.
  return (JSON.parse(body) as { type: string }).type.split('.')[1] ?? fail();
}

/** All that a history has left of its report, row by row. */
async function rowsOf(sql: postgres.Sql, { type }: History, { reportId, prefix }: Names): Promise<unknown> {
  const [row] = await sql`
    select jsonb_build_object(
      'report', (select to_jsonb(report) from ${sql(`public.${type}_reports`)} report where id = ${reportId}),
      'events', (
        select jsonb_agg(
          to_jsonb(event) - '{applied_xid,trace_id,digest}'::text[] || jsonb_build_object(
            'digest', case when erased_at is null then digest end, 'content', (
              select to_jsonb(content) from private.report_contents content where event_id = event.id))
          order by position, event.created_at, event.id)
        from public.report_events event where report_id = ${reportId}),
      'jobs', (
        select jsonb_agg(to_jsonb(job) - 'trace_id' order by job_id) from private.job_runs job where report_id = ${reportId}),
      'shown jobs', (
        select jsonb_agg(to_jsonb(job) - 'id' order by job_id) from public.report_jobs job where starts_with(job_id, ${prefix})),
      'deliveries', (
        select jsonb_agg(to_jsonb(delivery) - '{id,created_xid}'::text[] order by id)
        from public.webhook_deliveries delivery where report_id = ${reportId}),
      'notifications', (
        select jsonb_agg(to_jsonb(notification) - 'id' order by id)
        from public.report_notifications notification where report_id = ${reportId}),
      'audit', (
        select jsonb_agg(
          to_jsonb(audit) - '{id,trace_id,duration_ms,delivery_id}'::text[]
          order by audit.created_at, outcome, direction, attempt_number)
        from public.webhook_audit audit where report_id = ${reportId} or starts_with(event_id, ${prefix})),
      'tokens', (
        select jsonb_agg(jsonb_build_array(kind, key) order by kind, key) from private.rate_buckets
        where key in (${prefix}, ${`${type}:${reportId}`}))) as rows`;
  return row?.['rows'];
}

/** Ids that the database makes become the first, the second, …, and its times one word. */
function normalised(value: unknown): unknown {
  const ids = new Map<string, string>();
  const written = JSON.stringify(value)
    .replaceAll(/\b(?:evt|own|plt|del)_[0-9a-f]{32}\b/g, (id) => {
      if (!ids.has(id)) ids.set(id, `${id.slice(0, 3)} ${ids.size + 1}`);
      return ids.get(id) ?? '';
    })
    .replaceAll(/\bep-[0-9a-f]{16}\b/g, 'subscriber')
    .replaceAll(/"(?!2020|2999)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^"]*"/g, '"time"');
  return JSON.parse(written);
}

function fail(): never {
  throw new Error('a history names only what it has');
}

describe('any history of events', () => {
  it('ends in the same rows and answers, applied at once or step by step', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (played) => {
        const names = {
          reportId: randomUUID(),
          userId: randomUUID(),
          prefix: `h${randomUUID().slice(0, 8)}`,
        };
        const ends = [];
        for (const { sql } of [atOnce, byStep]) {
          await sql`insert into auth.users (id, email) values (${names.userId}, ${`${names.userId}@example.com`})`;
          await sql`
            insert into ${sql(`public.${played.type}_reports`)} (id, user_id) values (${names.reportId}, ${names.userId})`;
          const subscribers = subscriberClient(sql);
          const subscriber = played.subscribed ? await subscribers.active() : undefined;
          const answers = await play(sql, played, names);
          ends.push(normalised({ answers, rows: await rowsOf(sql, played, names) }));
          if (subscriber) await subscribers.move(subscriber.endpointId, 'removed');
        }
        expect(ends[0]).toEqual(ends[1]);
      }),
      { numRuns: 150 },
    );
  }, 300_000);
});

describe('a new completed event', () => {
  it('writes the row of its report once', async () => {
    const { reportId } = await createReport(atOnce.sql);
    const written = await atOnce.sql.begin(async (sql) => {
      const updates = async () => {
        const [row] = await sql<{ updates: number }[]>`
          select n_tup_upd::int as updates from pg_stat_xact_user_tables where relid = 'public.org_reports'::regclass`;
        return row?.updates ?? fail();
      };
      const before = await updates();
      const requested = DAYS[0] ?? fail();
      const data = {
        job_id: randomUUID(),
        report_id: reportId,
        report_type: 'org',
        research_status: 'completed',
        requested_at: requested,
        research_report: 'text',
      };
      const { outcome } = await storeClient(sql).apply(
        `evt_${randomUUID()}`,
        { type: 'report.final.completed', timestamp: requested, data },
        'final-report',
      );
      return [outcome, (await updates()) - before];
    });
    expect(written).toEqual(['applied', 1]);
  });
});
