import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { asUser, untilSomebodyWaits } from '../support/locks.ts';
import { storeClient } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
/** Accounts are deleted by Auth, whose role has no rights on our tables. */
let auth: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
  auth = postgres(asRole(database.url, 'supabase_auth_admin'), { max: 5, onnotice: () => undefined });
});
afterAll(async () => {
  await auth.end();
  await database[Symbol.asyncDispose]();
});

const DEADLOCK = '40P01';

const deleted = (userId: string) => auth`delete from auth.users where id = ${userId}`;

/** As the platform's servers write: with the service key. */
async function asServer<T>(work: (sql: postgres.TransactionSql) => Promise<T>): Promise<T> {
  const { value } = await database.sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', '{"role": "service_role"}', true), set_config('role', 'service_role', true)`;
    return { value: await work(sql) };
  });
  return value;
}

/** An account whose reports are worked on: a job that runs, one that a server runs, and a delivery that is held. */
async function account() {
  const { sql } = database;
  const { userId, reportId } = await createReport(sql);
  const { reportId: other } = await createReport(sql, { userId });
  const [first, second] = [reportId, other].sort();
  if (first === undefined || second === undefined) throw new Error('two reports');
  const summaryId = randomUUID();
  await sql`
    insert into public.polaris_summaries (id, user_id, summary_content) values (${summaryId}, ${userId}, 'summary')`;
  await sql`update public.org_reports set summary_id = ${summaryId} where id = ${first}`;
  const serverJob = randomUUID();
  await asServer(
    (server) => server`
      insert into public.report_jobs (job_id, user_id, status, prompt, metadata)
      values (${serverJob}, ${userId}, 'queued', 'p', ${server.json({ report_type: 'org', report_id: first })})`,
  );
  const { run } = await store.request(first, { stage: 'final' }, null, userId);
  const done = await store.request(first, { stage: 'final' });
  const { delivery } = await store.complete(done.run.job_id, done.run.lease_token);
  if (delivery === undefined) throw new Error('nothing to send');
  return { userId, first, second, summaryId, serverJob, run, delivery };
}
type Account = Awaited<ReturnType<typeof account>>;

