import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { migrate } from '../../tools/local/migrate.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { freePort } from '../../tools/local/ports.ts';
import { prepareDatabase } from '../../tools/local/prepare-database.ts';
import { startPostgresService, type PostgresService } from '../../tools/local/services.ts';
import { deploymentFacts } from '../../src/contracts/health.ts';
import { checkCron } from '../../src/server/observe/check-facts.ts';
import { createStandIns } from '../support/hosted-extensions.ts';

/** A job runs at the next full minute. A job that is scheduled just before may miss that minute. */
const RUN_TIMEOUT_MS = 130_000;
const TEST_TIMEOUT_MS = RUN_TIMEOUT_MS + 20_000;

/** As a hosted project creates the extension, with what it grants. */
const CREATE_PG_CRON = `
  create extension pg_cron schema pg_catalog;
  grant usage on schema cron to postgres with grant option;
  grant all on all functions in schema cron to postgres with grant option;
  grant all on all tables in schema cron to postgres with grant option;
  revoke all on table cron.job from postgres;
  grant select on table cron.job to postgres with grant option;
`;

const OLD_SECRET = 'x'.repeat(40);
const SECRET = 'y'.repeat(40);

async function hasPgCron(): Promise<boolean> {
  const { port, password } = inject('cluster');
  const sql = postgres(`postgresql://postgres:${password}@127.0.0.1:${port}/template1`, { max: 1 });
  try {
    return (await sql`select from pg_available_extensions where name = 'pg_cron'`).length > 0;
  } finally {
    await sql.end();
  }
}

const there = await hasPgCron();
const skipped = there ? '' : ' (skipped: this PostgreSQL has no extension pg_cron)';

