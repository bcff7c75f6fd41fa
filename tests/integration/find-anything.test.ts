import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import type { AllReportsQuery } from '../../src/contracts/console-operator-reports.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { listAllReports, searchConsole } from '../../src/services/operator-reports.ts';
import { allRows, consoleClient, dataOf, errorOf } from '../support/console.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope } from '../support/webhook-client.ts';

let system: TestSystem;
let operatorAccount: Account;
let owner: Account;
let operator: DatabaseClient;
let asOwner: DatabaseClient;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  system = await startTestSystem({ functions: ['api/health.ts'] });
  operatorAccount = await system.createOperator();
  operator = await consoleClient(system, operatorAccount);
  owner = await system.createUser();
  asOwner = await consoleClient(system, owner);
  store = storeClient(system.sql);
});
afterAll(() => system.stop());

async function report(userData: Record<string, string> | string[] = {}, type: 'org' | 'greeting' = 'org') {
  const { reportId } = await system.createReport({ userId: owner.id, userData, type });
  return reportId;
}

/** As an import leaves them, in the order of their age; the last one is the newest of all reports. */
async function insertReports(names: readonly string[], status: 'pending' | 'failed') {
  const rows = await system.sql<{ id: string }[]>`
    insert into public.org_reports (user_id, user_data, research_status, created_at)
    select ${owner.id}, jsonb_build_object('organisation_name', name), ${status}, now() + interval '1 second' * n
    from unnest(${system.sql.array([...names])}::text[]) with ordinality named (name, n) order by n
    returning id`;
  return rows.map(({ id }) => id);
}

async function completed(reportId: string, text = 'text') {
  const { run } = await store.request(reportId);
  const { delivery } = await store.complete(run.job_id, run.lease_token, text);
  if (delivery === undefined) throw new Error('nothing to send');
  await store.send(delivery);
  await store.record(delivery, 'delivered', [{ status: 200, duration_ms: 5, authentic: true }]);
  return { jobId: run.job_id, eventId: delivery.event_id, deliveryId: delivery.delivery_id };
}

async function failed(reportId: string) {
  const { run } = await store.request(reportId);
  const [row] = await system.sql<{ event_id: string }[]>`
    select public.complete_report_job(
      p_job_id => ${run.job_id}, p_status => 'failed', p_delivery_lease_seconds => 30,
      p_error => 'the model gave no text') -> 'delivery' ->> 'event_id' as event_id`;
  await store.apply(row?.event_id ?? '');
  return run.job_id;
}

/** A failure of a job that nobody here knows. */
async function applyFailure(reportId: string, requestedAt = new Date()) {
  const { timestamp, data } = envelope({ reportId, requestedAt: requestedAt.toISOString() });
  const failure = { ...data, research_status: 'failed', error: 'no text', research_report: undefined };
  const body = JSON.stringify({ type: 'report.prelim.failed', timestamp, data: failure });
  await system.sql`select public.apply_report_event(${randomUUID()}, 'webhook', ${body}, 'prelim-report')`;
}

const list = (query: AllReportsQuery = {}) => dataOf(listAllReports(operator, { owner: owner.id, ...query }));
const ids = async (query: AllReportsQuery) => (await list(query)).rows.map(({ id }) => id);

