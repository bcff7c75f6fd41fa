import { randomUUID } from 'node:crypto';
import postgres, { type JSONValue } from 'postgres';
import type { DatabaseClient } from '../../src/services/database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import { getIdentity } from '../../src/services/identity.ts';
import {
  listNotifications,
  markNotificationRead,
  markNotificationsRead,
} from '../../src/services/notifications.ts';
import {
  createReportWithWebhookTracking,
  getReportWebhookStatus,
} from '../../src/services/polarisReportsService.ts';
import { cancelReportJob, listReportJobs, startReportJob } from '../../src/services/report-jobs.ts';
import { getReport, getReportResults, listReports } from '../../src/services/reports.ts';
import { allRows, consoleClient, dataOf, errorOf } from '../support/console.ts';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { confirmed, jobClient } from '../support/jobs.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let account: Account;
let owner: DatabaseClient;
let other: DatabaseClient;
let operator: DatabaseClient;
let stranger: DatabaseClient;
let options: { baseUrl: string };
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts', 'api/webhooks/final-report.ts'],
  });
  options = { baseUrl: system.functions.url };
  account = await system.createUser();
  owner = await consoleClient(system, account);
  other = await consoleClient(system, await system.createUser());
  operator = await consoleClient(system, await system.createOperator());
  stranger = await consoleClient(system);
});
afterAll(() => system.stop());

const HOSTILE = '<script>alert(1)</script> \u202Egnp.exe <img src=x onerror=alert(2)> '.padEnd(3000, 'x');
const org = { report_type: 'org', user_data: { organisation_name: 'Ørsted', industry: 'Energy' } } as const;
const refOf = ({ id }: { id: string }) => ({ report_type: 'org' as const, report_id: id });

describe('who is signed in', () => {
  it('is told apart: owner, operator, nobody', async () => {
    expect(await dataOf(getIdentity(owner))).toEqual({
      id: account.id,
      email: account.email,
      operator: false,
    });
    expect(await dataOf(getIdentity(operator))).toMatchObject({ operator: true });
    expect(await errorOf(getIdentity(stranger))).toMatchObject({ code: 'unauthorized' });
  });
});

describe('createReportWithWebhookTracking', () => {
  it.each([
    org,
    {
      report_type: 'greeting',
      user_data: { full_name: 'Ana', job_title: 'Nurse', organisation_name: 'Ward' },
    },
    {
      report_type: 'requirement',
      user_data: { requirement_title: 'Lockout', organisation_name: 'Mill', business_need: 'Safety' },
    },
  ] as const)('adds a $report_type report of the signed-in person, without content', async (report) => {
    const created = await dataOf(createReportWithWebhookTracking(owner, report));
    expect(created).toMatchObject({
      user_id: account.id,
      user_data: report.user_data,
      research_report: null,
      stage: null,
      research_status: 'pending',
      webhook_status: 'pending',
      webhook_attempts: 0,
      winner_event_id: null,
    });
  });

  it('records a finished text as an event of channel owner, at its stage', async () => {
    for (const stage of [undefined, 'prelim', 'final'] as const) {
      const created = await dataOf(
        createReportWithWebhookTracking(owner, {
          ...org,
          research_report: HOSTILE,
          ...(stage && { stage }),
        }),
      );
      expect(created).toMatchObject({
        research_report: HOSTILE,
        stage: stage ?? 'prelim',
        research_status: 'completed',
      });
      const events = await system.sql`
        select id, type, channel, effect, stage, research_report from public.report_events
        join private.report_contents on event_id = id
        where report_id = ${created.id}`;
      expect([...events]).toEqual([
        {
          id: created.winner_event_id,
          type: 'report.owner.edited',
          channel: 'owner',
          effect: 'applied',
          stage: stage ?? 'prelim',
          research_report: HOSTILE,
        },
      ]);
    }
  });

  it('takes a summary', async () => {
    const summary_id = randomUUID();
    await system.sql`
      insert into public.polaris_summaries (id, user_id, summary_content) values (${summary_id}, ${account.id}, 's')`;
    expect(await dataOf(createReportWithWebhookTracking(owner, { ...org, summary_id }))).toMatchObject({
      summary_id,
    });
  });

  it('refuses a stage without a text, unknown members, and what does not fit the type', async () => {
    const create = (report: object) =>
      // Not of the type that it should have: that is the point.
      errorOf(createReportWithWebhookTracking(owner, report as typeof org));
    expect(await create({ ...org, stage: 'final' })).toMatchObject({
      code: 'invalid_input',
      issues: [{ path: 'stage', message: 'only a finished text has a stage' }],
    });
    expect(await create({ ...org, user_data: { industry: 'Energy' } })).toMatchObject({
      code: 'invalid_input',
      issues: [{ path: 'user_data.organisation_name' }],
    });
    expect(await create({ ...org, webhook_status: 'success' })).toMatchObject({ code: 'invalid_input' });
    expect(await create({ ...org, research_report: ' \n' })).toMatchObject({ code: 'invalid_input' });
    expect(await create({ ...org, report_type: 'fourth' })).toMatchObject({ code: 'invalid_input' });
  });

  it('refuses nobody, and a summary that does not exist', async () => {
    expect(await errorOf(createReportWithWebhookTracking(stranger, org))).toMatchObject({
      code: 'unauthorized',
    });
    const { error } = await createReportWithWebhookTracking(owner, { ...org, summary_id: randomUUID() });
    expect(error).not.toBeNull();
  });
});

