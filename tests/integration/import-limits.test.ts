import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobView } from '../../src/contracts/jobs.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

interface Job {
  job_id: string;
  status: string;
  result?: string;
  eta_seconds?: number;
  /** The platform's jobs are of nobody. */
  of_nobody?: boolean;
}

/** A report of before the events, with jobs that name it in their metadata; each is older than the one before it. */
async function reportToImport(jobs: Job[]): Promise<{ userId: string; reportId: string }> {
  const { sql } = database;
  const report = await createReport(sql);
  await sql`insert into private.reports_to_import (report_type, report_id) values ('org', ${report.reportId})`;
  const metadata = { report_type: 'org', report_id: report.reportId };
  // As it stood before our triggers: none watches these inserts.
  await sql`alter table public.report_jobs disable trigger adopt_job`;
  await sql`
    insert into public.report_jobs (job_id, user_id, status, result, eta_seconds, metadata, created_at, completed_at)
    select job_id, case when not coalesce(of_nobody, false) then ${report.userId}::uuid end, status, result, eta_seconds,
      ${sql.json(metadata)}, now() - interval '1 day' - number * interval '1 hour',
      case when status = 'succeeded' then now() - interval '1 day' end
    from jsonb_to_recordset(${sql.json(
      jobs.map((job, number) => ({ ...job, number })),
    )}) job (job_id text, status text, result text, eta_seconds int, of_nobody boolean, number int)`;
  await sql`alter table public.report_jobs enable trigger adopt_job`;
  await sql`select private.lock_report('org', ${report.reportId})`;
  return report;
}

describe('the import of a report', () => {
  it('takes the jobs of nobody and the newest of its owner, 20 of them: people could insert any number', async () => {
    const ofOwner = Array.from({ length: 30 }, (_, number) => ({
      job_id: `own_${number}`,
      status: 'succeeded',
      result: `text ${number}`,
    }));
    const oldest = { job_id: 'of_nobody', status: 'succeeded', result: 'text', of_nobody: true };
    const { reportId } = await reportToImport([...ofOwner, oldest]);
    const taken = await database.sql<{ job_id: string }[]>`
      select job_id from private.job_runs where report_id = ${reportId} order by created_at desc`;
    expect(taken.map(({ job_id }) => job_id)).toEqual([
      ...ofOwner.slice(0, 19).map(({ job_id }) => job_id),
      'of_nobody',
    ]);
    const [shown] = await database.sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(shown).toEqual({ research_report: 'text 0' });
  });

  it('shows no job that is to end before now', async () => {
    const { userId } = await reportToImport([{ job_id: 'early', status: 'running', eta_seconds: -5 }]);
    const [row] = await database.sql`select public.get_report_job('early', ${userId}) as job`;
    expect(jobView.parse(row?.['job'])).toMatchObject({ status: 'running', eta_seconds: null });
  });
});

describe('an id that a sender has used for another report', () => {
  const completed = (reportId: string, jobId: string) => ({
    type: 'report.prelim.completed',
    timestamp: new Date().toISOString(),
    data: {
      job_id: jobId,
      report_id: reportId,
      report_type: 'org',
      research_report: 'of another report',
      research_status: 'completed',
    },
  });

  it.each(['event', 'job'])('does not stop the import (the id of an %s)', async (what) => {
    const { sql } = database;
    const store = storeClient(sql);
    const other = await createReport(sql);
    const { reportId } = await createReport(sql);
    const id = `import_org_${reportId.replaceAll('-', '')}`;
    await sql.begin(async (transaction) => {
      await transaction`alter table public.org_reports disable trigger user`;
      await transaction`
          update public.org_reports set research_report = 'text', webhook_status = 'failed', webhook_job_id = 'job_1'
          where id = ${reportId}`;
      await transaction`alter table public.org_reports enable trigger user`;
      await transaction`insert into private.reports_to_import (report_type, report_id) values ('org', ${reportId})`;
    });
    const [eventId, jobId] = what === 'event' ? [id, `job-${id}`] : [`evt-${id}`, id];
    expect(await store.apply(eventId, completed(other.reportId, jobId))).toMatchObject({
      outcome: 'applied',
    });

    expect(await importBatch()).toMatchObject({ imported: 1, left: 0 });
    const events = await sql`
        select event.id = report.winner_event_id as wins, event.channel, content.research_report
        from public.report_events event
        join private.report_contents content on content.event_id = event.id
        join public.org_reports report on report.id = event.report_id
        where event.report_id = ${reportId}`;
    expect([...events]).toEqual([{ wins: true, channel: 'import', research_report: 'text' }]);
    const deliveries = await sql`
        select status from public.webhook_deliveries where report_id = ${reportId} and dead_at is null`;
    expect([...deliveries]).toEqual([{ status: 'failed' }]);
  });
});

