import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { seedLarge } from '../../tools/seed/large.ts';
import { printPlace, verifySlices, type Finding, type Place } from '../../tools/verify/slices.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Two events each. */
const REPORTS = 600;

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  await seedLarge(sql, { deliveries: 2 * REPORTS, auditRows: 4 * REPORTS, days: 10 });
});
afterAll(() => database.drop());

/** Statements that no function of ours would make: each breaks the events, or the reports, of one remainder. */
const BROKEN_EVENTS = [
  'delete from public.report_notifications where event_id = any ($1)',
  'delete from public.webhook_deliveries where event_id = any ($1)',
  'update public.report_events set position = position + 5 where id = any ($1)',
  'delete from private.report_contents where event_id = any ($1)',
  'update public.report_events set erased_at = now() where id = any ($1)',
  'update private.report_contents set lost_at = case when lost_at is null then now() end where event_id = any ($1)',
  'update public.report_events set effect = null, channel = null, applied_at = null, position = null where id = any ($1)',
  `update public.report_events set effect = 'superseded' where id = any ($1)`,
  `update public.report_events set digest = 'x' where id = any ($1)`,
  'update public.webhook_deliveries set report_id = gen_random_uuid() where event_id = any ($1)',
  'update public.report_notifications set report_id = gen_random_uuid() where event_id = any ($1)',
  `update private.job_runs set status = 'cancelled', event_id = null where event_id = any ($1)`,
  'update private.job_runs set event_id = null where event_id = any ($1)',
  `update private.job_runs set status = 'running', event_id = null, completed_at = null, lease_expires_at = now()
    where event_id = any ($1)`,
  'update private.job_runs set report_id = gen_random_uuid() where event_id = any ($1)',
  'delete from private.job_runs where event_id = any ($1)',
  `update private.job_runs set event_id = 'nowhere ' || job_id where event_id = any ($1)`,
  `update public.report_events set channel = 'owner', type = 'report.owner.edited' where id = any ($1)`,
  `update public.report_events set requested_at = requested_at - interval '100 days' where id = any ($1)`,
];
const BROKEN_REPORTS = [
  `update public.org_reports set research_report = 'x' where id = any ($1)`,
  `update public.org_reports set research_metadata = '{"seeded": 1.0}' where id = any ($1)`,
  `update public.org_reports set winner_event_id = 'seed_evt_7' where id = any ($1)`,
  'update public.org_reports set winner_event_id = null where id = any ($1)',
  `update public.org_reports set webhook_status = 'failed', webhook_attempts = 99 where id = any ($1)`,
  `update public.org_reports set research_status = 'running' where id = any ($1)`,
  'delete from public.org_reports where id = any ($1)',
];

/** Runs on a database in which something of everything is broken; what it did is undone. */
async function withBrokenRows(work: (sql: postgres.TransactionSql) => Promise<void>): Promise<void> {
  const undone = new Error('undone');
  await sql
    .begin(async (transaction) => {
      await transaction`set local session_replication_role = replica`;
      const reports = (await transaction`select id from public.org_reports order by id`).map((row) =>
        String(row['id']),
      );
      const events = (
        await transaction`select id from public.report_events where report_type = 'org' order by report_id, id`
      ).map((row) => String(row['id']));
      const every = (ids: string[], step: number, at: number) =>
        ids.filter((_, index) => index % step === at);
      for (const [at, statement] of BROKEN_EVENTS.entries()) {
        await transaction.unsafe(statement, [every(events, BROKEN_EVENTS.length + 3, at)]);
      }
      for (const [at, statement] of BROKEN_REPORTS.entries()) {
        await transaction.unsafe(statement, [every(reports, 2 * BROKEN_REPORTS.length, at)]);
      }
      await transaction`
        insert into private.erasures (user_id, report_type, report_id, requested_at)
        values (gen_random_uuid(), 'org', gen_random_uuid(), now() - interval '2 days')`;
      await transaction`
        insert into private.job_runs (job_id, caller, request_digest, status, prompt, lease_expires_at, completed_at)
        select 'odd ' || n, 'pipeline', '', 'succeeded', '', null, now() from generate_series(1, 5) n`;
      await work(transaction);
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
}

const lines = (findings: Finding[]) =>
  findings
    .map(({ problem, report_type, report_id, event_id, job_id }) =>
      [problem, report_type, report_id, event_id, job_id].join(' | '),
    )
    .sort();

async function slices(through: postgres.ISql, size: number, from?: Place) {
  const all = [];
  for await (const slice of verifySlices(through, from, { size })) all.push(slice);
  return all;
}

describe('slices', () => {
  it('find what verify_reports() finds, however large they are', async () => {
    await withBrokenRows(async (transaction) => {
      const whole = lines([...(await transaction<Finding[]>`select * from public.verify_reports()`)]);
      expect(new Set(whole.map((line) => line.split(' | ')[0])).size).toBeGreaterThanOrEqual(20);
      for (const size of [40, 10_000]) {
        const found = (await slices(transaction, size)).flatMap(({ findings }) => findings);
        expect(lines(found)).toEqual(whole);
      }
    });
  });

  it('go on at any place where a run stopped, and say how far they are', async () => {
    await withBrokenRows(async (transaction) => {
      const all = await slices(transaction, 60);
      expect(all.length).toBeGreaterThan(10);
      expect(all.map(({ done }) => done)).toEqual(
        all.map(({ done }) => done).sort((one, other) => one - other),
      );
      expect(all.at(-1)?.done).toBe(1);
      for (const [index, { next }] of all.entries()) {
        const rest = next === undefined ? [] : await slices(transaction, 60, next);
        expect(rest.map(({ findings }) => lines(findings))).toEqual(
          all.slice(index + 1).map(({ findings }) => lines(findings)),
        );
      }
    });
  });
});

interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** The command itself, as an operator runs it. */
function start(...parameters: string[]) {
  const child = spawn(process.execPath, ['scripts/verify.ts', ...parameters], {
    cwd: projectRoot,
    env: { ...process.env, DATABASE_URL: database.url },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  const ended = new Promise<Run>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, out, err });
    });
  });
  return { child, ended };
}
const run = (...parameters: string[]) => start(...parameters).ended;