describe('a report', () => {
  it('is its owner’s and the operators’, and nobody else’s', async () => {
    const created = await dataOf(
      createReportWithWebhookTracking(owner, { ...org, research_report: HOSTILE }),
    );
    const ref = refOf(created);
    for (const client of [owner, operator]) {
      expect(await dataOf(getReport(client, ref))).toEqual(created);
      expect(await dataOf(getReportWebhookStatus(client, ref))).toMatchObject({
        ...ref,
        research_status: 'completed',
        stage: 'prelim',
        winner_event_id: created.winner_event_id,
        webhook_status: 'pending',
        delivery: null,
      });
    }
    expect(await errorOf(getReport(other, ref))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getReportWebhookStatus(other, ref))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getReport(stranger, ref))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getReportWebhookStatus(stranger, ref))).toMatchObject({ code: '42501' });
    const wrong = { ...ref, report_id: "x' or true" };
    expect(await errorOf(getReport(owner, wrong))).toMatchObject({ code: 'invalid_input' });
    expect(await errorOf(getReportWebhookStatus(owner, wrong))).toMatchObject({ code: 'invalid_input' });
  });

  it('is listed for its owner once, page by page, also where times are equal', async () => {
    const person = await system.createUser();
    const client = await consoleClient(system, person);
    const at = new Date('2026-01-01T00:00:00.123Z');
    const expected: string[] = [];
    for (const type of ['org', 'greeting', 'requirement'] as const) {
      for (let count = 0; count < 5; count += 1) {
        const { reportId } = await system.createReport({
          type,
          userId: person.id,
          userData: { full_name: '<b>Ana</b>' },
        });
        await system.sql`
          update ${system.sql(`public.${type}_reports`)} set created_at = ${at} where id = ${reportId}`;
        expected.push(reportId);
      }
    }
    const rows = await allRows((cursor) => listReports(client, { limit: 4, cursor }));
    expect(rows.map(({ id }) => id).sort()).toEqual(expected.sort());
    expect(rows[0]).toMatchObject({ title: '<b>Ana</b>', user_id: person.id });
    const greetings = await dataOf(listReports(client, { report_type: 'greeting' }));
    expect(greetings.rows.map(({ report_type }) => report_type)).toEqual(Array(5).fill('greeting'));
    expect(await dataOf(listReports(other))).toEqual({ rows: [], next: null });
    expect((await dataOf(listReports(other, { scope: 'all' }))).rows).toEqual([]);
    const seen = await allRows((cursor) => listReports(operator, { scope: 'all', limit: 200, cursor }));
    expect(seen.map(({ id }) => id)).toEqual(expect.arrayContaining(expected));
    expect(await errorOf(listReports(stranger))).toMatchObject({ code: '42501' });
    expect(await errorOf(listReports(owner, { limit: 0 }))).toMatchObject({ code: 'invalid_input' });
    const badCursor = { at: 'yesterday', id: 'x' };
    expect(await errorOf(listReports(owner, { cursor: badCursor }))).toMatchObject({ code: 'invalid_input' });
  });
});