describe('all reports', () => {
  it('are listed with owner, newest job and latest delivery; missing and failed ones are found', async () => {
    const untouched = await report();
    const good = await report({ organisation_name: 'Good' });
    await completed(good);
    const running = await report();
    await store.request(running);
    const broken = await report({ organisation_name: 'Broken' });
    await failed(broken);
    await failed(broken);
    // What it had stays: it is not missing, but its newest request failed.
    const worse = await report();
    await completed(worse);
    await failed(worse);
    const recovered = await report();
    await failed(recovered);
    await completed(recovered);

    expect(await ids({})).toEqual([recovered, worse, broken, running, good, untouched]);
    expect(await ids({ state: 'missing' })).toEqual([broken, running]);
    expect(await ids({ state: 'failed' })).toEqual([worse, broken]);
    expect(await ids({ state: 'failed', report_type: 'greeting' })).toEqual([]);
    const rows = new Map((await list()).rows.map((row) => [row.id, row]));
    expect(rows.get(good)).toMatchObject({
      title: 'Good',
      owner_email: owner.email,
      stage: 'prelim',
      research_status: 'completed',
      job: { state: 'succeeded' },
      delivery: { status: 'success', dead_at: null },
    });
    expect(rows.get(broken)).toMatchObject({
      stage: null,
      research_status: 'failed',
      job: { state: 'failed', error: 'the model gave no text' },
    });
    expect(rows.get(untouched)).toMatchObject({ job: null, delivery: null });
    for (const state of [undefined, 'missing', 'failed'] as const) {
      const paged = await allRows((cursor) =>
        listAllReports(operator, { owner: owner.id, state, limit: 1, cursor }),
      );
      expect(paged.map(({ id }) => id)).toEqual(await ids({ state }));
    }
  });

  it('are found as missing and failed without a job of ours', async () => {
    const [imported = ''] = await insertReports(['Imported'], 'failed');
    const refused = await report();
    await applyFailure(refused);
    // Its job succeeded, and a newer request of somebody else failed.
    const both = await report();
    await completed(both);
    await applyFailure(both, new Date(Date.now() + 60_000));
    const missing = await ids({ state: 'missing' });
    expect(missing).toEqual(expect.arrayContaining([imported, refused]));
    expect(missing).not.toContain(both);
    const all = await ids({ state: 'failed' });
    expect(all.slice(0, 3)).toEqual([both, refused, imported]);
    const paged = await allRows((cursor) =>
      listAllReports(operator, { owner: owner.id, state: 'failed', limit: 2, cursor }),
    );
    expect(paged.map(({ id }) => id)).toEqual(all);
    await system.sql`delete from public.org_reports where id in ${system.sql([imported, refused, both])}`;
  });

  it('show a hostile row as one row, and an unknown type as none', async () => {
    const odd = await report(['a', 'list']);
    await system.sql`update public.org_reports set created_at = 'infinity' where id = ${odd}`;
    expect(await ids({})).toContain(odd);
    const { data } = await operator.rpc('list_all_reports', { p_report_type: 'unknown' });
    expect(data).toEqual({ rows: [], next: null });
    await system.sql`delete from public.org_reports where id = ${odd}`;
  });

  it('are refused to owners', async () => {
    expect(await errorOf(listAllReports(asOwner))).toMatchObject({ code: '42501' });
  });
});

