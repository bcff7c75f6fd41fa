import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import type { JobListQuery } from '../../src/contracts/console-jobs.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { getWebhookStatistics } from '../../src/services/polarisReportsService.ts';
import { cancelReportJob, listAllJobs, repeatReportJob } from '../../src/services/report-jobs.ts';
import { allRows, consoleClient, dataOf, errorOf } from '../support/console.ts';
import { jobClient } from '../support/jobs.ts';
import { asUser } from '../support/locks.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let operatorAccount: Account;
let owner: Account;
let operator: DatabaseClient;
let asOwner: DatabaseClient;
let store: ReturnType<typeof storeClient>;
let options: { baseUrl: string };
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts', 'api/webhooks/final-report.ts'],
    env: { REPORTLESS_JOBS: 'users' },
  });
  operatorAccount = await system.createOperator();
  operator = await consoleClient(system, operatorAccount);
  owner = await system.createUser();
  asOwner = await consoleClient(system, owner);
  store = storeClient(system.sql);
  options = { baseUrl: system.functions.url };
});
afterAll(() => system.stop());

const report = (name = 'Harbour') =>
  system.createReport({ userId: owner.id, userData: { organisation_name: name } });

/** A job that nobody runs: as one whose runner is at work, or has died. */
async function unfinished(change: Record<string, unknown> = {}, leaseSeconds = 60): Promise<string> {
  const { reportId } = await report();
  const { job } = await store.request(reportId, change);
  await system.sql`
    update private.job_runs set lease_expires_at = now() + make_interval(secs => ${leaseSeconds})
    where job_id = ${job.job_id} and generate`;
  return job.job_id;
}

async function failed(): Promise<string> {
  const jobId = await unfinished();
  await system.sql`
    select public.complete_report_job(
      p_job_id => ${jobId}, p_status => 'failed', p_delivery_lease_seconds => 30, p_error => 'the model gave no text')`;
  return jobId;
}

const list = (query: JobListQuery = {}) => dataOf(listAllJobs(operator, query));
const ids = async (query: JobListQuery) => (await list(query)).rows.map(({ job_id }) => job_id);