it('lists a report under the first member that may name it, else under its first text', async () => {
  const long = 'x'.repeat(400);
  const cases: [JSONValue, string | null][] = [
    [{ full_name: 'Ana', organisation_name: 'Ward' }, 'Ana'],
    [{ requirement_title: 'Lockout', organisation_name: 'Mill' }, 'Lockout'],
    [{ organisation_name: 'Ørsted', industry: 'Energy' }, 'Ørsted'],
    [{ title: 'Skills', organisation_name: 'Ørsted' }, 'Skills'],
    [{ name: 'Harbour', about: 'Cranes' }, 'Harbour'],
    [{ size: 3, on: ['no'], blank: ' \n', topic: 'Cranes' }, 'Cranes'],
    [{ topic: long }, long.slice(0, 300)],
    [{ size: 3, on: { topic: 'Cranes' } }, null],
    // Owners may write any JSON: one row of it must not fail the list.
    [['Ana'], null],
    ['Ana', null],
  ];
  const person = await system.createUser();
  const expected: Record<string, string | null> = {};
  for (const [userData, title] of cases) {
    const { reportId } = await system.createReport({ userId: person.id, userData });
    expected[reportId] = title;
  }
  const { rows } = await dataOf(listReports(await consoleClient(system, person)));
  expect(Object.fromEntries(rows.map((row) => [row.id, row.title]))).toEqual(expected);
});

describe('a job', () => {
  it('is started, watched, and its results compared, by the owner as by an operator', async () => {
    const created = await dataOf(createReportWithWebhookTracking(owner, org));
    const report = refOf(created);
    const request = { ...report, prompt: 'What does the team need?' };
    const texts: (string | null)[] = [];
    for (const stage of ['prelim', 'final'] as const) {
      const started = await dataOf(startReportJob(owner, { ...request, stage }, `key-${stage}`, options));
      const again = await dataOf(startReportJob(owner, { ...request, stage }, `key-${stage}`, options));
      expect(again.job_id).toBe(started.job_id);
      const job = await jobClient(system).until(started.job_id, confirmed);
      expect(job).toMatchObject({ status: 'succeeded', percent: 100, webhook: { status: 'success' } });
      texts.push(job.result);
    }
    for (const client of [owner, operator]) {
      const results = await dataOf(getReportResults(client, report, options));
      expect(results.map((result) => [result.stage, result.research_report])).toEqual([
        ['prelim', texts[0]],
        ['final', texts[1]],
      ]);
    }
    expect(await errorOf(getReportResults(other, report, options))).toMatchObject({ code: 'not_found' });
    expect(await errorOf(getReportResults(stranger, report, options))).toMatchObject({ code: '42501' });
    const status = await dataOf(getReportWebhookStatus(owner, report));
    expect(status).toMatchObject({ webhook_status: 'success', stage: 'final', delivery: null });
    expect((await dataOf(getReportWebhookStatus(operator, report))).delivery).toMatchObject({
      event_id: status.winner_event_id,
      status: 'success',
      attempts: 1,
      error: null,
    });
    const jobs = await allRows((cursor) => listReportJobs(owner, { report, limit: 1, cursor }));
    expect(jobs.map(({ stage }) => stage)).toEqual(['final', 'prelim']);
    const seen = await dataOf(listReportJobs(operator, { scope: 'all', report }));
    expect(seen.rows).toEqual(jobs);
    expect((await dataOf(listReportJobs(other, { scope: 'all', report }))).rows).toEqual([]);
    expect(await errorOf(listReportJobs(stranger))).toMatchObject({ code: '42501' });

    const refused = await errorOf(startReportJob(owner, request, 'key-late', options));
    expect(refused).toMatchObject({ code: 'final_exists', status: 409 });
    expect(
      await errorOf(startReportJob(owner, { ...request, stage: 'final' }, 'key-prelim', options)),
    ).toEqual(expect.objectContaining({ code: 'idempotency_conflict' }));

    const { rows } = await dataOf(listNotifications(owner));
    expect(rows).toMatchObject([
      { ...report, event_id: status.winner_event_id, read_at: null, title: org.user_data.organisation_name },
    ]);
    const [told] = rows;
    if (!told) throw new Error('nothing was told');
    expect(await dataOf(listNotifications(other))).toEqual({ rows: [], next: null, unread: 0 });
    expect(await dataOf(markNotificationsRead(other))).toEqual([]);
    expect((await dataOf(listNotifications(owner))).unread).toBe(1);
    expect(await errorOf(markNotificationRead(other, told.id))).toMatchObject({ code: 'not_found' });
    const read = await dataOf(markNotificationRead(owner, told.id));
    expect(Date.parse(read.read_at ?? '')).toBeGreaterThanOrEqual(Date.parse(told.created_at));
    expect(await errorOf(markNotificationRead(owner, told.id))).toMatchObject({ code: 'not_found' });
    expect((await dataOf(listNotifications(owner, { unread: true }))).rows).toEqual([]);
    expect(await errorOf(listNotifications(stranger))).toMatchObject({ code: '42501' });
  });

  it('is cancelled by its owner, not by another user, and its result is read by its owner alone', async () => {
    const { id } = await dataOf(createReportWithWebhookTracking(owner, org));
    const request = { ...refOf({ id }), prompt: 'p', generate: false };
    const { job_id } = await dataOf(startReportJob(owner, request, 'key-cancel', options));
    expect(await errorOf(cancelReportJob(other, job_id, options))).toMatchObject({ code: 'job_not_found' });
    expect(await dataOf(cancelReportJob(owner, job_id, options))).toMatchObject({ status: 'cancelled' });
  });

  it('is refused for another’s report, to nobody, and with bad input', async () => {
    const { id } = await dataOf(createReportWithWebhookTracking(owner, org));
    const request = { ...refOf({ id }), prompt: 'p' };
    expect(await errorOf(startReportJob(other, request, 'key', options))).toMatchObject({
      code: 'report_not_found',
      status: 404,
    });
    expect(await errorOf(startReportJob(stranger, request, 'key', options))).toMatchObject({
      code: 'unauthorized',
    });
    expect(await errorOf(startReportJob(owner, { ...request, prompt: '' }, 'key', options))).toMatchObject({
      code: 'invalid_input',
      issues: [{ path: 'prompt' }],
    });
    expect(await errorOf(startReportJob(owner, request, 'two words', options))).toMatchObject({
      code: 'invalid_input',
    });
    expect(await errorOf(cancelReportJob(owner, '', options))).toMatchObject({ code: 'invalid_input' });
  });

  it('says so when the service cannot be reached, or does not answer as it should', async () => {
    const gone = { baseUrl: 'http://127.0.0.1:9' };
    expect(await errorOf(cancelReportJob(owner, 'job', gone))).toMatchObject({ code: 'unreachable' });
    const elsewhere = { baseUrl: `${system.supabase.url}/nothing` };
    expect(await errorOf(cancelReportJob(owner, 'job', elsewhere))).toMatchObject({
      code: 'unexpected_answer',
    });
    const aborted = { signal: AbortSignal.abort() };
    expect(await errorOf(listReports(owner, {}, aborted))).toMatchObject({
      code: expect.any(String) as string,
    });
  });
});