describe('the deletion of an account', () => {
  /** What one statement or call does meanwhile, by everybody who may. */
  const WRITERS: Record<string, (account: Account) => Promise<unknown>> = {
    'a request': ({ second }) => store.request(second),
    'a request of the owner': ({ userId, second }) => store.request(second, {}, null, userId),
    progress: ({ run }) =>
      database.sql`select public.report_job_progress(${run.job_id}, ${run.lease_token}, 10, 60)`,
    'a completion': ({ run }) => store.complete(run.job_id, run.lease_token),
    'a take-over': ({ run }) => store.takeOver(run.job_id),
    'a webhook': ({ delivery }) => store.send(delivery, 'final-report'),
    // An authentic answer opens no circuit.
    'a failed round': ({ delivery }) => store.record(delivery, 'failed', [{ status: 401, authentic: true }]),
    'an edit': ({ userId, first }) =>
      asUser(
        database.sql,
        userId,
        (owner) => owner`update public.org_reports set research_report = 'mine' where id = ${first}`,
      ),
    'an edit of all': ({ userId }) =>
      asUser(
        database.sql,
        userId,
        (owner) => owner`update public.org_reports set research_report = 'all' where user_id = ${userId}`,
      ),
    'a new report': ({ userId, summaryId }) =>
      asUser(
        database.sql,
        userId,
        (owner) => owner`
          insert into public.org_reports (user_id, summary_id, user_data, research_report)
          values (${userId}, ${summaryId}, '{}', 'new')`,
      ),
    'a deleted report': ({ userId, second }) =>
      asUser(database.sql, userId, (owner) => owner`delete from public.org_reports where id = ${second}`),
    'a deleted summary': ({ userId, summaryId }) =>
      asUser(
        database.sql,
        userId,
        (owner) => owner`delete from public.polaris_summaries where id = ${summaryId}`,
      ),
    'a cancellation of all': ({ userId }) =>
      asUser(
        database.sql,
        userId,
        (owner) => owner`update public.report_jobs set status = 'cancelled' where user_id = ${userId}`,
      ),
    'a result of a server': ({ first, serverJob }) =>
      asServer(
        (server) => server`
          update public.org_reports
          set research_report = 'served', research_metadata = ${server.json({ job_id: serverJob })}
          where id = ${first}`,
      ),
    'a cancellation of a server': ({ run }) =>
      asServer(
        (server) => server`update public.report_jobs set status = 'cancelled' where job_id = ${run.job_id}`,
      ),
    'a job that a server deletes': ({ serverJob }) =>
      asServer((server) => server`delete from public.report_jobs where job_id = ${serverJob}`),
    'progress of a server': ({ serverJob }) =>
      asServer(
        (server) => server`
          update public.report_jobs set status = 'running', percent = 40 where job_id = ${serverJob}`,
      ),
  };

  const ROUNDS = 50;
  it('does not deadlock with concurrent writers', { timeout: 120_000 }, async () => {
    const failures: Record<string, number> = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      const work = await account();
      const calls = Object.entries(WRITERS).map(([name, call]) => ({ name, call: () => call(work) }));
      await Promise.all(
        [...calls, { name: 'deletion', call: () => deleted(work.userId) }].map(async ({ name, call }) => {
          await sleep(randomInt(20));
          try {
            await call();
          } catch (error) {
            if (!(error instanceof postgres.PostgresError)) throw error;
            const key = `${error.code} ${name}`;
            failures[key] = (failures[key] ?? 0) + 1;
          }
        }),
      );
      expect(await database.sql`select from auth.users where id = ${work.userId}`).toHaveLength(0);
    }
    expect(Object.keys(failures).filter((key) => key.startsWith(DEADLOCK))).toEqual([]);
  });

  describe('and a transaction of several statements do not wait for each other:', () => {
    const pause = () => untilSomebodyWaits(database.sql);

    it.each<[string, (work: Account, meanwhile: () => Promise<void>) => Promise<unknown>]>([
      [
        'a server writes a report twice',
        ({ first }, meanwhile) =>
          asServer(async (server) => {
            await server`update public.org_reports set research_report = 'one' where id = ${first}`;
            await meanwhile();
            await server`update public.org_reports set research_report = 'two' where id = ${first}`;
          }),
      ],
      [
        'a server writes a report, then its job',
        ({ first, serverJob }, meanwhile) =>
          database.sql.begin(async (server) => {
            await server`select from public.org_reports where id = ${first} for no key update`;
            await meanwhile();
            await server`update public.report_jobs set percent = 90 where job_id = ${serverJob}`;
          }),
      ],
      [
        'a server writes a job, then its report',
        ({ first, serverJob }, meanwhile) =>
          asServer(async (server) => {
            await server`update public.report_jobs set status = 'running' where job_id = ${serverJob}`;
            await meanwhile();
            await server`update public.org_reports set research_report = 'one' where id = ${first}`;
          }),
      ],
      [
        'an owner writes reports in an order of their own',
        ({ userId, first, second }, meanwhile) =>
          asUser(database.sql, userId, async (owner) => {
            await owner`update public.org_reports set research_report = 'two' where id = ${second}`;
            await meanwhile();
            await owner`update public.org_reports set research_report = 'one' where id = ${first}`;
          }),
      ],
    ])('%s', async (_, write) => {
      const work = await account();
      let deletion: Promise<unknown> | undefined;
      await write(work, async () => {
        deletion = deleted(work.userId).execute();
        await pause();
      });
      await deletion;
      expect(await database.sql`select from auth.users where id = ${work.userId}`).toHaveLength(0);
    });
  });

  // The deletion reads the reports in the order of the table: one of the two orders is the other one.
  it.each([false, true])(
    'of a summary waits for an owner who writes its reports, backwards: %s',
    async (backwards) => {
      const { sql } = database;
      const { userId, first, second, summaryId } = await account();
      await sql`update public.org_reports set summary_id = ${summaryId} where id = ${second}`;
      let deletion: Promise<unknown> | undefined;
      await asUser(sql, userId, async (owner) => {
        for (const id of backwards ? [second, first] : [first, second]) {
          await owner`update public.org_reports set research_report = 'mine' where id = ${id}`;
          deletion ??= asUser(
            sql,
            userId,
            (other) => other`delete from public.polaris_summaries where id = ${summaryId}`,
          );
          await untilSomebodyWaits(sql);
        }
      });
      await deletion;
      expect(await sql`select from public.org_reports where user_id = ${userId}`).toHaveLength(0);
    },
  );

  it.each(['a cancellation of all', 'a new report'])(
    'is not waited for by %s with something locked',
    async (name) => {
      const work = await account();
      let called: Promise<unknown> | undefined;
      await auth.begin(async (transaction) => {
        await transaction`select from auth.users where id = ${work.userId} for update`;
        called = WRITERS[name]?.(work).catch((error: unknown) => error);
        await untilSomebodyWaits(database.sql);
        await transaction`delete from auth.users where id = ${work.userId}`;
      });
      const result = await called;
      // There is nobody left whose report it could be.
      if (result instanceof Error) expect(result).toMatchObject({ code: '23503' });
      expect(await database.sql`select from auth.users where id = ${work.userId}`).toHaveLength(0);
    },
  );

  // What a server's statement holds, the deletion waits for: it must not wait in turn.
  it.each(['a cancellation of a server', 'a job that a server deletes'])(
    'is not waited for by %s, which leaves the job to it',
    async (name) => {
      const work = await account();
      await auth.begin(async (transaction) => {
        await transaction`select from auth.users where id = ${work.userId} for update`;
        await WRITERS[name]?.(work);
        const left = await database.sql`
          select job_id from public.report_jobs
          where job_id in (${work.run.job_id}, ${work.serverJob}) and status <> 'cancelled'`;
        expect(left).toHaveLength(2);
        await transaction`delete from auth.users where id = ${work.userId}`;
      });
      const runs = await database.sql`
        select distinct status from private.job_runs where job_id in (${work.run.job_id}, ${work.serverJob})`;
      expect([...runs]).toEqual([{ status: 'cancelled' }]);
    },
  );

  it('of a summary is not waited for by a server that cancels a job of its report', async () => {
    const work = await account();
    await asUser(database.sql, work.userId, async (owner) => {
      await owner`select from public.polaris_summaries where id = ${work.summaryId} for update`;
      await WRITERS['a cancellation of a server']?.(work);
      await owner`delete from public.polaris_summaries where id = ${work.summaryId}`;
    });
    const runs = await database.sql`select status from private.job_runs where job_id = ${work.run.job_id}`;
    expect([...runs]).toEqual([{ status: 'cancelled' }]);
  });

  describe('without its trigger', () => {
    const isGuarded = async () => {
      const [row] = await database.sql`
        select private.accounts_are_guarded() as guarded,
          (public.deployment_facts() ->> 'accounts_guarded')::boolean as fact`;
      return row;
    };
    async function asSuperuser(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
      const superuser = postgres(database.superuserUrl, { max: 1, onnotice: () => undefined });
      try {
        await work(superuser);
      } finally {
        await superuser.end();
      }
    }
    afterEach(async () => {
      await asSuperuser((superuser) => superuser`grant trigger on auth.users to postgres`);
      await database.sql`select private.guard_accounts()`;
      expect(await isGuarded()).toEqual({ guarded: true, fact: true });
    });

    it('is reported by the deployment facts, and restored by guard_accounts() where it has the right', async () => {
      await asSuperuser((superuser) => superuser`drop trigger polaris_lock_account on auth.users`);
      expect(await isGuarded()).toEqual({ guarded: false, fact: false });
      await asSuperuser((superuser) => superuser`revoke trigger on auth.users from postgres`);
      expect(await database.sql`select private.guard_accounts() as done`).toEqual([{ done: false }]);
      await asSuperuser((superuser) => superuser`grant trigger on auth.users to postgres`);
      expect(await database.sql`select private.guard_accounts() as done`).toEqual([{ done: true }]);
    });

    it('is reported when it is disabled', async () => {
      await asSuperuser(
        (superuser) => superuser`alter table auth.users disable trigger polaris_lock_account`,
      );
      expect(await isGuarded()).toEqual({ guarded: false, fact: false });
      await asSuperuser((superuser) => superuser`alter table auth.users enable trigger polaris_lock_account`);
    });
  });
});

