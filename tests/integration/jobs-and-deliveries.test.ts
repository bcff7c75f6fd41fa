import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

type Answer = Record<string, unknown> & { outcome: string };
interface Run {
  job_id: string;
  lease_token: number;
}

async function request(
  reportId: string,
  change: object = {},
  key: string | null = null,
  caller = 'pipeline',
) {
  const { sql } = database;
  const body = {
    prompt: 'p',
    report_type: 'org',
    report_id: reportId,
    stage: 'prelim',
    generate: true,
    ...change,
  };
  const [row] = await sql<{ answer: Answer & { job: { job_id: string }; run: Run } }[]>`
    select public.request_report_job(${sql.json(body)}, ${caller}, ${key}, 60, 2) as answer`;
  if (row === undefined) throw new Error('no answer');
  return row.answer;
}

async function complete(jobId: string, token: number | null, text = 'text') {
  const { sql } = database;
  const result = { status: 'completed', research_report: text };
  const [row] = await sql<
    { answer: Answer & { delivery?: { delivery_id: number; delivery_token: number; event_id: string } } }[]
  >`
    select public.complete_report_job(${jobId}, ${token}, ${sql.json(result)}, 30) as answer`;
  if (row === undefined) throw new Error('no answer');
  const { delivery, ...answer } = row.answer;
  return {
    ...answer,
    delivery_id: delivery?.delivery_id ?? 0,
    delivery_token: delivery?.delivery_token ?? 0,
    event_id: delivery?.event_id,
  };
}

async function record(deliveryId: number, token: number, result: string, status: number | null = 500) {
  const { sql } = database;
  const attempts = sql.json([{ status, duration_ms: 5 }]);
  const [row] = await sql<{ answer: { status: string; dead: boolean; effect: string } }[]>`
    select public.record_delivery_attempts(${deliveryId}, ${token}, ${result}, ${attempts}, null) as answer`;
  return row?.answer;
}

async function jobStatus(jobId: string): Promise<unknown> {
  const [row] = await database.sql`select status from public.report_jobs where job_id = ${jobId}`;
  return row?.status;
}

describe('a job', () => {
  it('is made once for ten requests at once with one key', async () => {
    const { reportId } = await createReport(database.sql);
    const answers = await Promise.all(Array.from({ length: 10 }, () => request(reportId, {}, 'key')));
    expect(answers.filter((answer) => answer.outcome === 'created')).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.job.job_id)).size).toBe(1);
    expect((await request(reportId, { prompt: 'other' }, 'key')).outcome).toBe('idempotency_conflict');
  });

  it('does not share its key between callers', async () => {
    const { reportId, userId } = await createReport(database.sql);
    const first = await request(reportId, {}, 'shared');
    const second = await request(reportId, {}, 'shared', userId);
    expect(second.outcome).toBe('created');
    expect(second.job.job_id).not.toBe(first.job.job_id);
  });

  it('is refused to a user who does not own the report, or has too many', async () => {
    const { reportId, userId } = await createReport(database.sql);
    const stranger = await createReport(database.sql);
    expect((await request(reportId, {}, null, stranger.userId)).outcome).toBe('report_not_found');
    const answers = await Promise.all([1, 2, 3].map(() => request(reportId, {}, null, userId)));
    expect(answers.map((answer) => answer.outcome).sort()).toEqual(['created', 'created', 'quota_exceeded']);
  });

  it('is completed only by the runner that holds its lease', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await request(reportId);
    await database.sql`update public.report_jobs set lease_expires_at = now() - interval '1 second' where job_id = ${run.job_id}`;
    const [taken] = await database.sql<
      { run: Run }[]
    >`select public.take_over_report_job(${run.job_id}, 60) as run`;
    expect(taken?.run.lease_token).toBe(2);
    const [again] = await database.sql`select public.take_over_report_job(${run.job_id}, 60) as run`;
    expect(again).toEqual({ run: null });
    expect((await complete(run.job_id, run.lease_token)).outcome).toBe('lease_lost');
    expect((await complete(run.job_id, 2)).outcome).toBe('completed');
  });

  it('has one completion: the same again is repeated, another a conflict, one after a cancellation refused', async () => {
    const { reportId } = await createReport(database.sql);
    const { job } = await request(reportId, { generate: false });
    expect((await complete(job.job_id, null)).outcome).toBe('completed');
    expect((await complete(job.job_id, null)).outcome).toBe('repeated');
    expect((await complete(job.job_id, null, 'other')).outcome).toBe('job_conflict');

    const cancelled = await request(reportId);
    await database.sql`select public.cancel_report_job(${cancelled.job.job_id}, 'pipeline')`;
    expect(await jobStatus(cancelled.job.job_id)).toBe('cancelled');
    expect((await complete(cancelled.job.job_id, null)).outcome).toBe('job_cancelled');
  });

  it('commits its result, event and pending delivery together, and shows it only when applied', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await request(reportId);
    await complete(run.job_id, run.lease_token, 'the result');
    const [row] = await database.sql`
      select research_report, research_status, webhook_status, webhook_job_id from public.org_reports where id = ${reportId}`;
    expect(row).toEqual({
      research_report: null,
      research_status: 'running',
      webhook_status: 'pending',
      webhook_job_id: run.job_id,
    });
  });
});

