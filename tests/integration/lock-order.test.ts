import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { asUser, untilSomebodyWaits } from '../support/locks.ts';
import { storeClient } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** A report of a summary, with a job that runs and a delivery that its sender holds. */
async function atWork() {
  const { sql } = database;
  const { userId, reportId } = await createReport(sql);
  const summaryId = randomUUID();
  await sql`
    insert into public.polaris_summaries (id, user_id, summary_content) values (${summaryId}, ${userId}, 'summary')`;
  await sql`update public.org_reports set summary_id = ${summaryId} where id = ${reportId}`;
  const { run } = await store.request(reportId, { stage: 'final' });
  const other = await store.request(reportId, { stage: 'final' });
  const { delivery } = await store.complete(other.run.job_id, other.run.lease_token);
  if (delivery === undefined) throw new Error('nothing to send');
  return { userId, reportId, summaryId, run, delivery };
}
type AtWork = Awaited<ReturnType<typeof atWork>>;

const CALLS: Record<string, (work: AtWork) => Promise<unknown>> = {
  'requested for it': async ({ reportId, summaryId }) => {
    await database.sql`
    select public.request_report_job(
      p_job_id => ${`job_${randomUUID()}`}, p_caller => 'pipeline', p_report_type => 'org', p_report_id => ${reportId},
      p_stage => 'final', p_prompt => 'p', p_generate => true, p_lease_seconds => 60, p_quota => 2,
      p_summary_id => ${summaryId})`;
  },
  completed: ({ run }) => store.complete(run.job_id, run.lease_token),
  'received by its webhook': ({ delivery }) => store.send(delivery, 'final-report'),
  'recorded as failed': ({ delivery }) =>
    store.record(delivery, 'failed', [{ status: 401, authentic: true }]),
};

describe.each<[string, (work: AtWork) => { table: string; id: string }]>([
  ['an account', ({ userId }) => ({ table: 'auth.users', id: userId })],
  ['a summary', ({ summaryId }) => ({ table: 'public.polaris_summaries', id: summaryId })],
])('the deletion of %s', (_, rowOf) => {
  it.each(Object.entries(CALLS))(
    'and a result that is %s meanwhile do not wait for each other',
    async (_name, call) => {
      const { sql } = database;
      const work = await atWork();
      const { table, id } = rowOf(work);
      let called: Promise<unknown> | undefined;
      await sql.begin(async (transaction) => {
        // The deletion locks this row before anything else, and its reports later.
        await transaction`select from ${sql(table)} where id = ${id} for update`;
        called = call(work);
        await untilSomebodyWaits(sql);
        await transaction`delete from ${sql(table)} where id = ${id}`;
      });
      await called;
      expect(await sql`select from ${sql(table)} where id = ${id}`).toHaveLength(0);
    },
  );
});

it('an erasure does not wait for an account whose deletion waits for it', async () => {
  const { sql } = database;
  const { userId } = await atWork();
  // The time-out of a millisecond ends such a wait before the test sees it, though sometimes a deadlock is found in it.
  await sql`alter function private.erase_account(uuid, int, timestamptz) set lock_timeout = '10s'`;
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await sql`alter function private.erase_account(uuid, int, timestamptz) set lock_timeout = '1ms'`;
  });
  let deletion: Promise<unknown> | undefined;
  const step = await sql.begin(async (erasure) => {
    await erasure`insert into private.erasures (user_id) values (${userId})`;
    deletion = sql.begin(async (other) => {
      // As Auth's deletion does: first the account, at the end what is left to erase.
      await other`select from auth.users where id = ${userId} for update`;
      await other`insert into private.erasures (user_id) values (${userId}) on conflict do nothing`;
    });
    await untilSomebodyWaits(sql);
    const [row] = await erasure`select public.erase_user(${userId}, 100) as step`;
    return row?.['step'] as unknown;
  });
  await deletion;
  expect(step).toMatchObject({ errors: [], left: true });
  // The next call goes on.
  const [row] = await sql`select public.erase_user(${userId}, 100) as step`;
  expect(row?.['step']).toMatchObject({ errors: [], reports: 1 });
});

describe('what an owner writes into a row of report_jobs', () => {
  it('is not waited for by retention, which leaves that job for the next time', async () => {
    const { sql } = database;
    const { userId, run } = await atWork();
    await sql`select public.cancel_report_job(${run.job_id}, 'pipeline')`;
    await sql`
      update private.job_runs set completed_at = now() - interval '61 days', created_at = now() - interval '62 days'
      where job_id = ${run.job_id}`;
    const jobs = () => sql`select from private.job_runs where job_id = ${run.job_id}`;
    await asUser(sql, userId, async (owner) => {
      // An update locks the row before its trigger asks for the job.
      await owner`select from public.report_jobs where job_id = ${run.job_id} for update`;
      expect(await store.prune()).toMatchObject({ jobs: 0 });
      expect(await jobs()).toHaveLength(1);
      await owner`update public.report_jobs set percent = 77 where job_id = ${run.job_id}`;
    });
    expect(await store.prune()).toMatchObject({ jobs: 1 });
    expect(await jobs()).toHaveLength(0);
    expect(await sql`select from public.report_jobs where job_id = ${run.job_id}`).toHaveLength(0);
  });

  it('does not lock the report of a job that has ended', async () => {
    const { sql } = database;
    const { userId, reportId, run } = await atWork();
    await sql`select public.cancel_report_job(${run.job_id}, 'pipeline')`;
    await sql.begin(async (holder) => {
      await holder`select from public.org_reports where id = ${reportId} for update`;
      await asUser(sql, userId, async (owner) => {
        await owner`set local lock_timeout = '500ms'`;
        await owner`update public.report_jobs set percent = 77 where job_id = ${run.job_id}`;
        await owner`delete from public.report_jobs where job_id = ${run.job_id}`;
      });
    });
    expect(await sql`select from public.report_jobs where job_id = ${run.job_id}`).toHaveLength(0);
  });

  it('does not hide what the job has come to meanwhile', async () => {
    const { sql } = database;
    const { userId, run } = await atWork();
    let written: Promise<unknown> | undefined;
    await sql.begin(async (runner) => {
      await runner`update private.job_runs set percent = 42 where job_id = ${run.job_id}`;
      written = asUser(
        sql,
        userId,
        (owner) => owner`update public.report_jobs set percent = 77 where job_id = ${run.job_id}`,
      );
      await untilSomebodyWaits(sql);
      await runner`select private.show_job(${run.job_id})`;
    });
    await written;
    const [shown] = await sql`select percent from public.report_jobs where job_id = ${run.job_id}`;
    expect(shown).toEqual({ percent: 42 });
  });
});