describe('an account that Auth has deleted softly', () => {
  const softly = (userId: string) => auth`update auth.users set deleted_at = now() where id = ${userId}`;

  it('requests no jobs any more', async () => {
    const { userId, second } = await account();
    await softly(userId);
    expect(await store.request(second, {}, null, userId)).toEqual({ outcome: 'unauthorized' });
    const [row] = await database.sql`
      select public.request_report_job(
        p_job_id => ${`job_${randomUUID()}`}, p_caller => ${userId}, p_prompt => 'p', p_generate => true,
        p_lease_seconds => 60, p_quota => 2) as answer`;
    expect(row).toEqual({ answer: { outcome: 'unauthorized' } });
  });

  it('gets no result of the jobs that it requested, which end as cancelled', async () => {
    const { userId, run } = await account();
    await softly(userId);
    expect(await store.complete(run.job_id, run.lease_token)).toEqual({ outcome: 'report_not_found' });
    await database.sql`
      update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${run.job_id}`;
    expect(await store.takeOver(run.job_id)).toEqual({ outcome: 'given_up' });
    expect(await database.sql`select status from private.job_runs where job_id = ${run.job_id}`).toEqual([
      { status: 'cancelled' },
    ]);
  });

  it('gets no result of a job without a report either', async () => {
    const { userId } = await createReport(database.sql);
    const jobId = `job_${randomUUID()}`;
    await database.sql`
      select public.request_report_job(
        p_job_id => ${jobId}, p_caller => ${userId}, p_prompt => 'p', p_generate => true, p_lease_seconds => 60,
        p_quota => 2)`;
    await softly(userId);
    expect(await store.complete(jobId, 1)).toEqual({ outcome: 'job_cancelled' });
    await database.sql`
      update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${jobId}`;
    expect(await store.takeOver(jobId)).toEqual({ outcome: 'given_up' });
    expect(await database.sql`select status, result from private.job_runs where job_id = ${jobId}`).toEqual([
      { status: 'cancelled', result: null },
    ]);
  });

  it('keeps its reports, to which the pipeline’s jobs still bring their results', async () => {
    const { userId, first, delivery } = await account();
    await softly(userId);
    expect(await store.send(delivery, 'final-report')).toMatchObject({ outcome: 'applied' });
    const { run } = await store.request(first, { stage: 'final' });
    expect(await store.complete(run.job_id, run.lease_token)).toMatchObject({ outcome: 'completed' });
  });
});
