import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
let userId: string;
let reportId: string;
/** Jobs of the owner's report: one that is running, and one that waits for the pipeline's result. */
let running: string;
let waiting: string;

beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
  ({ userId, reportId } = await createReport(database.sql));
  const done = await store.request(reportId, { stage: 'final' });
  const { delivery } = await store.complete(done.run.job_id, done.run.lease_token);
  if (delivery === undefined) throw new Error('nothing to send');
  await store.record(delivery, 'delivered', [{ status: 200, authentic: true }]);
  running = (await store.request(reportId, { stage: 'final' })).job.job_id;
  waiting = (await store.request(reportId, { stage: 'final', generate: false })).job.job_id;
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** Runs as the owner does behind the REST API. */
async function asOwner<T>(work: (sql: postgres.TransactionSql) => Promise<T>): Promise<T> {
  const claims = JSON.stringify({ sub: userId, role: 'authenticated' });
  const result = await database.sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
    return { value: await work(sql) };
  });
  return result.value;
}

/** A value of each type that differs from what stands in the rows here. */
const VALUES: Record<string, string> = {
  uuid: '00000000-0000-4000-8000-0000000000ff',
  text: 'hostile',
  jsonb: '{"hostile": true}',
  'timestamp with time zone': '2099-01-01T00:00:00Z',
  boolean: 'true',
  integer: '77',
  smallint: '7',
  bigint: '77',
  xid8: '77',
  numeric: '1.5',
  research_status: 'failed',
};

/** Columns that are the owner's own to write: their text becomes an event, the rest is the platform's. */
const FREE: Record<string, readonly string[]> = {
  report_notifications: ['read_at'],
  org_reports: ['research_report', 'research_metadata', 'user_data', 'summary_id'],
};

/** All that decides about jobs, results and deliveries, and what the report shows of it. */
async function ours(): Promise<unknown> {
  const { sql } = database;
  return {
    jobs: [...(await sql`select * from private.job_runs order by job_id`)],
    events: [...(await sql`select * from public.report_events order by id`)],
    contents: [...(await sql`select * from private.report_contents order by event_id`)],
    deliveries: [...(await sql`select * from public.webhook_deliveries order by id`)],
    circuits: [...(await sql`select * from public.webhook_circuits order by endpoint_id`)],
    endpoints: [...(await sql`select * from public.webhook_endpoints order by id`)],
    operators: [...(await sql`select * from public.operators`)],
    types: [...(await sql`select * from public.report_types order by 1`)],
    audit: [...(await sql`select * from public.webhook_audit order by id`)],
    notifications: [
      ...(await sql`select id, user_id, report_id, event_id, created_at from public.report_notifications`),
    ],
    report: [
      ...(await sql`
        select id, user_id, created_at, research_status, research_metadata, stage, winner_event_id, webhook_status,
          webhook_attempts, webhook_last_attempt, webhook_response, webhook_job_id from public.org_reports`),
    ],
    shown: [
      ...(await sql`
        select job_id, status, percent, result, prompt, error, metadata, user_id from public.report_jobs order by job_id`),
    ],
  };
}

interface Column {
  table: string;
  column: string;
  type: string;
}

const columns = () => database.sql<Column[]>`
  select class.relname as table, attname as column, format_type(atttypid, null) as type
  from pg_attribute join pg_class class on class.oid = attrelid
  where class.relnamespace = 'public'::regnamespace and class.relkind in ('r', 'v') and attnum > 0 and not attisdropped
    and class.relname not in ('greeting_reports', 'requirement_reports', 'polaris_summaries')
  order by class.relname, attnum`;

