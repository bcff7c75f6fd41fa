import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlreadySeeded, seedLarge } from '../../tools/seed/large.ts';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const SIZE = { deliveries: 20_001, auditRows: 100_000, days: 10 };

let database: TestDatabase;
let operator: string;
let owner: string;
let plans: string[] = [];
/** A connection of its own, which tells the plan of every statement, also of those inside functions. */
let explained: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  await seedLarge(database.sql, SIZE);
  operator = randomUUID();
  await database.sql`insert into auth.users (id, email) values (${operator}, 'operator@example.com')`;
  await database.sql`insert into public.operators (user_id) values (${operator})`;
  const [row] = await database.sql`select user_id from public.org_reports limit 1`;
  owner = String(row?.['user_id']);
  // The superuser: others may neither load the module nor set what it logs.
  explained = postgres(database.superuserUrl, {
    max: 1,
    onnotice: ({ message }) => plans.push(message ?? ''),
  });
  await explained`load 'auto_explain'`;
}, 120_000);
afterAll(async () => {
  await explained.end();
  await database[Symbol.asyncDispose]();
}, 120_000);

/** Runs a query, as a signed-in person does where one is named, else as the owner; answers the plans of all its statements. */
async function planOf(query: string, userId?: string): Promise<string> {
  await explained.begin(async (sql) => {
    await sql`
      select set_config('auto_explain.log_min_duration', '0', true),
        set_config('auto_explain.log_nested_statements', 'on', true),
        set_config('client_min_messages', 'log', true), set_config('role', 'postgres', true)`;
    if (userId !== undefined) {
      await sql`
        select set_config('request.jwt.claims', ${JSON.stringify({ sub: userId, role: 'authenticated' })}, true),
          set_config('request.jwt.claim.sub', ${userId}, true), set_config('role', 'authenticated', true)`;
    }
    plans = [];
    await sql.unsafe(query);
  });
  return plans.join('\n');
}

const BIG = [
  'webhook_audit',
  'webhook_deliveries',
  'report_events',
  'job_runs',
  ...REPORT_TYPES.map((type) => `${type}_reports`),
];

