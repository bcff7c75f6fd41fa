import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { expect, it } from 'vitest';
import { createNewProject, createReport, type TestDatabase } from '../support/database.ts';
import { buildPlatform } from '../support/platform.ts';
import { allMigrations, type Migration } from '../support/pushed-migrations.ts';

/** Migrations that a database of the platform lacks. */
async function missing(sql: postgres.Sql): Promise<Migration[]> {
  const applied = await sql<{ version: string }[]>`select version from supabase_migrations.schema_migrations`;
  return (await allMigrations()).filter(({ version }) => !applied.some((known) => known.version === version));
}

/**
 * Migrations that lock more than one table which others use: no call holds the one and waits for the other, or the migration gives
 * up before that is a deadlock (private.drop_references).
 */
const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  limit_trace_and_watch: ['webhook_counts', 'webhook_refusals'],
  check_types_of_events: ['report_events', 'report_types'],
  check_types_of_jobs: ['job_runs', 'report_types'],
  check_types_of_deliveries: ['report_types', 'webhook_deliveries', 'webhook_endpoints'],
  check_types_of_notifications: ['report_notifications', 'report_types'],
};

it('a migration locks one table at most against all calls: of two, a call may hold the other', async () => {
  await using database = await createNewProject({ alone: false });
  const { sql } = database;
  await buildPlatform(database.url, sql, 'history to 14');
  const several: Record<string, string[]> = {};
  let locked = 0;
  for (const { name, statements } of await missing(sql)) {
    await sql.begin(async (push) => {
      const before = await push<{ oid: string }[]>`select oid::text from pg_class where relkind = 'r'`;
      for (const statement of statements) await push.unsafe(statement);
      // Until the end of the transaction no lock is given back.
      const tables = await push<{ oid: string; name: string }[]>`
        select class.oid::text, relname as name from pg_locks held join pg_class class on class.oid = held.relation
        where held.pid = pg_backend_pid() and mode = 'AccessExclusiveLock' and relkind = 'r' order by relname`;
      const existing = tables.filter(({ oid }) => before.some((known) => known.oid === oid));
      locked += existing.length;
      if (existing.length > 1) several[name] = existing.map((table) => table.name);
    });
  }
  expect(locked).toBeGreaterThan(10);
  expect(several).toEqual(SEVERAL);
});

/** The migration that replaces the functions of the last version. */
const NEXT = 'limit_trace_and_watch';

interface Held {
  /** A report and its running job. */
  reportId: string;
  jobId: string;
  /** Of another report, claimed by its job. */
  delivery: { id: string; token: string };
}

/** Calls of the last version that wait in the middle of a function, for a lock that another transaction holds. */
const calls: Record<
  string,
  {
    hold: (other: postgres.Sql, held: Held) => Promise<unknown>;
    call: (sql: postgres.TransactionSql, held: Held) => Promise<unknown>;
    answer: unknown;
  }
> = {
  'a webhook': {
    hold: (other) => other`select pg_advisory_xact_lock(hashtextextended('evt_under_way', 0))`,
    async call(sql, { reportId }) {
      const body = {
        type: 'report.prelim.completed',
        timestamp: new Date().toISOString(),
        data: {
          job_id: 'job_of_the_webhook',
          report_id: reportId,
          report_type: 'org',
          research_report: 'told',
          research_status: 'completed',
          research_metadata: {},
        },
      };
      const [row] = await sql`select public.apply_report_event(
        p_event_id => 'evt_under_way', p_body => ${JSON.stringify(body)}, p_endpoint_id => 'prelim-report') ->> 'outcome' as answer`;
      return row?.['answer'] as unknown;
    },
    answer: 'applied',
  },
  'the completion of a job': {
    hold: (other, { reportId }) => other`select from public.org_reports where id = ${reportId} for update`,
    async call(sql, { jobId }) {
      const [row] = await sql`select public.complete_report_job(
        p_job_id => ${jobId}, p_status => 'completed', p_delivery_lease_seconds => 30, p_lease_token => 1,
        p_research_report => 'told') ->> 'outcome' as answer`;
      return row?.['answer'] as unknown;
    },
    answer: 'completed',
  },
  'the record of an attempt': {
    hold: (other, { delivery }) =>
      other`select from public.webhook_deliveries where id = ${delivery.id} for update`,
    async call(sql, { delivery }) {
      const [row] = await sql`select public.record_delivery_attempts(
        ${delivery.id}, ${delivery.token}, 'delivered', ${sql.json([{ status: 200, duration_ms: 5, authentic: true }])})
        as answer`;
      return row?.['answer'] as unknown;
    },
    answer: { status: 'success', dead: false, effect: 'applied' },
  },
  'the fallback of the platform': {
    hold: (other, { jobId }) => other`select from private.job_runs where job_id = ${jobId} for update`,
    async call(sql, { reportId, jobId }) {
      const rows = await sql`
        update public.org_reports set research_report = 'told', research_metadata = ${sql.json({ job_id: jobId })}
        where id = ${reportId} returning research_report`;
      return rows[0]?.['research_report'] as unknown;
    },
    answer: 'told',
  },
};

async function requestJob(sql: postgres.Sql): Promise<Pick<Held, 'reportId' | 'jobId'>> {
  const { reportId } = await createReport(sql);
  const jobId = `job_${randomUUID()}`;
  await sql`select public.request_report_job(
    p_job_id => ${jobId}, p_caller => 'pipeline', p_report_type => 'org', p_report_id => ${reportId}, p_stage => 'prelim',
    p_prompt => 'p', p_generate => true, p_lease_seconds => 60, p_quota => 5)`;
  return { reportId, jobId };
}

async function completeJob(sql: postgres.Sql, { jobId }: Pick<Held, 'jobId'>): Promise<Held['delivery']> {
  const [row] = await sql<Held['delivery'][]>`
    select answer #>> '{delivery,delivery_id}' as id, answer #>> '{delivery,delivery_token}' as token
    from public.complete_report_job(${jobId}, 'completed', 30, 1, 'told') answer`;
  if (row === undefined) throw new Error('no answer');
  return row;
}

async function isWaiting({ sql }: TestDatabase): Promise<boolean> {
  const rows = await sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return rows.length > 0;
}

it.each(Object.entries(calls))(
  '%s that began before the push ends after it as if there were none',
  async (_name, { hold, call, answer }) => {
    await using database = await createNewProject({ alone: false });
    const { sql } = database;
    await buildPlatform(database.url, sql, 'history to 14');
    const migrations = await missing(sql);
    const next = migrations.findIndex(({ name }) => name === NEXT);
    const [replacing, ...later] = migrations.slice(next);
    if (replacing === undefined) throw new Error(`there is no migration ${NEXT}`);
    const push = async ({ statements }: Migration) =>
      sql.begin(async (migration) => {
        for (const statement of statements) await migration.unsafe(statement);
      });
    for (const migration of migrations.slice(0, next)) await push(migration);
    const { reportId, jobId } = await requestJob(sql);
    const held: Held = { reportId, jobId, delivery: await completeJob(sql, await requestJob(sql)) };

    const other = await sql.reserve();
    await other`begin`;
    await hold(other, held);
    const called = sql.begin(async (caller) => {
      await caller`select set_config('role', 'service_role', true)`;
      return call(caller, held);
    });
    await expect.poll(() => isWaiting(database)).toBe(true);
    await push(replacing);
    await other`commit`;
    other.release();
    expect(await called).toEqual(answer);
    for (const migration of later) await push(migration);
    expect(await sql`select * from public.verify_reports()`).toEqual([]);
  },
);