describe('metadata whose numbers print as a gigabyte', () => {
  // Eight characters of which each would be printed as 131,072.
  const metadata = `{"n": [${Array.from({ length: 9_000 }, () => '1e131071').join()}]}`;
  const failed = { webhook_status: 'failed', webhook_job_id: 'job_1' };

  it.each([
    ['with a text', 'text', 'unsendable'],
    ['of a failure', null, 'import'],
  ])('does not stop the import of a report %s', async (_name, text, reason) => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    await sql.begin(async (transaction) => {
      // As the platform's first version left it: no trigger of ours saw the write.
      await transaction`alter table public.org_reports disable trigger user`;
      await transaction`
        update public.org_reports
        set ${transaction({ ...failed, research_report: text })}, research_metadata = ${metadata}::text::jsonb
        where id = ${reportId}`;
      await transaction`alter table public.org_reports enable trigger user`;
      await transaction`insert into private.reports_to_import (report_type, report_id) values ('org', ${reportId})`;
    });
    expect(await importBatch()).toMatchObject({ imported: 1, left: 0 });
    const deliveries =
      await sql`select dead_reason from public.webhook_deliveries where report_id = ${reportId}`;
    expect([...deliveries]).toEqual([{ dead_reason: reason }]);
    expect([...(await sql`select * from public.verify_reports()`)]).toEqual([]);
    expect(await storeClient(sql).redrive({ dead_reason: reason })).toBe(0);
    const [claimed] = await sql`select public.claim_report_delivery('org', ${reportId}, 30) as answer`;
    expect(claimed).toEqual({ answer: { outcome: 'delivery_closed' } });
  });

  it('is taken from a server, with its text', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    await sql.begin(async (server) => {
      await server`select set_config('role', 'service_role', true)`;
      await server`
        update public.org_reports set research_report = 'served', research_metadata = ${metadata}::text::jsonb
        where id = ${reportId}`;
    });
    const [row] = await sql`
      select research_report, research_metadata = ${metadata}::text::jsonb as whole from public.org_reports
      where id = ${reportId}`;
    expect(row).toEqual({ research_report: 'served', whole: true });
    expect([...(await sql`select * from public.verify_reports()`)]).toEqual([]);
  });
});

describe('a batch of the import', () => {
  it('ends after about a second, so that writers do not wait and no time-out undoes it', async () => {
    const { sql } = database;
    // Stands for large texts.
    await sql.unsafe(`
      create function public.take_long() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.4); return new; end $$;
      create trigger take_long before insert on public.report_events for each row execute function public.take_long()`);
    try {
      for (let number = 0; number < 6; number++) {
        const { reportId } = await createReport(sql);
        await sql`insert into private.reports_to_import (report_type, report_id) values ('org', ${reportId})`;
        // As the platform's first version left it: no trigger of ours saw the text.
        await sql`alter table public.org_reports disable trigger record_platform_write`;
        await sql`update public.org_reports set research_report = 'text', research_status = 'completed' where id = ${reportId}`;
        await sql`alter table public.org_reports enable trigger record_platform_write`;
      }
      const first = await importBatch();
      expect(first.imported).toBeGreaterThan(0);
      expect(first.left).toBeGreaterThan(0);
      let left = first.left;
      while (left > 0) {
        const next = await importBatch();
        expect(next.left).toBeLessThan(left);
        left = next.left;
      }
    } finally {
      await sql.unsafe('drop trigger take_long on public.report_events; drop function public.take_long()');
    }
  });

  it('that takes longer than the whole call may is tried last, so that others are imported', async () => {
    const { sql } = database;
    await sql`delete from private.reports_to_import`;
    const [heavy, light] = [await createReport(sql), await createReport(sql)];
    for (const { reportId, failedAt } of [
      { reportId: heavy.reportId, failedAt: null },
      { reportId: light.reportId, failedAt: '2026-01-01' },
    ]) {
      await sql`
        insert into private.reports_to_import (report_type, report_id, failed_at) values ('org', ${reportId}, ${failedAt})`;
    }
    await sql`
      create function public.take_long() returns trigger language plpgsql as $$
      begin perform pg_sleep(5); return old; end $$`;
    await sql.unsafe(`
      create trigger take_long before delete on private.reports_to_import for each row
      when (old.report_id = '${heavy.reportId}') execute function public.take_long()`);
    // As PostgREST limits the call, but to less.
    const importWithin = () =>
      sql.begin(async (call) => {
        await call`set local statement_timeout = '1s'`;
        await call`select public.import_reports(100)`;
      });
    try {
      await importWithin();
      const [noted] = await sql`select failed_at is not null as failed, error from private.reports_to_import
        where report_id = ${heavy.reportId}`;
      expect(noted).toMatchObject({ failed: true, error: expect.stringContaining('timeout') as string });
      await importWithin();
      const left = await sql`select report_id from private.reports_to_import`;
      expect([...left]).toEqual([{ report_id: heavy.reportId }]);
    } finally {
      await sql.unsafe(
        'drop trigger take_long on private.reports_to_import; drop function public.take_long()',
      );
      await sql`delete from private.reports_to_import`;
    }
  });
});

async function importBatch(): Promise<{ imported: number; left: number }> {
  const [row] = await database.sql<{ answer: { imported: number; left: number } }[]>`
    select public.import_reports(100) as answer`;
  if (row === undefined) throw new Error('import_reports() has answered nothing');
  return row.answer;
}