describe('a delivery', () => {
  async function delivery() {
    const { reportId } = await createReport(database.sql);
    const { run } = await request(reportId, { stage: 'final' });
    const { delivery_id: id, delivery_token: token } = await complete(run.job_id, run.lease_token);
    return { reportId, id, token };
  }

  it('that failed once has its result in the report, by direct update, and its owner knows', async () => {
    const { reportId, id, token } = await delivery();
    expect(await record(id, token, 'failed')).toEqual({ status: 'failed', dead: false, effect: 'applied' });
    const [row] = await database.sql`
      select research_report, research_status, webhook_status, webhook_attempts
      from public.org_reports where id = ${reportId}`;
    expect(row).toEqual({
      research_report: 'text',
      research_status: 'completed',
      webhook_status: 'failed',
      webhook_attempts: 1,
    });
    const [notified] = await database.sql`
      select count(*)::int as rows from public.report_notifications where report_id = ${reportId}`;
    expect(notified).toEqual({ rows: 1 });
  });

  it('follows the schedule of six slots, each within a fifth, and then is a dead letter', async () => {
    const { id, token } = await delivery();
    await record(id, token, 'failed');
    const slots = [30, 120, 600, 3600, 21_600, 86_400];
    for (const seconds of slots) {
      const [due] = await database.sql<{ seconds: number }[]>`
        select extract(epoch from next_attempt - last_attempt)::float8 as seconds
        from public.webhook_deliveries where id = ${id}`;
      expect(due?.seconds).toBeGreaterThanOrEqual(seconds * 0.8);
      expect(due?.seconds).toBeLessThanOrEqual(seconds * 1.2);
      await database.sql`update public.webhook_deliveries set next_attempt = '2000-01-01' where id = ${id}`;
      const [claimed] = await database.sql<{ held: { delivery_id: number; delivery_token: number } }[]>`
        select public.claim_due_delivery(30) as held`;
      expect(claimed?.held.delivery_id).toBe(id);
      const answer = await record(id, claimed?.held.delivery_token ?? 0, 'failed');
      expect(answer?.dead).toBe(seconds === slots.at(-1));
    }
    const [row] = await database.sql`
      select attempts, dead_reason from public.webhook_deliveries where id = ${id}`;
    expect(row).toEqual({ attempts: 7, dead_reason: 'attempts_exhausted' });
  });

  it('that succeeded is not undone by a late failure', async () => {
    const { id, token } = await delivery();
    expect(await record(id, token, 'delivered', 200)).toMatchObject({ status: 'success' });
    expect(await record(id, token, 'failed')).toMatchObject({ status: 'success' });
  });

  it('is claimed by one of many sweeps', async () => {
    await database.sql`update public.webhook_deliveries set next_attempt = null where next_attempt is not null`;
    const { id } = await delivery();
    await database.sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 s' where id = ${id}`;
    const claims = await Promise.all(
      Array.from({ length: 10 }, () => database.sql`select public.claim_due_delivery(30) as held`),
    );
    expect(claims.filter(([row]) => row?.held !== null)).toHaveLength(1);
  });

  it('is closed when its report is deleted', async () => {
    const { reportId, id } = await delivery();
    await database.sql`delete from public.org_reports where id = ${reportId}`;
    const [row] = await database.sql`select dead_reason from public.webhook_deliveries where id = ${id}`;
    expect(row).toEqual({ dead_reason: 'report_deleted' });
  });
});