describe('npm run verify', () => {
  it('says what it looked at, and how far it is', async () => {
    const { code, out, err } = await run();
    expect(out).toBe(
      `verify: 0 problems in ${2 * REPORTS} events, ${2 * REPORTS} deliveries and ${2 * REPORTS} jobs\n`,
    );
    // Of three types of as many reports.
    expect(err).toBe('verify: 30 %\nverify: 60 %\nverify: 90 %\n');
    expect(code).toBe(0);
  });

  it('prints each problem, and ends with status 1', async () => {
    const [report] =
      await sql`select id, winner_event_id from public.org_reports where research_status = 'completed' limit 1`;
    const [id, event] = [String(report?.['id']), String(report?.['winner_event_id'])];
    const setStatus = (status: string) =>
      sql.begin(async (other) => {
        await other`set local session_replication_role = replica`;
        await other`update public.org_reports set research_status = ${status} where id = ${id}`;
      });
    await setStatus('running');
    try {
      const { code, out } = await run();
      expect(out).toContain(
        `research_status differs from the newest request: org report ${id}, event ${event}\n`,
      );
      expect(out).toMatch(/^verify: 1 problems in /m);
      expect(code).toBe(1);
    } finally {
      await setStatus('completed');
    }
  });

  it('that is interrupted says where to continue, and continues there', async () => {
    const locking = await sql.reserve();
    try {
      // What only the last part reads.
      await locking`begin`;
      await locking`lock table private.endpoint_secrets in access exclusive mode`;
      const { child, ended } = start();
      for (;;) {
        const [waiting] = await sql`
          select from pg_locks where relation = 'private.endpoint_secrets'::regclass and not granted`;
        if (waiting !== undefined) break;
        await sleep(20);
      }
      child.kill('SIGINT');
      const { code, out, err } = await ended;
      expect(err).toContain(
        'verify: not finished; 0 problems so far. To continue: npm run verify -- --from rest\n',
      );
      expect(out).toBe('');
      expect(code).toBe(130);
    } finally {
      await locking`rollback`;
      locking.release();
    }
    const { code, out } = await run('--from', 'rest');
    expect(out).toBe('verify: 0 problems in the part from rest\n');
    expect(code).toBe(0);
  });

  it('looks at the rest where a slice cannot be verified', async () => {
    const [source] =
      await sql`select pg_get_functiondef('private.verify_jobs(text, text)'::regprocedure) as text`;
    await sql.unsafe(`
      create or replace function private.verify_jobs(p_after text, p_to text)
      returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
      language plpgsql stable as $$ begin raise exception 'odd' using errcode = 'PL042'; end $$`);
    try {
      const { code, out } = await run();
      expect(out).toContain(
        'a slice that could not be verified (jobs, from the first id to the last id): PL042 odd\n',
      );
      expect(out).toMatch(/^verify: 1 problems in /m);
      expect(code).toBe(1);
    } finally {
      await sql.unsafe(String(source?.['text']));
    }
  });

  it.each(['nowhere', 'org/5', 'org/', 'rest/1', 'jobs/', ''])(
    'refuses to begin from "%s"',
    async (place) => {
      const { code, out, err } = await run('--from', place);
      expect(err).toContain(`"${place}" is not a place to continue from.`);
      expect(out).toBe('');
      expect(code).toBe(1);
    },
  );

  it('prints places that it reads', () => {
    expect(printPlace({ part: 'org', after: null })).toBe('org');
    expect(printPlace({ part: 'jobs', after: 'job_1' })).toBe('jobs/job_1');
  });
});