describe('the operators’ list of jobs', () => {
  it('shows each in its state, with its report, its owner and its lease', async () => {
    const running = await unfinished();
    const overdue = await unfinished({}, -5);
    const waiting = await unfinished({ generate: false });
    const expired = await unfinished({ generate: false });
    await system.sql`update private.job_runs set deadline = now() - interval '1 minute' where job_id = ${expired}`;
    const bad = await failed();
    const cancelled = await unfinished();
    await dataOf(cancelReportJob(operator, cancelled, options));
    const takenOver = await unfinished({}, -5);
    await store.takeOver(takenOver);

    const states = Object.fromEntries(
      (await list({ owner: owner.id })).rows.map((job) => [job.job_id, job.state]),
    );
    expect(states).toEqual({
      [running]: 'running',
      [overdue]: 'overdue',
      [waiting]: 'waiting',
      [expired]: 'overdue',
      [bad]: 'failed',
      [cancelled]: 'cancelled',
      [takenOver]: 'running',
    });
    expect(await ids({ state: 'running' })).toEqual([takenOver, running]);
    expect(await ids({ state: 'overdue' })).toEqual([expired, overdue]);
    expect(await ids({ state: 'waiting' })).toEqual([waiting]);
    expect(await ids({ state: 'failed' })).toEqual([bad]);
    expect(await ids({ state: 'cancelled' })).toEqual([cancelled]);
    expect(await ids({ state: 'taken_over' })).toEqual([takenOver]);
    const { counts } = await list();
    expect(counts).toEqual({
      running: { count: 2, capped: false },
      overdue: { count: 2, capped: false },
      waiting: { count: 1, capped: false },
      failed: { count: 1, capped: false },
      cancelled: { count: 1, capped: false },
      taken_over: { count: 1, capped: false },
    });

    const [row] = (await list({ state: 'taken_over' })).rows;
    expect(row).toMatchObject({
      title: 'Harbour',
      user_id: owner.id,
      owner_email: owner.email,
      caller: 'pipeline',
      generate: true,
      lease_token: 2,
      take_overs: 1,
      can_repeat: false,
    });
    const [failure] = (await list({ state: 'failed' })).rows;
    expect(failure).toMatchObject({
      error: 'the model gave no text',
      can_repeat: true,
      lease_expires_at: null,
    });

    const { jobs } = await dataOf(getWebhookStatistics(operator, 'hour'));
    expect(jobs).toMatchObject({
      running: 2,
      overdue: 2,
      waiting: 1,
      failed: 1,
      cancelled: 1,
      taken_over: 1,
    });
    const [oldest] = await system.sql`
      select min(created_at)::text as at from private.job_runs where status in ('queued', 'running') and generate`;
    expect(Date.parse(jobs.oldest ?? '')).toBe(Date.parse(String(oldest?.['at'])));
    await system.sql`update private.job_runs set completed_at = completed_at - interval '2 days' where completed_at is not null`;
    const day = await dataOf(getWebhookStatistics(operator, 'day'));
    expect(day.jobs).toMatchObject({ failed: 0, cancelled: 0, taken_over: 1 });
  });

  it('is narrowed by owner, type, stage and time, and comes page by page', async () => {
    const other = await system.createUser();
    const { reportId } = await system.createReport({ userId: other.id, type: 'greeting' });
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { job } = await store.request(reportId, { report_type: 'greeting', stage: 'final' });
      made.unshift(job.job_id);
      await system.sql`
        update private.job_runs set created_at = now() - interval '1 hour' + interval '1 minute' * ${Math.floor(n / 2)}
        where job_id = ${job.job_id}`;
    }
    const paged = await allRows((cursor) => listAllJobs(operator, { owner: other.id, limit: 2, cursor }));
    expect(paged.map(({ job_id }) => job_id).sort()).toEqual([...made].sort());
    expect(await ids({ owner: other.id, report_type: 'greeting', stage: 'final' })).toHaveLength(5);
    expect(await ids({ owner: other.id, stage: 'prelim' })).toEqual([]);
    expect(await ids({ owner: other.id, report_type: 'org' })).toEqual([]);
    const before = new Date(Date.now() - 1_800_000).toISOString();
    expect(await ids({ owner: other.id, before })).toHaveLength(5);
    expect(await ids({ owner: other.id, after: before })).toEqual([]);
  });

  it('shows a job whose report or owner is gone, or that has none', async () => {
    const person = await system.createReport();
    const { job } = await store.request(person.reportId);
    await system.sql`delete from public.org_reports where id = ${person.reportId}`;
    const [row] = (await list({ owner: person.userId })).rows;
    expect(row).toMatchObject({ job_id: job.job_id, title: null });
    const reportless = await jobClient(system, owner.accessToken).post({
      prompt: 'A haiku',
      generate: false,
    });
    expect(reportless.status).toBe(202);
    const [found] = (await list({ owner: owner.id, state: 'waiting' })).rows;
    expect(found).toMatchObject({ report_id: null, stage: null, title: null });
  });

  it('is refused to owners and to nobody', async () => {
    expect(await errorOf(listAllJobs(asOwner))).toMatchObject({ code: '42501' });
    const former = await system.createOperator();
    const client = await consoleClient(system, former);
    await dataOf(listAllJobs(client));
    await system.sql`delete from public.operators where user_id = ${former.id}`;
    expect(await errorOf(listAllJobs(client))).toMatchObject({ code: '42501' });
    await expect(
      asUser(system.sql, owner.id, (sql) => sql`select private.job_figures(now(), now())`),
    ).rejects.toThrow('operators only');
  });
});

const actions = (jobId: string) => system.sql`
  select outcome, actor, request_payload ->> 'method' as method, request_payload ->> 'new_job_id' as new_job_id
  from public.webhook_audit where job_id = ${jobId} and request_payload ->> 'endpoint' = 'jobs' order by created_at`;

describe('cancelling', () => {
  it('an operator cancels anybody’s job, once, and the audit says who', async () => {
    const jobId = await unfinished();
    expect(await dataOf(cancelReportJob(operator, jobId, options))).toMatchObject({ status: 'cancelled' });
    expect(await dataOf(cancelReportJob(operator, jobId, options))).toMatchObject({ status: 'cancelled' });
    expect((await actions(jobId))[0]).toEqual({
      outcome: 'cancelled',
      actor: operatorAccount.id,
      method: 'DELETE',
      new_job_id: null,
    });
  });

  it('what has finished stays as it is', async () => {
    const jobId = await failed();
    expect(await dataOf(cancelReportJob(operator, jobId, options))).toMatchObject({ status: 'failed' });
    expect(await actions(jobId)).toMatchObject([{ outcome: 'job_finished' }]);
  });

  it('is refused to other users and to former operators, and needs no audit row of its owner', async () => {
    const jobId = await unfinished();
    const former = await system.createOperator();
    await system.sql`delete from public.operators where user_id = ${former.id}`;
    for (const account of [await system.createUser(), former]) {
      const client = await consoleClient(system, account);
      expect(await errorOf(cancelReportJob(client, jobId, options))).toMatchObject({ code: 'job_not_found' });
    }
    expect(await dataOf(cancelReportJob(asOwner, jobId, options))).toMatchObject({ status: 'cancelled' });
    expect(await actions(jobId)).toHaveLength(0);
  });
});