describe('one search', () => {
  const search = (text: string) => dataOf(searchConsole(operator, text));

  it('finds a report, its job, its event, its delivery and its owner by the beginning of an id', async () => {
    const reportId = await report({ organisation_name: 'Harbour' });
    const { jobId, eventId, deliveryId } = await completed(reportId);
    for (const text of [reportId, reportId.slice(0, 13), reportId.slice(0, 8).toUpperCase()])
      expect((await search(text)).reports.map(({ id }) => id)).toEqual([reportId]);
    for (const text of [jobId, jobId.slice(0, 14), jobId.slice(4, 16)])
      expect((await search(text)).jobs.map((job) => job.job_id)).toContain(jobId);
    for (const text of [eventId, eventId.slice(0, 16), eventId.slice(4, 20)])
      expect((await search(text)).events.map(({ id }) => id)).toEqual([eventId]);
    const padded = String(deliveryId).padStart(6, '0');
    expect((await search(padded)).deliveries).toMatchObject([{ id: String(deliveryId), event_id: eventId }]);
    expect((await search(owner.id.slice(0, 13))).owners).toEqual([{ user_id: owner.id, email: owner.email }]);
  });

  it.each([
    '%',
    '_'.repeat(5),
    "it's",
    'a\\b',
    ':* | !',
    '((',
    '--',
    '\u202e',
    '12345678901234567890',
    'ffff-',
  ])('takes %j as text, and fails at nothing', async (text) => {
    const found = await dataOf(searchConsole(operator, text.padEnd(2, 'x')));
    expect(found.reports).toEqual([]);
    expect(found.jobs).toEqual([]);
  });

  it('finds reports by beginnings of words, of a name, organisation or title', async () => {
    const ada = await report(
      { full_name: 'Ada Østergaard', organisation_name: 'Sea-Freight A/S' },
      'greeting',
    );
    const lockout = await report({ requirement_title: 'Lockout & tagout', organisation_name: 'Mill' });
    const titled = await report({ title: 'Night shift', description: 'not a name: Ada' });
    const quoted = await report({ full_name: "Fintan O'Brien" });
    const found = async (text: string) => (await search(text)).reports.map(({ id }) => id);
    expect(await found('øster')).toEqual([ada]);
    expect(await found('ADA sea-freight')).toEqual([ada]);
    expect(await found('tag lock')).toEqual([lockout]);
    expect(await found('night')).toEqual([titled]);
    expect(await found("o'brien")).toEqual([quoted]);
    expect(await found("fin o'bri")).toEqual([quoted]);
    expect(await found('ada mill')).toEqual([]);
    expect(await found('out')).toEqual([]);
  });

  it('finds the newest of many reports with a word, and an old one by its rare word beside it', async () => {
    const mill = await report({ organisation_name: 'Quarry' });
    const names = ['Zephyr Quince', ...Array.from({ length: 120 }, (_, n) => `Zephyr ${n}`)];
    const many = await insertReports(names, 'pending');
    const found = async (text: string) => (await search(text)).reports.map(({ id }) => id);
    expect(await found('zeph')).toEqual(many.slice(-6).reverse());
    expect(await found('zephyr quin')).toEqual([many[0]]);
    // The rare word alone has a report.
    expect(await found('quarry')).toEqual([mill]);
    expect(await found('zephyr quarry')).toEqual([]);
    await system.sql`delete from public.org_reports where id in ${system.sql(many)}`;
  });

  it('shows the newest report with a word that too many reports have for reading them all', async () => {
    const names = Array.from({ length: 660 }, (_, n) => (n < 600 || n === 620 ? `Plover ${n}` : 'Gannet'));
    const many = await insertReports(names, 'pending');
    const { reports } = await search('plover');
    expect(reports).toHaveLength(6);
    expect(reports[0]?.id).toBe(many[620]);
    await system.sql`delete from public.org_reports where id in ${system.sql(many)}`;
  });

  it('stores odd and huge names without a fault, and finds the beginning of a huge one', async () => {
    const word = randomUUID().slice(0, 8);
    for (const userData of [
      { organisation_name: `zebra${word} ${'x'.repeat(1_000_000)}` },
      { organisation_name: 'wort '.repeat(50_000) },
      ['a', 'list'],
    ])
      await report(userData);
    await system.sql`
      update public.org_reports set user_data = '{"full_name": {"a": [1, null]}, "title": 5, "name": null}'
      where user_id = ${owner.id} and jsonb_typeof(user_data) = 'array'`;
    expect((await search(`zebra${word}`)).reports).toHaveLength(1);
  });

  it('finds an owner by the whole address only, and audits each look-up without it', async () => {
    const reportId = await report({ organisation_name: 'Of the owner' });
    const found = await search(owner.email.toUpperCase());
    expect(found.owners).toEqual([{ user_id: owner.id, email: owner.email }]);
    expect(found.reports.map(({ id }) => id)).not.toContain(reportId);
    expect((await search(owner.email.slice(0, -1))).owners).toEqual([]);
    expect((await search(`x@${randomUUID()}.example`)).owners).toEqual([]);
    const rows = await system.sql`
      select outcome, actor, request_payload ->> 'user_id' as found from public.webhook_audit
      where request_payload ->> 'endpoint' = 'search' order by created_at`;
    expect([...rows]).toEqual([
      { outcome: 'account_found', actor: operatorAccount.id, found: owner.id },
      { outcome: 'account_not_found', actor: operatorAccount.id, found: null },
      { outcome: 'account_not_found', actor: operatorAccount.id, found: null },
    ]);
    const named = await system.sql`
      select from public.webhook_audit audit where strpos(lower(audit::text), ${owner.email}) > 0`;
    expect(named).toHaveLength(0);
  });

  it('finds an address through the index of Auth', async () => {
    const plan = await system.sql.begin(async (sql) => {
      // However few accounts there are.
      await sql`set local enable_seqscan = off`;
      return sql`explain select id from auth.users where email = lower('a@example.com') and is_sso_user = false`;
    });
    expect(JSON.stringify(plan)).toContain('users_email_partial_key');
  });

  it('is refused to owners, who leave no audit row, and without enough text', async () => {
    expect(await errorOf(searchConsole(asOwner, owner.email))).toMatchObject({ code: '42501' });
    expect(await errorOf(searchConsole(operator, ' a '))).toMatchObject({ code: 'invalid_input' });
    await expect(
      system.sql.begin(async (sql) => {
        await sql`select set_config('request.jwt.claims', ${JSON.stringify({ sub: operatorAccount.id, role: 'authenticated' })}, true), set_config('role', 'authenticated', true)`;
        await sql`select public.search_console('x')`;
      }),
    ).rejects.toThrow('2 to 320 characters');
  });
});