describe('an owner who writes every column of every table that REST shows', () => {
  it('changes nothing of ours', async () => {
    const before = await ours();
    let accepted = 0;
    const all = await columns();
    expect(all.length).toBeGreaterThan(100);
    for (const { table, column, type } of all) {
      if (FREE[table]?.includes(column)) continue;
      const value = VALUES[type];
      if (value === undefined) throw new Error(`no value of type ${type} for ${table}.${column}`);
      const change = { [column]: value };
      for (const attempt of [
        (sql: postgres.TransactionSql) => sql`update ${sql(`public.${table}`)} set ${sql(change)} where true`,
        (sql: postgres.TransactionSql) => sql`insert into ${sql(`public.${table}`)} ${sql(change)}`,
      ]) {
        const { count } = await asOwner(attempt).catch(() => ({ count: 0 }));
        accepted += count;
      }
    }
    // Row level security lets owners reach their own rows: those writes were accepted, and had no effect.
    expect(accepted).toBeGreaterThan(20);
    expect(await ours()).toEqual(before);
  });

  it('cannot finish, redirect or adopt a job', async () => {
    const before = await ours();
    const forged = {
      status: 'succeeded',
      result: 'forged',
      user_id: userId,
      metadata: '{"report_type": "org"}',
      created_at: '2000-01-01T00:00:00Z',
    };
    await asOwner(
      (sql) => sql`update public.report_jobs set ${sql(forged)} where job_id in ${sql([running, waiting])}`,
    );
    await expect(
      asOwner((sql) => sql`insert into public.report_jobs ${sql({ ...forged, job_id: running })}`),
    ).rejects.toThrow('in use');
    // Another row cannot take the id either, also not when the row that shows the job is gone.
    const other = `mine_${randomUUID()}`;
    await asOwner(
      (sql) => sql`insert into public.report_jobs ${sql({ ...forged, job_id: other, status: 'running' })}`,
    );
    await expect(
      asOwner((sql) => sql`update public.report_jobs set job_id = ${running} where job_id = ${other}`),
    ).rejects.toThrow('in use');
    await asOwner((sql) => sql`update public.report_jobs set status = 'cancelled' where job_id = ${other}`);
    await asOwner((sql) => sql`delete from public.report_jobs where job_id = ${other}`);
    expect(await ours()).toEqual(before);
  });

  it('cancels a job of their own by its status, and by deleting its row', async () => {
    await asOwner((sql) => sql`update public.report_jobs set status = 'cancelled' where job_id = ${running}`);
    await asOwner((sql) => sql`delete from public.report_jobs where job_id = ${waiting}`);
    const rows = await database.sql`
      select job_id, status, lease_expires_at from private.job_runs where job_id in ${database.sql([running, waiting])}`;
    expect(rows.map(({ status }) => status as string)).toEqual(['cancelled', 'cancelled']);
    expect(rows.map(({ lease_expires_at }) => lease_expires_at as unknown)).toEqual([null, null]);
    const [shown] = await database.sql`select status from public.report_jobs where job_id = ${running}`;
    expect(shown).toEqual({ status: 'cancelled' });
    expect((await store.complete(running, null)).outcome).toBe('job_cancelled');
    const [report] =
      await database.sql`select research_status from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_status: 'completed' });
  });
});

describe('a job of a user', () => {
  it('serves only a report of that user, asked again at each use', async () => {
    const { sql } = database;
    const owner = await createReport(sql);
    const { run } = await store.request(owner.reportId, {}, null, owner.userId);
    const heir = await createReport(sql);
    await sql`update public.org_reports set user_id = ${heir.userId} where id = ${owner.reportId}`;
    expect((await store.complete(run.job_id, run.lease_token)).outcome).toBe('report_not_found');
    const body = {
      type: 'report.prelim.completed',
      timestamp: new Date().toISOString(),
      data: {
        job_id: run.job_id,
        report_id: owner.reportId,
        report_type: 'org',
        research_report: 'text',
        research_status: 'completed',
      },
    };
    expect((await store.apply(`evt_${randomUUID()}`, body)).outcome).toBe('job_mismatch');
    await sql`update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${run.job_id}`;
    expect(await store.takeOver(run.job_id)).toEqual({ outcome: 'given_up' });
    const [job] = await sql`select status from private.job_runs where job_id = ${run.job_id}`;
    expect(job).toEqual({ status: 'cancelled' });
  });

  it('is shown as it stands after its owner held the row that shows it while it finished', async () => {
    const { sql } = database;
    const owner = await createReport(sql);
    const { run } = await store.request(owner.reportId, {}, null, owner.userId);
    const claims = JSON.stringify({ sub: owner.userId, role: 'authenticated' });
    await sql.begin(async (transaction) => {
      // Holds the row, and has not fired the trigger yet.
      await transaction`select from public.report_jobs where job_id = ${run.job_id} for update`;
      expect((await store.complete(run.job_id, run.lease_token)).outcome).toBe('completed');
      await transaction`select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
      await transaction`update public.report_jobs set percent = 1 where job_id = ${run.job_id}`;
    });
    const shown = () => sql`select status, percent from public.report_jobs where job_id = ${run.job_id}`;
    expect([...(await shown())]).toEqual([{ status: 'succeeded', percent: 100 }]);

    // The other order: the owner's statement has read the job already when the job finishes.
    const second = await store.request(owner.reportId, {}, null, owner.userId);
    let completed: Promise<unknown> | undefined;
    await sql.begin(async (transaction) => {
      await transaction`select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
      await transaction`update public.report_jobs set percent = 1 where job_id = ${second.run.job_id}`;
      completed = store.complete(second.run.job_id, second.run.lease_token);
      for (;;) {
        const [waiting] = await sql`
          select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        if (waiting !== undefined) break;
      }
    });
    await completed;
    const [row] = await sql`select status from public.report_jobs where job_id = ${second.run.job_id}`;
    expect(row).toEqual({ status: 'succeeded' });
  });

  it('goes on when the platform’s clean-up deletes what shows it', async () => {
    const { sql } = database;
    const owner = await createReport(sql);
    const { run } = await store.request(owner.reportId, {}, null, owner.userId);
    const [shown] =
      await sql`select expires_at, prompt, idempotency_key from public.report_jobs where job_id = ${run.job_id}`;
    expect(shown).toEqual({ expires_at: null, prompt: null, idempotency_key: null });
    await sql`delete from public.report_jobs where job_id = ${run.job_id}`;
    expect((await store.complete(run.job_id, run.lease_token)).outcome).toBe('completed');
  });
});