describe('running again', () => {
  it('an operator’s new job has the same request, is generated, and the audit says who', async () => {
    const jobId = await failed();
    const { job_id } = await dataOf(repeatReportJob(operator, jobId, options));
    expect(job_id).not.toBe(jobId);
    const done = await jobClient(system).until(job_id, ({ status }) => status === 'succeeded');
    expect(done.result).not.toBeNull();
    const requests = await system.sql`
      select report_id, stage, prompt, model, temperature, max_tokens, metadata, user_id, caller
      from private.job_runs where job_id in (${jobId}, ${job_id})`;
    expect(requests[0]).toEqual(requests[1]);
    expect(await actions(jobId)).toEqual([
      { outcome: 'job_repeated', actor: operatorAccount.id, method: 'POST', new_job_id: job_id },
    ]);
  });

  it('an owner runs their own again, within their quota, and without an audit row', async () => {
    const { reportId } = await report();
    const { job } = await store.request(reportId, {}, null, owner.id);
    await dataOf(cancelReportJob(asOwner, job.job_id, options));
    await system.sql`update private.job_runs set completed_at = completed_at - interval '5 minutes' where job_id = ${job.job_id}`;
    const { job_id } = await dataOf(repeatReportJob(asOwner, job.job_id, options));
    const [row] = await system.sql`select caller from private.job_runs where job_id = ${job_id}`;
    expect(row).toEqual({ caller: owner.id });
    expect(await actions(job.job_id)).toHaveLength(0);
    await jobClient(system).until(job_id, ({ status }) => status === 'succeeded');
  });

  it('two at once begin one job, and a job that is under way is answered', async () => {
    const jobId = await failed();
    const { job: slow } = await store.request(
      String(
        (await system.sql`select report_id from private.job_runs where job_id = ${jobId}`)[0]?.['report_id'],
      ),
    );
    const answers = await Promise.all([1, 2].map(() => dataOf(repeatReportJob(operator, jobId, options))));
    expect(answers.map(({ job_id }) => job_id)).toEqual([slow.job_id, slow.job_id]);
  });

  it('a result without a report goes to who asked for it first', async () => {
    const pipeline = jobClient(system, owner.accessToken);
    const asked = await pipeline.post({ prompt: 'A haiku' });
    const jobId = String(asked.json['job_id']);
    await pipeline.until(jobId, ({ status }) => status === 'succeeded');
    const { job_id } = await dataOf(repeatReportJob(operator, jobId, options));
    const [row] = await system.sql`select user_id, caller from private.job_runs where job_id = ${job_id}`;
    expect(row).toEqual({ user_id: owner.id, caller: owner.id });
    await pipeline.until(job_id, ({ status }) => status === 'succeeded');
  });

  it.each([
    ['has not finished', () => unfinished(), 'The job has not finished. Cancel it first.'],
    [
      'is generated elsewhere',
      async () => {
        const jobId = await unfinished({ generate: false });
        await dataOf(cancelReportJob(operator, jobId, options));
        return jobId;
      },
      'The pipeline generates the results of this job: request a new one there.',
    ],
    [
      'was erased',
      async () => {
        const jobId = await failed();
        await system.sql`select private.forget_job(${jobId})`;
        return jobId;
      },
      'The request of this job was erased.',
    ],
  ])('what %s is refused', async (_what, make, details) => {
    const jobId = await make();
    expect(await errorOf(repeatReportJob(operator, jobId, options))).toMatchObject({
      code: 'job_not_repeatable',
      status: 409,
      details,
    });
  });

  it('a prelim of a report with a final, another’s job, and an unknown one are refused', async () => {
    const jobId = await failed();
    await system.sql`
      update public.org_reports set stage = 'final' where id = (select report_id from private.job_runs where job_id = ${jobId})`;
    expect(await errorOf(repeatReportJob(operator, jobId, options))).toMatchObject({ code: 'final_exists' });
    // No event explains this stage.
    await system.sql`
      update public.org_reports set stage = null where id = (select report_id from private.job_runs where job_id = ${jobId})`;
    const stranger = await consoleClient(system, await system.createUser());
    const notFound = { code: 'job_not_found', status: 404 };
    expect(await errorOf(repeatReportJob(stranger, jobId, options))).toMatchObject(notFound);
    expect(await errorOf(repeatReportJob(operator, `job_${randomUUID()}`, options))).toMatchObject(notFound);
    const nobody = jobClient(system, null);
    expect((await nobody.call('POST', `?job_id=${jobId}`)).status).toBe(401);
    expect((await jobClient(system).call('POST', '?job_id=')).json).toMatchObject({ code: 'invalid_query' });
  });
});
