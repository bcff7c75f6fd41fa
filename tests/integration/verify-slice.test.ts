import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { alertsOf } from '../support/alerts.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';

const REPORTS = 250;

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  const { userId } = await createReport(sql);
  await sql`insert into public.org_reports (user_id, user_data) select ${userId}, '{}' from generate_series(1, ${REPORTS})`;
  const store = storeClient(sql);
  const { reportId } = await createReport(sql);
  const { run } = await store.request(reportId);
  const { delivery } = await store.complete(run.job_id, run.lease_token);
  if (delivery === undefined) throw new Error('nothing to send');
  await store.record(delivery, 'failed');
});
afterAll(() => database.drop());
beforeEach(async () => {
  await sql`delete from private.verify_findings where true`;
  await sql`update private.verify_progress set part = null, place = null, finished_at = null`;
});

interface Slice {
  checked: number;
  findings: number;
  finished: boolean;
}

async function slice(through: postgres.ISql = sql): Promise<Slice> {
  const [row] = await through`select public.verify_slice() as answer`;
  // Safe: that is what the function answers.
  return row?.['answer'] as Slice;
}

/** Slices until everything was looked at; how many. */
async function round(): Promise<number> {
  for (let slices = 1; slices < 100; slices += 1) if ((await slice()).finished) return slices;
  throw new Error('the round does not end');
}

/** Runs with changes that no function of ours would make, and undoes them. */
async function broken(change: string, undo: string, work: () => Promise<void>): Promise<void> {
  const asReplica = (statement: string) =>
    sql.begin(async (other) => {
      await other`set local session_replication_role = replica`;
      await other.unsafe(statement);
    });
  await asReplica(change);
  try {
    await work();
  } finally {
    await asReplica(undo);
  }
}

const findings = async () => {
  const rows = await sql`
    select problem, report_type, report_id, event_id, job_id from private.verify_findings order by problem, report_id`;
  return rows.map((row) => ({ ...row }));
};

it('looks at a hundred reports at a time, goes on where it stood, and begins again', async () => {
  // Three slices of org reports, and one each of two other types, of jobs, and of the rest.
  expect(await round()).toBe(7);
  expect(await round()).toBe(7);
  expect(await findings()).toEqual([]);
});

it('finds what verify_reports() finds, slice by slice, whatever is broken where', async () => {
  await broken(
    `update public.org_reports set research_status = 'failed', stage = 'final'`,
    `update public.org_reports set research_status = private.report_status('org', id), stage = null where winner_event_id is null;
     update public.org_reports set research_status = private.report_status('org', id), stage = 'prelim' where winner_event_id is not null`,
    async () => {
      await round();
      const whole = await sql`
        select problem, report_type, report_id, event_id, job_id from public.verify_reports() order by problem, report_id`;
      expect(whole.length).toBeGreaterThan(REPORTS);
      expect(await findings()).toEqual([...whole]);
      // Seen again, they are no more.
      await round();
      expect(await findings()).toHaveLength(whole.length);
    },
  );
  await round();
  expect(await findings()).toEqual([]);
});

it('covers jobs without a report, and what is no report at all', async () => {
  await broken(
    `insert into private.erasures (user_id, report_type, report_id, requested_at)
       values (gen_random_uuid(), 'org', gen_random_uuid(), now() - interval '2 days');
     insert into private.job_runs (job_id, caller, request_digest, status, generate, prompt, lease_expires_at, completed_at, result)
       select 'odd', 'pipeline', '', 'succeeded', true, '', null, now(), null`,
    `delete from private.erasures where true; delete from private.job_runs where job_id = 'odd'`,
    async () => {
      await round();
      expect(await findings()).toMatchObject([{ job_id: 'odd' }, { problem: 'an overdue erasure' }]);
    },
  );
});

it('fires an alert with the first ids, which resolves when they are seen repaired', async () => {
  const alerts = alertsOf(sql);
  await alerts.quiet();
  const [report] = await sql`select id from public.org_reports order by id limit 1`;
  const id = String(report?.['id']);
  await broken(
    `update public.org_reports set research_status = 'failed' where id = '${id}'`,
    `update public.org_reports set research_status = private.report_status('org', id) where id = '${id}'`,
    async () => {
      await round();
      await alerts.evaluate();
    },
  );
  expect(await alerts.rows()).toMatchObject([
    {
      rule: 'verify_findings',
      state: 'firing',
      affected: 1,
      facts: { problems: ['research_status differs from the newest request'], report_ids: [id] },
    },
  ]);
  await round();
  await alerts.evaluate();
  await alerts.pass('1 minute');
  await alerts.evaluate();
  expect(await alerts.rows()).toMatchObject([{ state: 'resolved' }]);
});

describe('a slice', () => {
  it('is looked at by one sweep at a time', async () => {
    await sql.begin(async (other) => {
      await slice(other);
      expect(await slice()).toEqual({ checked: 0, findings: 0, finished: false });
    });
  });

  it('that could not be looked at while it was the whole part is forgotten once all of it was seen', async () => {
    await sql`
      insert into private.verify_findings (part, problem, report_type)
      select part, 'a slice that could not be verified: 57014', case when part = 'org' then part end
      from unnest('{org,jobs,rest}'::text[]) part`;
    // Meanwhile both parts have grown beyond one slice, as the reports have here.
    await sql`
      insert into private.job_runs (job_id, caller, request_digest, status, generate, prompt, completed_at)
      select 'later_' || number, 'pipeline', '', 'cancelled', false, '', now() from generate_series(1, ${REPORTS}) number`;
    await round();
    expect(await findings()).toEqual([]);
    await sql`delete from private.job_runs where job_id like 'later%'`;
  });

  it('waits for no lock for long, and is left to the next sweep', async () => {
    await sql.begin(async (other) => {
      await other`lock table private.verify_findings in access exclusive mode`;
      await expect(slice()).rejects.toMatchObject({ code: '55P03' });
    });
    await round();
    expect(await findings()).toEqual([]);
  });

  it('that cannot be looked at is a finding, and keeps no other from being looked at', async () => {
    const [source] =
      await sql`select pg_get_functiondef('private.verify_jobs(text, text)'::regprocedure) as text`;
    await sql.unsafe(`
      create or replace function private.verify_jobs(p_after text, p_to text)
      returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
      language plpgsql stable as $$ begin raise exception 'odd' using errcode = 'PL042'; end $$`);
    try {
      for (let time = 0; time < 3; time += 1) await round();
      expect(await findings()).toMatchObject([{ problem: 'a slice that could not be verified: PL042' }]);
    } finally {
      await sql.unsafe(String(source?.['text']));
    }
    await round();
    expect(await findings()).toEqual([]);
  });
});
