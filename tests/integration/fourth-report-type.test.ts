import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../../tools/db/check.ts';
import type { Account } from '../../tools/local/accounts.ts';
import type * as migrations from '../../tools/local/migrate.ts';
import type { NewReport } from '../../src/contracts/console-reports.ts';
import { reportType as reportTypeHere, type ReportType } from '../../src/contracts/webhooks.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import type * as polarisReports from '../../src/services/polarisReportsService.ts';
import type * as reports from '../../src/services/reports.ts';
import type * as consoles from '../support/console.ts';
import type * as jobs from '../support/jobs.ts';
import { copyProject, type ProjectCopy } from '../support/project-copy.ts';
import type * as systems from '../support/system.ts';
import type * as webhooks from '../support/webhook-client.ts';

// A developer's work on a new report type, done in a copy of the project: one line of TypeScript and one short migration.
// Everything below runs from the copy: the functions, the client of the pipeline, the services of the console.

const TYPE = 'survey';
const LIST = { path: 'src/contracts/constants.ts', from: "'requirement']", to: `'requirement', '${TYPE}']` };
const MIGRATION = `-- Why: surveys of what people need are reports of their own.
select private.create_report_type('${TYPE}');
`;
const run = promisify(execFile);
const INTAKE = {
  title: 'Skills at the harbour',
  description: 'Cranes are new, and nobody has run them at night.',
  goals: ['Run the cranes at night'],
};

/** The copy's modules, with the types of this project's, in which the new type is no member of `ReportType`. */
async function loadModules(copy: ProjectCopy) {
  // Safe: the copy's modules are this project's but for one line, which changes the shape of no export.
  const load = async <Module>(path: string) => (await copy.load(path)) as Module;
  return {
    ...(await load<typeof systems>('tests/support/system.ts')),
    ...(await load<typeof jobs>('tests/support/jobs.ts')),
    ...(await load<typeof webhooks>('tests/support/webhook-client.ts')),
    ...(await load<typeof consoles>('tests/support/console.ts')),
    ...(await load<typeof migrations>('tools/local/migrate.ts')),
    ...(await load<typeof reports>('src/services/reports.ts')),
    ...(await load<typeof polarisReports>('src/services/polarisReportsService.ts')),
  };
}

// Safe: only the copy is told it, and there it is a report type.
const reportType = TYPE as ReportType;

let copy: ProjectCopy;
let polaris: Awaited<ReturnType<typeof loadModules>>;
let system: systems.TestSystem;
let account: Account;
let owner: DatabaseClient;

const create = (user_data: object) =>
  // Safe: the copy's schema checks it, and has the new type.
  polaris.createReportWithWebhookTracking(owner, { report_type: TYPE, user_data } as unknown as NewReport);
const createReport = async () => (await polaris.dataOf(create(INTAKE))).id;

async function rowOf(reportId: string) {
  const [row] = await system.sql`
    select report.stage, report.research_report, report.webhook_status, event.channel, event.effect, event.report_type
    from ${system.sql(`public.${TYPE}_reports`)} report
    join public.report_events event on event.id = report.winner_event_id where report.id = ${reportId}`;
  return row;
}

const isShared = Boolean(process.env['SUPABASE_URL']);
if (isShared)
  console.log(
    'skipped, a fourth report type: SUPABASE_URL names a shared project, and nothing is migrated there.',
  );