it.each<[string, object]>([
  ['a time without end', { created_at: 'infinity' }],
  ['a time before all others', { created_at: '-infinity', updated_at: '-infinity' }],
  ['a time after the year 9999', { created_at: '12000-01-01T00:00:00Z' }],
  ['a time before Christ', { created_at: '0044-03-15 00:00:00+00 BC' }],
  ['a list for its intake', { user_data: ['a', { name: 'b' }] }],
  ['a number for its intake', { user_data: 7 }],
  ['a list for its metadata', { research_metadata: [1] }],
  ['attempts below zero', { webhook_attempts: -3 }],
  ['a last attempt without end', { webhook_last_attempt: 'infinity' }],
  ['a title of two megabytes', { user_data: { name: 'x'.repeat(2_000_000) } }],
])('a report with %s is one odd row of the list, and opens', async (_name, change) => {
  const person = await system.createUser();
  const client = await consoleClient(system, person);
  const made: string[] = [];
  for (const odd of [false, true, false]) {
    const [row] = await system.sql`
      insert into public.org_reports (user_id, user_data) values (${person.id}, '{"organisation_name": "Sound"}') returning id`;
    made.push(String(row?.['id']));
    if (!odd) continue;
    // As a row from before the guards: neither owners nor servers can write these today.
    await asBefore(String(row?.['id']), change);
  }
  const { rows } = await dataOf(listReports(client, { limit: 200 }));
  expect(rows.map(({ id }) => id).sort()).toEqual([...made].sort());
  expect(JSON.stringify(rows).length).toBeLessThan(3_000);
  expect((await allRows((cursor) => listReports(client, { limit: 1, cursor }))).length).toBe(3);
  expect((await dataOf(listReports(operator, { scope: 'all', limit: 200 }))).rows.length).toBeGreaterThan(2);
  for (const id of made) expect((await dataOf(getReport(client, refOf({ id })))).id).toBe(id);
  await dataOf(getReportWebhookStatus(client, refOf({ id: made[1] ?? '' })));
});

async function asBefore(id: string, change: object): Promise<void> {
  const superuser = postgres(asRole(system.databaseUrl, 'supabase_admin'), {
    max: 1,
    onnotice: () => undefined,
  });
  try {
    await superuser.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      for (const column of Object.keys(change)) {
        await sql.unsafe(
          `update public.org_reports set ${column} =
             (jsonb_populate_record(null::public.org_reports, $1::text::jsonb)).${column} where id = $2`,
          [JSON.stringify(change), id],
        );
      }
    });
  } finally {
    await superuser.end();
  }
}
