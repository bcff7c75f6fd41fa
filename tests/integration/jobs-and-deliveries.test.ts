import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/locks.ts';
import { storeClient, type Held } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

async function jobStatus(jobId: string): Promise<unknown> {
  const [row] = await database.sql`select status from private.job_runs where job_id = ${jobId}`;
  return row?.status;
}

const finalOf = (reportId: string) => ({
  type: 'report.final.completed',
  timestamp: new Date().toISOString(),
  data: {
    job_id: `ext_${randomUUID()}`,
    report_id: reportId,
    report_type: 'org',
    research_report: 'final',
    research_status: 'completed',
  },
});

const contextSchema = z.object({
  user_data: z.unknown(),
  previous_report: z.string().nullable(),
  summary: z.string().nullable(),
});

describe('a job', () => {
  it('is made once for ten requests at once with one key', async () => {
    const { reportId } = await createReport(database.sql);
    const answers = await Promise.all(Array.from({ length: 10 }, () => store.request(reportId, {}, 'key')));
    expect(answers.filter((answer) => answer.outcome === 'created')).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.job.job_id)).size).toBe(1);
    expect((await store.request(reportId, { prompt: 'other' }, 'key')).outcome).toBe('idempotency_conflict');
  });

  it.each([
    [
      'its report is deleted',
      (reportId: string) => database.sql`delete from public.org_reports where id = ${reportId}`,
    ],
    [
      'a final is applied',
      (reportId: string) => store.apply(`evt_${randomUUID()}`, finalOf(reportId), 'final-report'),
    ],
  ])('is answered to a repeated request that waits while %s', async (_what, meanwhile) => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const key = randomUUID();
    const made = Promise.withResolvers<undefined>();
    const mayCommit = Promise.withResolvers<undefined>();
    const first = sql.begin(async (transaction) => {
      const { job } = await storeClient(transaction).request(reportId, {}, key);
      made.resolve(undefined);
      await mayCommit.promise;
      return job.job_id;
    });
    await made.promise;
    const between = meanwhile(reportId).then(() => undefined);
    await untilSomebodyWaits(sql);
    const repeated = store.request(reportId, {}, key);
    await untilSomebodyWaits(sql, 2);
    mayCommit.resolve(undefined);
    await between;
    expect(await repeated).toMatchObject({ outcome: 'existing', job: { job_id: await first } });
  });

  it('does not share its key between callers', async () => {
    const { reportId, userId } = await createReport(database.sql);
    const first = await store.request(reportId, {}, 'shared');
    const second = await store.request(reportId, {}, 'shared', userId);
    expect(second.outcome).toBe('created');
    expect(second.job.job_id).not.toBe(first.job.job_id);
  });

  it('is refused to a user who does not own the report, or has too many', async () => {
    const { reportId, userId } = await createReport(database.sql);
    const stranger = await createReport(database.sql);
    expect((await store.request(reportId, {}, null, stranger.userId)).outcome).toBe('report_not_found');
    const answers = await Promise.all([1, 2, 3].map(() => store.request(reportId, {}, null, userId)));
    expect(answers.map((answer) => answer.outcome).sort()).toEqual(['created', 'created', 'quota_exceeded']);
  });

  it('counts against the quota for a minute after it was cancelled, also by deleting its report', async () => {
    const { sql } = database;
    const { userId, reportId } = await createReport(sql);
    const { reportId: other } = await createReport(sql, { userId });
    const { job } = await store.request(reportId, {}, null, userId);
    await store.request(other, {}, null, userId);
    await sql`select public.cancel_report_job(${job.job_id}, ${userId})`;
    await sql`delete from public.org_reports where id = ${other}`;
    const request = () => store.request(reportId, {}, null, userId);
    expect(await request()).toEqual({ outcome: 'quota_exceeded' });
    await sql`
      update private.job_runs set completed_at = completed_at - interval '1 minute' where caller = ${userId}`;
    expect(await request()).toMatchObject({ outcome: 'created' });
  });

  it('is given a bounded intake, text and summary, whatever its report holds', async () => {
    const { sql } = database;
    const { userId, reportId } = await createReport(sql, { userData: { a: 'x'.repeat(1_000_000) } });
    const summaryId = randomUUID();
    await sql`
      insert into public.polaris_summaries (id, user_id, summary_content)
      values (${summaryId}, ${userId}, ${'s'.repeat(1_000_000)})`;
    await sql`
      update public.org_reports set summary_id = ${summaryId}, research_report = ${'r'.repeat(1_000_000)}
      where id = ${reportId}`;
    const lengthsOf = async () => {
      const { run } = await store.request(reportId);
      return Object.entries(contextSchema.parse(run)).map(([name, value]) => [
        name,
        typeof value === 'string' ? value.length : value,
      ]);
    };
    const bounded = [
      ['previous_report', 60_001],
      ['summary', 30_001],
    ];
    expect(await lengthsOf()).toEqual([['user_data', 300_001], ...bounded]);
    // Eight characters of which each would be printed as 131,072.
    await sql`
      update public.org_reports
      set user_data = (select jsonb_object_agg(n, 1e131071) from generate_series(1, 10000) n)
      where id = ${reportId}`;
    expect(await lengthsOf()).toEqual([['user_data', null], ...bounded]);
    // Far less on disk, compressed; too many values to be walked or printed.
    await sql`
      update public.org_reports
      set user_data = jsonb_build_object('n', (select jsonb_agg(1) from generate_series(1, 600000)))
      where id = ${reportId}`;
    expect(await lengthsOf()).toEqual([['user_data', null], ...bounded]);
    await sql`update public.org_reports set user_data = '{"a": [1.50]}' where id = ${reportId}`;
    expect(await lengthsOf()).toEqual([['user_data', { a: [1.5] }], ...bounded]);
  });

  it('is cancelled when its report goes with a summary, and goes on when only the row that shows it does', async () => {
    const { reportId, userId } = await createReport(database.sql);
    const other = await createReport(database.sql, { userId });
    const [summary] = await database.sql`
      insert into public.polaris_summaries (user_id, summary_content) values (${userId}, 'needs') returning id`;
    const summaryId = summary?.['id'] as string;
    await database.sql`update public.org_reports set summary_id = ${summaryId} where id = ${reportId}`;
    const { run: ofReport } = await store.request(reportId);
    const { run: ofOther } = await store.request(other.reportId, { summary_id: summaryId });
    await database.sql`delete from public.polaris_summaries where id = ${summaryId}`;

    expect([...(await database.sql`select from public.org_reports where id = ${reportId}`)]).toEqual([]);
    expect(await jobStatus(ofReport.job_id)).toBe('cancelled');
    const shown = await database.sql`select from public.report_jobs where job_id = ${ofOther.job_id}`;
    expect([...shown]).toEqual([]);
    const { delivery } = await store.complete(ofOther.job_id, ofOther.lease_token, 'still delivered');
    await store.apply(delivery?.event_id ?? '');
    const [report] = await database.sql`
      select research_report, research_status from public.org_reports where id = ${other.reportId}`;
    expect(report).toEqual({ research_report: 'still delivered', research_status: 'completed' });
  });

  it('is completed only by the runner that holds its lease', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    await database.sql`update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${run.job_id}`;
    expect(await store.takeOver(run.job_id)).toMatchObject({
      outcome: 'taken_over',
      run: { lease_token: 2 },
    });
    expect(await store.takeOver(run.job_id)).toEqual({ outcome: 'not_due' });
    expect((await store.complete(run.job_id, run.lease_token)).outcome).toBe('lease_lost');
    expect((await store.complete(run.job_id, 2)).outcome).toBe('completed');
  });

  it('has one completion: the same again is repeated, another a conflict, one after a cancellation refused', async () => {
    const { reportId } = await createReport(database.sql);
    const { job } = await store.request(reportId, { generate: false });
    expect((await store.complete(job.job_id, null)).outcome).toBe('completed');
    expect((await store.complete(job.job_id, null)).outcome).toBe('repeated');
    expect((await store.complete(job.job_id, null, 'other')).outcome).toBe('job_conflict');

    const cancelled = await store.request(reportId);
    await database.sql`select public.cancel_report_job(${cancelled.job.job_id}, 'pipeline')`;
    expect(await jobStatus(cancelled.job.job_id)).toBe('cancelled');
    expect((await store.complete(cancelled.job.job_id, null)).outcome).toBe('job_cancelled');
  });

  it('is cancelled and repeated by an operator with one audit row each, also where the call is repeated', async () => {
    const { sql } = database;
    const { reportId, userId } = await createReport(sql);
    const operator = await createReport(sql);
    await sql`insert into public.operators (user_id) values (${operator.userId})`;
    const { run } = await store.request(reportId, {}, null, userId);
    const next = `job_${randomUUID()}`;
    for (let time = 0; time < 2; time += 1)
      await sql`select public.cancel_report_job(${run.job_id}, ${operator.userId})`;
    for (let time = 0; time < 2; time += 1)
      await sql`select public.repeat_report_job(${next}, ${run.job_id}, ${operator.userId}, 60, 2)`;
    const audited = await sql`
      select outcome from public.webhook_audit where job_id = ${run.job_id} order by created_at`;
    expect(audited.map(({ outcome }) => outcome as string)).toEqual(['cancelled', 'job_repeated']);
  });

  it('does not tell the earlier owner of a report of the new owner’s job', async () => {
    const { sql } = database;
    const { reportId, userId } = await createReport(sql);
    const repeat = async (jobId: string, caller: string) => {
      const [row] = await sql<{ answer: { outcome: string } }[]>`
        select public.repeat_report_job(${`job_${randomUUID()}`}, ${jobId}, ${caller}, 60, 2) as answer`;
      return row?.answer;
    };
    const { run } = await store.request(reportId, {}, null, userId);
    await store.complete(run.job_id, run.lease_token);
    const next = await createReport(sql);
    await sql`update public.org_reports set user_id = ${next.userId} where id = ${reportId}`;
    const running = await store.request(reportId, {}, null, next.userId);
    expect(await repeat(run.job_id, userId)).toEqual({ outcome: 'report_not_found' });
    expect(await repeat(run.job_id, 'pipeline')).toMatchObject({
      outcome: 'existing',
      job: { job_id: running.job.job_id },
    });
  });

  it('commits its result, event and pending delivery together, and shows it only when applied', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    await store.complete(run.job_id, run.lease_token, 'the result');
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
    const { run } = await store.request(reportId, { stage: 'final' });
    const { delivery: held } = await store.complete(run.job_id, run.lease_token);
    if (held === undefined) throw new Error('nothing to send');
    return { reportId, held, id: held.delivery_id };
  }

  it('that failed once has its result in the report, by direct update, and its owner knows', async () => {
    const { reportId, held } = await delivery();
    expect(await store.record(held, 'failed')).toEqual({
      status: 'failed',
      dead: false,
      effect: 'applied',
      outward: null,
    });
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
    const { id, held } = await delivery();
    await store.record(held, 'failed');
    const slots = [30, 120, 600, 3600, 21_600, 86_400];
    for (const seconds of slots) {
      const [due] = await database.sql<{ seconds: number }[]>`
        select extract(epoch from next_attempt - last_attempt)::float8 as seconds
        from public.webhook_deliveries where id = ${id}`;
      expect(due?.seconds).toBeGreaterThanOrEqual(seconds * 0.8);
      expect(due?.seconds).toBeLessThanOrEqual(seconds * 1.2);
      await database.sql`update public.webhook_deliveries set next_attempt = '2000-01-01' where id = ${id}`;
      const claimed = await store.claim();
      expect(claimed?.delivery_id).toBe(id);
      const answer = claimed && (await store.record(claimed, 'failed'));
      expect(answer?.dead).toBe(seconds === slots.at(-1));
    }
    const [row] = await database.sql`
      select attempts, dead_reason from public.webhook_deliveries where id = ${id}`;
    expect(row).toEqual({ attempts: 7, dead_reason: 'attempts_exhausted' });
  });

  it('that succeeded is not undone by a late failure', async () => {
    const { held } = await delivery();
    const delivered = [{ status: 200, duration_ms: 5, authentic: true }];
    expect(await store.record(held, 'delivered', delivered)).toMatchObject({ status: 'success' });
    expect(await store.record(held, 'failed')).toMatchObject({ status: 'success' });
    const [row] = await database.sql`
      select response ->> 'status' as status from public.webhook_deliveries where event_id = ${held.event_id}`;
    expect(row).toEqual({ status: '200' });
  });

  it('stays with its holder when a sender with an expired lease records a round', async () => {
    const { id, held } = await delivery();
    await database.sql`
      update public.webhook_deliveries
      set lease_expires_at = now() - interval '1 second', next_attempt = '2000-01-01' where id = ${id}`;
    const holder = await store.claim();
    expect(holder?.delivery_id).toBe(id);
    const lease = () => database.sql`
      select status, rounds, next_attempt, dead_at, lease_token, lease_expires_at is not null as leased
      from public.webhook_deliveries where id = ${id}`;
    const before = await lease();
    expect(before).toMatchObject([{ status: 'retrying', leased: true }]);
    await store.record(held, 'refused', [{ status: 409, duration_ms: 5, authentic: true }]);
    expect(await lease()).toEqual(before);
  });

  it('is not shown over a newer one that is created while its attempt is recorded', async () => {
    const { reportId, held } = await delivery();
    const { run } = await store.request(reportId);
    let recorded: Promise<unknown> | undefined;
    await database.sql.begin(async (transaction) => {
      await storeClient(transaction).complete(run.job_id, run.lease_token);
      // Authentic: it says nothing against the endpoint, whose circuit stays closed.
      recorded = store.record(held, 'failed', [{ status: 401, duration_ms: 5, authentic: true }]);
      await untilSomebodyWaits(database.sql);
    });
    await recorded;
    const [report] = await database.sql`
      select webhook_job_id, webhook_status from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ webhook_job_id: run.job_id, webhook_status: 'pending' });
  });

  it('is claimed by one of many sweeps', async () => {
    await database.sql`update public.webhook_deliveries set next_attempt = now() + interval '1 day' where next_attempt is not null`;
    const { id } = await delivery();
    await database.sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 s' where id = ${id}`;
    const claims = await Promise.all(Array.from({ length: 10 }, () => store.claim()));
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
  });

  it('is closed when its report is deleted', async () => {
    const { reportId, id } = await delivery();
    await database.sql`delete from public.org_reports where id = ${reportId}`;
    const [row] = await database.sql`select dead_reason from public.webhook_deliveries where id = ${id}`;
    expect(row).toEqual({ dead_reason: 'report_deleted' });
  });

  it('is closed, too, when its report is deleted while its attempt is recorded', async () => {
    const { reportId, id, held } = await delivery();
    await store.record(held, 'failed', [{ status: 401, duration_ms: 5, authentic: true }]);
    await database.sql`update public.webhook_deliveries set next_attempt = '2000-01-01' where id = ${id}`;
    const claimed = await store.claim();
    if (claimed?.delivery_id !== id) throw new Error('not claimed');
    let recorded: Promise<unknown> | undefined;
    await database.sql.begin(async (transaction) => {
      await transaction`select from public.org_reports where id = ${reportId} for update`;
      recorded = store.record(claimed, 'failed', [{ status: 401, duration_ms: 5, authentic: true }]);
      await untilSomebodyWaits(database.sql);
      await transaction`delete from public.org_reports where id = ${reportId}`;
    });
    await recorded;
    const [row] = await database.sql`
      select status, dead_reason, next_attempt from public.webhook_deliveries where id = ${id}`;
    expect(row).toEqual({ status: 'failed', dead_reason: 'report_deleted', next_attempt: null });
    expect(await store.redrive({ event_ids: [held.event_id] })).toBe(0);
  });

  it('is redriven by two callers at once, in any order, without a deadlock', async () => {
    const reports = await Promise.all([createReport(database.sql), createReport(database.sql)]);
    const plan = [
      [0, 'prelim'],
      [1, 'final'],
      [1, 'prelim'],
      [0, 'final'],
    ] as const;
    const deliveries: Held[] = [];
    for (const [report, stage] of plan) {
      const { run } = await store.request(reports[report].reportId, { stage });
      const completed = await store.complete(run.job_id, run.lease_token);
      if (completed.delivery) deliveries.push(completed.delivery);
    }
    const refused = [{ status: 409, duration_ms: 5, authentic: true }];
    for (const held of deliveries) await store.record(held, 'refused', refused);
    const event_ids = deliveries.map(({ event_id }) => event_id);
    for (let round = 0; round < 40; round += 1) {
      const redriven = await Promise.all([
        store.redrive({ event_ids, endpoint_id: 'prelim-report' }),
        store.redrive({ event_ids, endpoint_id: 'final-report' }),
      ]);
      expect(redriven).toEqual([2, 2]);
      // Dead again, in the order in which they were made.
      for (const [index, id] of event_ids.entries()) {
        await database.sql`
          update public.webhook_deliveries
          set dead_at = now() + ${index} * interval '1 ms', dead_reason = 'refused', next_attempt = null
          where event_id = ${id}`;
      }
    }
  });

  it('is not moved by what a client of the first version says of it, which is audited', async () => {
    const { reportId, held } = await delivery();
    await database.sql`select public.update_webhook_status('org_reports', ${reportId}, 'success')`;
    const [row] = await database.sql`select webhook_status from public.org_reports where id = ${reportId}`;
    expect(row).toEqual({ webhook_status: 'pending' });
    expect(await store.record(held, 'failed')).toMatchObject({ status: 'failed', effect: 'applied' });
    const [audited] = await database.sql`
      select request_payload from public.webhook_audit where report_id = ${reportId} and outcome = 'reported'`;
    expect(audited).toEqual({ request_payload: { endpoint: 'update_webhook_status', status: 'success' } });
    await expect(
      database.sql`select public.update_webhook_status('no_reports', ${reportId}, 'success')`,
    ).rejects.toThrow('not a table of reports: no_reports');
  });
});