describe.skipIf(isShared)('a fourth report type', () => {
  beforeAll(async () => {
    copy = await copyProject();
    const list = join(copy.folder, LIST.path);
    await writeFile(list, (await readFile(list, 'utf8')).replace(LIST.from, LIST.to));
    const newest = (await readdir(join(copy.folder, 'supabase/migrations'))).sort().at(-1) ?? '';
    const migration = `${BigInt(newest.slice(0, 14)) + 1n}_add_${TYPE}_reports.sql`;
    await writeFile(join(copy.folder, 'supabase/migrations', migration), MIGRATION);
    // The document names every report type, and is generated: npm run openapi.
    await run(process.execPath, ['scripts/openapi.ts'], { cwd: copy.folder });

    polaris = await loadModules(copy);
    system = await polaris.startTestSystem({
      functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts', 'api/webhooks/final-report.ts'],
    });
    await polaris.migrate(system.databaseUrl);
    // The REST layer reads the schema once.
    await system.supabaseProcess?.kill();
    await system.supabaseProcess?.start();
    account = await system.createUser();
    owner = await polaris.consoleClient(system, account);
  }, 120_000);
  afterAll(async () => {
    await system.stop();
    await copy[Symbol.asyncDispose]();
  });

  it('is one line of TypeScript and one short migration', async () => {
    expect(await copy.changedLines()).toEqual([expect.stringMatching(`^${LIST.path}:`)]);
    const applied = await system.sql`
      select statements from supabase_migrations.schema_migrations order by version desc limit 1`;
    expect(String(applied[0]?.['statements'])).toContain(`create_report_type('${TYPE}')`);
    // What the test would prove of a type that was known before is nothing.
    expect(reportTypeHere.safeParse(TYPE).success).toBe(false);
  });

  it('type-checks: nothing else lists the types', async () => {
    const tsc = join(copy.folder, 'node_modules/typescript/bin/tsc');
    const checked = run(process.execPath, [tsc], { cwd: copy.folder, timeout: 170_000 });
    const { stdout } = await checked.catch((error: unknown) => {
      // Safe: what execFile rejects with has what was printed.
      const { stdout, message } = error as { stdout?: string; message: string };
      return { stdout: stdout || message };
    });
    expect(stdout).toBe('');
  }, 180_000);

  it('passes the checks of the database, once the types are generated', async () => {
    const findings = await check(copy.folder);
    expect(findings.filter(({ rule }) => rule !== 'types')).toEqual([]);
  }, 180_000);

  it('has a table that its owners and the server reach, and nobody else', async () => {
    const rights = await system.sql<{ role: string; rights: string }[]>`
      select role, string_agg(verb, ' ' order by verb) as rights
      from unnest(array['anon', 'authenticated', 'service_role']) role
      cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) verb
      where has_table_privilege(role, ${`public.${TYPE}_reports`}, verb)
      group by role order by role`;
    expect([...rights]).toEqual([
      { role: 'authenticated', rights: 'delete insert select update' },
      { role: 'service_role', rights: 'select' },
    ]);
    const reportId = await createReport();
    const other = await polaris.consoleClient(system, await system.createUser());
    const ref = { report_type: reportType, report_id: reportId };
    expect(await polaris.dataOf(polaris.getReport(owner, ref))).toMatchObject({ user_data: INTAKE });
    expect(await polaris.errorOf(polaris.getReport(other, ref))).toMatchObject({ code: 'not_found' });
  });

  it('goes from the request over the offline text to the webhook and into its row', async () => {
    const reportId = await createReport();
    const pipeline = polaris.jobClient(system);
    for (const [stage, title, section] of [
      ['prelim', 'Preliminary brief', '## What it is about\n\nCranes are new'],
      ['final', 'Final brief', '1. **Set up a learning path towards: Run the cranes at night**'],
    ] as const) {
      const jobId = await pipeline.request(reportId, { report_type: TYPE, stage });
      const job = await pipeline.until(jobId, polaris.confirmed);
      expect(job).toMatchObject({ report_type: TYPE, stage, status: 'succeeded' });
      expect(job.result).toContain(`# ${title}: ${INTAKE.title}\n`);
      expect(job.result).toContain(section);
      expect(await rowOf(reportId)).toEqual({
        stage,
        research_report: job.result,
        webhook_status: 'success',
        channel: 'webhook',
        effect: 'applied',
        report_type: TYPE,
      });
    }
    const status = await polaris.dataOf(
      polaris.getReportWebhookStatus(owner, { report_type: reportType, report_id: reportId }),
    );
    expect(status).toMatchObject({ report_type: TYPE, stage: 'final', webhook_status: 'success' });
  });

  it('takes a signed webhook of a job that nobody here knows', async () => {
    const reportId = await createReport();
    const { post } = polaris.webhookClient(system, system.secrets.webhookSecret);
    const sent = polaris.envelope({ reportId, type: reportType, text: '# From elsewhere' });
    const answer = await post(sent);
    expect([answer.status, answer.says]).toEqual([200, 'applied']);
    expect(await rowOf(reportId)).toMatchObject({ research_report: '# From elsewhere', channel: 'webhook' });
  });

  it('is in the lists of the console, with its title', async () => {
    const reportId = await createReport();
    const shown = { id: reportId, report_type: TYPE, title: INTAKE.title };
    const operator = await polaris.consoleClient(system, await system.createOperator());
    for (const [client, query] of [
      [owner, {}],
      [owner, { report_type: reportType }],
      [operator, { scope: 'all' }],
    ] as const) {
      const { rows } = await polaris.dataOf(polaris.listReports(client, query));
      expect(rows[0]).toMatchObject(shown);
    }
    const { rows } = await polaris.dataOf(polaris.listReports(owner, { report_type: 'greeting' }));
    expect(rows).toEqual([]);
  });

  it('refuses an intake without what the general one needs', async () => {
    const error = await polaris.errorOf(create({}));
    expect(error).toMatchObject({
      code: 'invalid_input',
      issues: [{ path: 'user_data.title' }, { path: 'user_data.description' }],
    });
  });
});
