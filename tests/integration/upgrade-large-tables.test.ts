import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../tools/local/migrate.ts';
import { environment } from '../../tools/local/environment.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { upgrade, UpgradeRuns } from '../../tools/upgrade/upgrade.ts';
import { createNewProject, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/locks.ts';
import { buildPlatform, type TemporaryProject } from '../support/platform.ts';

const PUSHES_MS = 120_000;
/** One row more than a table may have whose indexes a migration builds. */
const LARGE = 1001;

const UNFINISHED = [
  'audit_direction_is_known',
  'org_reports_created_at',
  'org_reports_owner',
  'org_reports_words',
  'report_stage_is_known',
  'webhook_audit_actor',
  'webhook_audit_attempts',
  'webhook_audit_created_at',
  'webhook_audit_event',
  'webhook_audit_job',
  'webhook_audit_outcome',
  'webhook_audit_report',
  'webhook_audit_response_status',
  'webhook_audit_round',
];

async function unfinishedOf(sql: postgres.Sql): Promise<string[]> {
  const [row] = await sql<{ facts: { unfinished: string[] } }[]>`select public.deployment_facts() as facts`;
  return row?.facts.unfinished ?? [];
}

/** On the tables that are large here: every index and every check, with whether it counts. */
async function partsOf(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ part: string }[]>`
    select format('%s, valid %s', pg_get_indexdef(indexrelid), indisvalid) as part
    from pg_index where indrelid in ('public.webhook_audit'::regclass, 'public.org_reports'::regclass)
    union all
    select format('%s %s, validated %s', conname, pg_get_constraintdef(oid), convalidated)
    from pg_constraint where conrelid in ('public.webhook_audit'::regclass, 'public.org_reports'::regclass)
    order by part`;
  return rows.map(({ part }) => part);
}

/** Runs it on a connection of its own, and returns what it told. */
async function runUpgrade(url: string): Promise<string[]> {
  const told: string[] = [];
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    expect(await upgrade({ sql, tell: (line) => told.push(line) })).toEqual([]);
  } finally {
    // Without a time-out it waits for ever for a connection that the server has closed.
    await sql.end({ timeout: 1 });
  }
  return told;
}