describe('the plan of every list', () => {
  it.each([
    // The platform has an index by time (idx_webhook_audit_created), and we have one: either serves these.
    ['delivery_causes()', 'webhook_deliveries_open'],
    ['console_status()', 'webhook_audit_attempts'],
    ["list_webhook_audit(p_actor => 'cron')", 'webhook_audit_actor'],
    ["webhook_statistics('hour')", 'webhook_audit_created'],
    ["webhook_statistics('day')", 'webhook_audit_created'],
    ["webhook_statistics('week')", 'webhook_deliveries_open'],
    ['list_open_deliveries()', 'webhook_deliveries_open'],
    ["list_open_deliveries(p_status => 'dead')", 'webhook_deliveries_dead'],
    [
      "list_open_deliveries(p_status => 'failed', p_report_type => 'org', p_error => '502')",
      'webhook_deliveries_',
    ],
    [
      "list_open_deliveries(p_cursor_at => now() - interval '1 day', p_cursor_id => '9')",
      'webhook_deliveries_open',
    ],
    ['list_webhook_audit()', 'webhook_audit_created'],
    ["list_webhook_audit(p_before => now() - interval '5 days')", 'webhook_audit_created'],
    [
      `list_webhook_audit(p_cursor_at => now() - interval '5 days', p_cursor_id => '${randomUUID()}')`,
      'webhook_audit_created',
    ],
    ["list_webhook_audit(p_search => 'seed_evt_7')", 'webhook_audit_event'],
    ["list_webhook_audit(p_search => 'seed_evt_7')", 'webhook_audit_job'],
    [`list_webhook_audit(p_search => '${randomUUID()}')`, 'webhook_audit_report'],
    ["list_webhook_audit(p_search => 'ep-0123456789abcdef')", 'webhook_audit_attempts'],
    ["list_webhook_audit(p_outcome => 'job_mismatch')", 'webhook_audit_outcome'],
    ["list_webhook_audit(p_response_status => '413')", 'webhook_audit_response_status'],
    ["event_timeline('seed_evt_7')", 'webhook_audit_event'],
    [
      "report_history('org', (select report_id from public.report_events where id = 'seed_evt_2'))",
      'webhook_audit_report',
    ],
    ["list_reports('all')", 'org_reports_created_at'],
    ["list_report_jobs('all')", 'job_runs_created_at'],
    ['list_jobs()', 'job_runs_created_at'],
    ["list_jobs('overdue')", 'job_runs_unfinished'],
    ["list_jobs('failed')", 'job_runs_unsuccessful'],
    ["list_jobs('cancelled')", 'job_runs_unsuccessful'],
    ["list_jobs('taken_over')", 'job_runs_taken_over'],
    [`list_jobs(p_owner => '${randomUUID()}')`, 'job_runs_owner'],
    ["webhook_statistics('week')", 'job_runs_unsuccessful'],
    ['list_all_reports()', 'org_reports_created_at'],
    ["list_all_reports('missing')", 'job_runs_unfinished'],
    ["list_all_reports('failed')", '_reports_status'],
    [`list_all_reports(p_owner => '${randomUUID()}')`, 'org_reports_owner'],
    ["search_console('person 17')", 'greeting_reports_words'],
    ["search_console('seed_job_17')", 'job_runs_id_start'],
    ["search_console('seed_evt_17')", 'report_events_id_start'],
    ["search_console('abcdef01')", 'org_reports_pkey'],
    [
      "list_report_jobs('all', 'org', (select report_id from public.report_events where id = 'seed_evt_2'))",
      'job_runs_report',
    ],
  ])('of %s uses %s, and reads no big table whole', async (call, index) => {
    const plan = await planOf(`select public.${call}`, operator);
    expect(plan).toContain(index);
    for (const table of BIG) expect(plan).not.toMatch(new RegExp(`Seq Scan on ${table}\\b`));
  });

  it.each([
    ["list_reports('mine')", 'org_reports_owner'],
    // To who is no operator all is what is theirs.
    ["list_reports('all')", 'org_reports_owner'],
    ["list_report_jobs('all')", 'job_runs_owner'],
  ])('of %s uses %s for an owner', async (call, index) => {
    const plan = await planOf(`select public.${call}`, owner);
    expect(plan).toContain(index);
    for (const table of BIG) expect(plan).not.toMatch(new RegExp(`Seq Scan on ${table}\\b`));
  });

  it.each(['redrive', 'retry'])('of a %s of one stage looks each event up by its key', async (kind) => {
    const plan = await planOf(
      `select private.planned_deliveries('${kind}', '{"stage": "final"}', now(), null, 20000, 20000)`,
    );
    expect(plan).toMatch(/Index Scan using report_events_(pkey|id_start) on report_events/);
    expect(plan).not.toContain('Seq Scan on report_events');
  });

  it('of the roll-up reads only what is new', async () => {
    const plan = await planOf('select public.roll_up_webhooks(10)');
    expect(plan).toContain('webhook_audit_created');
    expect(plan).not.toContain('Seq Scan on webhook_audit');
  });
});

describe('the plan of what is asked for every minute', () => {
  it.each([
    ['metrics()', 'Index Only Scan using webhook_deliveries_dead_by_endpoint'],
    ['evaluate_alerts(true)', 'webhook_audit_attempts'],
    ['evaluate_alerts(true)', 'job_runs_finished'],
    ['verify_slice()', 'report_events_report'],
  ])('of %s uses %s, and reads no big table whole', async (call, index) => {
    const plan = await planOf(`select public.${call}`);
    expect(plan).toContain(index);
    // A slice has a hundred reports: of a few thousand, reading all is no dearer than looking each up.
    const tables = call.startsWith('verify') ? BIG.filter((table) => !table.endsWith('_reports')) : BIG;
    for (const table of tables) expect(plan).not.toMatch(new RegExp(`Seq Scan on ${table}\\b`));
  });
});

describe('the plan of a request for a job', () => {
  // More than the seed has of that day: every job of the day is counted.
  it.each([
    ["spent_budget('pipeline', null, 100000)", 'job_runs_created_at'],
    [`spent_budget('${randomUUID()}', 100, null)`, 'job_runs_caller'],
  ])('counts the budget of %s by %s', async (call, index) => {
    const plan = await planOf(`select private.${call}`);
    expect(plan).toContain(index);
    expect(plan).not.toContain('Seq Scan on job_runs');
  });
});

describe('the seed', () => {
  it('has as many rows as it was told to', async () => {
    const [row] = await database.sql`
      select (select count(*)::int from public.webhook_deliveries) as deliveries,
        (select count(*)::int from public.webhook_audit) as audit`;
    expect(row).toEqual({ deliveries: SIZE.deliveries, audit: SIZE.auditRows });
  });

  it('is not added twice', async () => {
    await expect(seedLarge(database.sql, SIZE)).rejects.toThrow(AlreadySeeded);
  });
});
