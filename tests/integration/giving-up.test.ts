import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
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

const loseRunner = (jobId: string) =>
  database.sql`update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${jobId}`;

async function failure(jobId: string) {
  const [row] = await database.sql`
    select job.status, job.error, event.type, delivery.status as webhook,
      delivery.id in (select id from private.due_deliveries) as due
    from private.job_runs job
    left join public.report_events event on event.id = job.event_id
    left join public.webhook_deliveries delivery on delivery.event_id = event.id
    where job.job_id = ${jobId}`;
  return row;
}

describe('a job', () => {
  it('fails after its take-overs, and that is an event whose delivery is due', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    for (let count = 1; count <= 3; count += 1) {
      await loseRunner(run.job_id);
      expect(await store.takeOver(run.job_id)).toMatchObject({
        outcome: 'taken_over',
        run: { take_overs: count },
      });
    }
    await loseRunner(run.job_id);
    const answers = await Promise.all([1, 2, 3, 4].map(() => store.takeOver(run.job_id)));
    expect(answers.filter(({ outcome }) => outcome === 'given_up')).toHaveLength(1);
    await database.sql`select pg_sleep(0.01)`;
    expect(await failure(run.job_id)).toEqual({
      status: 'failed',
      error: 'The report could not be finished: its generation was interrupted 4 times.',
      type: 'report.prelim.failed',
      webhook: 'pending',
      due: true,
    });
    // The last runner comes too late.
    expect((await store.complete(run.job_id, 4)).outcome).toBe('job_conflict');
    const held = await store.claim();
    if (held) await store.record(held, 'failed');
    const [report] =
      await database.sql`select research_status from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_status: 'failed' });
  });

  it('whose result is generated elsewhere fails past its deadline, and not before', async () => {
    const { reportId } = await createReport(database.sql);
    const { job } = await store.request(reportId, { generate: false });
    expect(await store.takeOver(job.job_id)).toEqual({ outcome: 'not_due' });
    await database.sql`update private.job_runs set deadline = now() - interval '1 second' where job_id = ${job.job_id}`;
    expect(await database.sql`select public.due_report_jobs(10) as job`).toMatchObject([{ job: job.job_id }]);
    expect(await store.takeOver(job.job_id)).toEqual({ outcome: 'given_up' });
    expect(await failure(job.job_id)).toMatchObject({
      status: 'failed',
      error: 'No result was submitted before the job expired.',
    });
  });
});