describe('a database of the platform with large tables', () => {
  let database: TestDatabase;
  let sql: postgres.Sql;

  beforeAll(async () => {
    database = await createNewProject({ alone: false });
    sql = database.sql;
    await buildPlatform(database.url, sql, 'history to 14');
    await sql`
      insert into public.webhook_audit (webhook_type, job_id, response_status)
      select 'prelim-report', 'job_' || n, 200 from generate_series(1, ${LARGE}::int) n`;
    await sql`
      insert into public.org_reports (user_id)
      select '00000000-0000-4000-8000-00000000000a' from generate_series(1, ${LARGE}::int)`;
    await migrate(database.url);
  }, PUSHES_MS);
  afterAll(() => database.drop());

  it('is pushed to without what would keep writers out, and says what is missing', async () => {
    expect(await unfinishedOf(sql)).toEqual(UNFINISHED);
    const [constraint] =
      await sql`select convalidated from pg_constraint where conname = 'audit_direction_is_known'`;
    expect(constraint).toEqual({ convalidated: false });
  });

  it('is finished by npm run upgrade after a run that was killed while it built an index', async () => {
    // An index that is built concurrently waits for every transaction that writes the table.
    const writer = postgres(database.url, { max: 1, onnotice: () => undefined });
    try {
      await writer.unsafe(
        `begin; insert into public.webhook_audit (webhook_type, job_id) values ('prelim-report', 'open')`,
      );
      const killed = runUpgrade(database.url);
      const failed = expect(killed).rejects.toThrow();
      await untilSomebodyWaits(sql);
      await expect(runUpgrade(database.url)).rejects.toThrow(UpgradeRuns);
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query like 'create index concurrently%'`;
      await failed;
      await writer.unsafe('rollback');
    } finally {
      await writer.end();
    }
    const invalid = await sql`
      select indexrelid::regclass::text as name from pg_index
      where indrelid = 'public.webhook_audit'::regclass and not indisvalid`;
    expect([...invalid]).toEqual([{ name: 'webhook_audit_created_at' }]);
    expect(await unfinishedOf(sql)).toContain('webhook_audit_created_at');

    const told = await runUpgrade(database.url);
    expect(told).toEqual(
      expect.arrayContaining([
        'webhook_audit_created_at on webhook_audit: building',
        expect.stringMatching(/^webhook_audit_created_at on webhook_audit: built in \d+\.\d s$/),
      ]),
    );
    expect(await unfinishedOf(sql)).toEqual([]);
    expect([...(await sql`select from private.reports_to_import`)]).toEqual([]);
    // What a database has whose tables were small.
    await using small = await createTestDatabase();
    expect(await partsOf(sql)).toEqual(await partsOf(small.sql));
  }, 60_000);

  it('builds nothing when it is run again', async () => {
    const before = await partsOf(sql);
    expect(await runUpgrade(database.url)).toEqual(['every report is imported']);
    expect(await partsOf(sql)).toEqual(before);
  });
});

it('npm run upgrade refuses the address of the transaction pooler', async () => {
  const program = join(projectRoot, 'scripts/upgrade.ts');
  const env = environment({ DATABASE_URL: 'postgresql://postgres:secret@db.example.com:6543/postgres' });
  await expect(promisify(execFile)(process.execPath, [program], { env })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the transaction pooler (port 6543)') as string,
  });
});

describe('a push', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createNewProject({ alone: false });
    await buildPlatform(database.url, database.sql, 'history to 14');
  }, PUSHES_MS);
  afterAll(() => database.drop());

  it.each(['upgrade', 'verify'])('comes before npm run %s, which says so', async (name) => {
    const program = join(projectRoot, `scripts/${name}.ts`);
    const env = environment({ DATABASE_URL: database.url });
    await expect(promisify(execFile)(process.execPath, [program], { env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Push them first: npx supabase db push') as string,
    });
  });

  it(
    'lets others through while a table is in use, says to push again, and then goes on',
    async () => {
      const { sql, url } = database;
      const holder = postgres(url, { max: 1, onnotice: () => undefined });
      try {
        await holder.unsafe('begin; select count(*) from public.webhook_audit');
        const push = expect(migrate(url)).rejects.toThrow(
          /Other transactions use public\.webhook_audit for too long\. Nothing was changed: push again\./,
        );
        await untilSomebodyWaits(sql);
        // It queues behind the push, whose attempt ends before the transaction does.
        await sql`insert into public.webhook_audit (webhook_type, job_id) values ('prelim-report', 'behind the push')`;
        await push;
        await holder.unsafe('rollback');
      } finally {
        await holder.end();
      }
      const [newest] = await sql`select max(version) as version from supabase_migrations.schema_migrations`;
      expect(newest).toEqual({ version: '20261125040000' });
      await migrate(url);
      expect(await unfinishedOf(sql)).toEqual([]);
    },
    PUSHES_MS,
  );

  it(
    'marks the reports that come after the others were marked, and forgets those that go',
    async () => {
      await using between = await createNewProject({ alone: false });
      const { sql, url } = between;
      await buildPlatform(url, sql, 'history to 14');
      await using project = await projectUpTo('20261125070000');
      await migrate(url, project.folder);
      const [came] = await sql`
        insert into public.org_reports (user_id, research_report, research_status)
        values ('00000000-0000-4000-8000-00000000000a', 'just in time', 'completed') returning id`;
      await sql`delete from public.org_reports where research_report = 'second'`;
      await migrate(url);
      const [marked] =
        await sql`select report_type from private.reports_to_import where report_id = ${String(came?.['id'])}`;
      expect(marked).toEqual({ report_type: 'org' });
      await runUpgrade(url);
      expect([...(await sql`select from private.reports_to_import`)]).toEqual([]);
      const [event] =
        await sql`select channel from public.report_events where report_id = ${String(came?.['id'])}`;
      expect(event).toEqual({ channel: 'import' });
    },
    PUSHES_MS,
  );
});

/** A copy of this project's migrations up to a version. */
async function projectUpTo(lastVersion: string): Promise<TemporaryProject> {
  const folder = await mkdtemp(join(tmpdir(), 'polaris-migrations-'));
  const from = join(projectRoot, 'supabase/migrations');
  const to = join(folder, 'supabase/migrations');
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.slice(0, name.indexOf('_')) <= lastVersion) await cp(join(from, name), join(to, name));
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