describe.runIf(there)(`in the real pg_cron, the sweep${skipped}`, () => {
  let server: PostgresService;
  let sql: postgres.Sql;
  beforeAll(async () => {
    server = await startPostgresService({
      directory: await mkdtemp(join(tmpdir(), 'polaris-test-cron-')),
      port: await freePort(),
      password: inject('cluster').password,
      unsafelyFast: true,
      temporary: true,
      settings: {
        shared_preload_libraries: 'pg_cron',
        'cron.database_name': 'postgres',
        // Otherwise each run logs in as its owner, for which this server asks a password.
        'cron.use_background_workers': 'on',
      },
    });
    const { url } = server.state();
    await prepareDatabase(url);
    const superuserUrl = asRole(url, 'supabase_admin');
    const superuser = postgres(superuserUrl, { max: 1, onnotice: () => undefined });
    await superuser.unsafe(CREATE_PG_CRON).finally(() => superuser.end());
    await createStandIns(superuserUrl, ['pg_net', 'supabase_vault']);
    await migrate(url);
    sql = postgres(url, { max: 2, onnotice: () => undefined });
  });
  afterAll(async () => {
    await sql.end();
    await server.stop();
  });

  const schedule = (url: string, secret: string) =>
    sql`select private.schedule_sweep(${url}, ${secret}) as said`;

  /** The newest finished run of a job, once there is one that began after the given time. */
  async function nextRun(jobName: string, after: string): Promise<Record<string, unknown>> {
    const deadline = Date.now() + RUN_TIMEOUT_MS;
    for (;;) {
      const [run] = await sql`
        select run.status, run.username, run.return_message as message
        from cron.job_run_details run join cron.job using (jobid)
        where jobname = ${jobName} and run.status in ('succeeded', 'failed') and run.start_time > ${after}
        order by runid desc limit 1`;
      if (run) return run;
      if (Date.now() > deadline) throw new Error(`pg_cron did not run ${jobName}`);
      await sleep(200);
    }
  }

  async function now(): Promise<string> {
    const [row] = await sql<{ now: string }[]>`select clock_timestamp()::text as now`;
    return row?.now ?? '';
  }

  it('is one job of postgres, however often it is scheduled, and its text holds no secret', async () => {
    await schedule('https://old.example.com', OLD_SECRET);
    const before = await sql`select jobid from cron.job order by jobname`;
    expect([...(await schedule('https://polaris.example.com', SECRET))]).toEqual([
      { said: 'The sweep is called every minute. The log of its calls is kept for 7 days.' },
    ]);
    expect([...(await sql`select jobid from cron.job order by jobname`)]).toEqual([...before]);
    const jobs = await sql`
      select jobname, schedule, username, database, active from cron.job order by jobname`;
    const common = { username: 'postgres', database: 'postgres', active: true };
    expect([...jobs]).toEqual([
      { jobname: 'polaris cron log', schedule: '17 3 * * *', ...common },
      { jobname: 'polaris sweep', schedule: '* * * * *', ...common },
    ]);
    const [leak] = await sql`
      select from cron.job where position(${SECRET} in command) > 0 or position(${OLD_SECRET} in command) > 0`;
    expect(leak).toBeUndefined();
    // As on a hosted project: only the extension's functions write its jobs.
    await expect(sql`delete from cron.job where jobname = 'polaris sweep'`).rejects.toMatchObject({
      code: '42501',
    });
  });

  it(
    'fails alone where its address is missing from Vault',
    async () => {
      await sql`select cron.schedule('of the platform', '* * * * *', 'select 1')`;
      await sql`delete from vault.secrets where name = 'polaris_url'`;
      const since = await now();
      expect(await nextRun('polaris sweep', since)).toMatchObject({
        status: 'failed',
        message: expect.stringContaining('null value in column "url"') as string,
      });
      expect(await nextRun('of the platform', since)).toMatchObject({ status: 'succeeded' });
      expect([...(await sql`select from net.http_request_queue`)]).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'runs again as postgres, with what Vault holds, once it is scheduled again',
    async () => {
      await schedule('https://polaris.example.com', SECRET);
      expect(await nextRun('polaris sweep', await now())).toMatchObject({
        status: 'succeeded',
        username: 'postgres',
      });
      expect([
        ...(await sql`select method, url, headers, timeout_milliseconds from net.http_request_queue limit 1`),
      ]).toEqual([
        {
          method: 'GET',
          url: 'https://polaris.example.com/api/cron/sweep',
          headers: { authorization: `Bearer ${SECRET}` },
          timeout_milliseconds: 60_000,
        },
      ]);
    },
    TEST_TIMEOUT_MS,
  );

  it('counts for the doctor when a call arrives, not when pg_cron makes one', async () => {
    const finding = async () => {
      const [row] = await sql`select public.deployment_facts() as facts`;
      return checkCron(deploymentFacts.parse(row?.['facts'])).level;
    };
    expect(await finding()).toBe('failed');
    await sql`select public.record_sweep('of the cron')`;
    expect(await finding()).toBe('ok');
  });

  it('removes the log of its own runs after seven days, and no other', async () => {
    // Without this, a run that is under way or just begins would be counted in one query and not in the other.
    await sql`select cron.alter_job(jobid, active => false) from cron.job where jobname <> 'polaris cron log'`;
    const [own] = await sql<{ jobid: string }[]>`select jobid from cron.job where jobname = 'polaris sweep'`;
    const [platforms] = await sql<
      { jobid: string }[]
    >`select jobid from cron.job where jobname = 'of the platform'`;
    if (own === undefined || platforms === undefined) throw new Error('a job is missing');
    await sql`delete from cron.job_run_details where end_time is not null`;
    await sql`
      insert into cron.job_run_details (jobid, runid, username, status, end_time)
      select jobid, row_number() over () + 1000000, 'postgres', 'succeeded', now() - interval '1 hour' * hours
      from unnest(${[own.jobid, platforms.jobid]}::bigint[]) jobid, unnest(array[167, 169]) hours`;
    const [prune] = await sql<{ command: string }[]>`
      select command from cron.job where jobname = 'polaris cron log'`;
    await sql.unsafe(prune?.command ?? '');
    const left = await sql`
      select jobid, extract(epoch from now() - end_time)::int / 3600 as hours
      from cron.job_run_details where runid > 1000000 order by jobid, hours`;
    expect([...left]).toEqual([
      { jobid: own.jobid, hours: 167 },
      { jobid: platforms.jobid, hours: 167 },
      { jobid: platforms.jobid, hours: 169 },
    ]);
  });

  it('ends by what docs/operations.md says', async () => {
    const text = await readFile(join(projectRoot, 'docs/operations.md'), 'utf8');
    const [, statements] = /```sql\n([^`]*cron\.unschedule[^`]*)```/.exec(text) ?? [];
    if (statements === undefined) throw new Error('docs/operations.md does not say how to unschedule');
    await sql.unsafe(statements);
    expect([...(await sql`select jobname from cron.job`)]).toEqual([{ jobname: 'of the platform' }]);
  });
});
