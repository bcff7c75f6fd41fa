import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import { confirmed, jobClient } from '../support/jobs.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let pipeline: ReturnType<typeof jobClient>;
let user: Account;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts', 'api/webhooks/final-report.ts'],
    env: { JOB_QUOTA_PER_USER: '2' },
  });
  pipeline = jobClient(system);
  user = await system.createUser();
});
afterAll(() => system.stop());

const body = (reportId: string, change: object = {}) => ({
  prompt: 'What does the team need?',
  report_type: 'org',
  report_id: reportId,
  ...change,
});

describe('a job', () => {
  it('goes all the way: prelim, then final, each generated, sent, and confirmed by the webhook', async () => {
    const { reportId, userId } = await system.createReport({
      userData: { organisation_name: 'Ørsted Læring', challenges: ['研修', 'تدريب'] },
    });
    for (const stage of ['prelim', 'final']) {
      const answer = await pipeline.post(body(reportId, { stage }));
      expect(answer.status).toBe(202);
      expect(answer.json).toEqual({
        job_id: expect.any(String) as string,
        status: 'queued',
        status_url: `/api/reportJobsDb?job_id=${String(answer.json['job_id'])}`,
      });
      const job = await pipeline.until(String(answer.json['job_id']), confirmed);
      expect(job).toMatchObject({ status: 'succeeded', percent: 100, stage, webhook: { attempts: 1 } });
      const [report] = await system.sql`
        select research_report, stage, research_status, webhook_status from public.org_reports
        where id = ${reportId}`;
      expect(report).toEqual({
        research_report: job.result,
        stage,
        research_status: 'completed',
        webhook_status: 'success',
      });
      expect(job.result).toContain('Ørsted Læring');
    }
    const told = await system.sql`
      select user_id from public.report_notifications where report_id = ${reportId}`;
    expect([...told]).toEqual([{ user_id: userId }]);
    const audit = async () => {
      const rows = await system.sql`
        select direction, outcome from public.webhook_audit where report_id = ${reportId}`;
      return rows.map((row) => `${String(row['direction'])} ${String(row['outcome'])}`).sort();
    };
    // The sender's own record follows the webhook's, which has confirmed the delivery already.
    await expect.poll(audit).toEqual(['in applied', 'in applied', 'out delivered', 'out delivered']);
  });

  it('goes all the way for an old row, whose ids are UUIDs to PostgreSQL but not to RFC 9562', async () => {
    const oldId = () => randomUUID().replace(/-4(...)-./, '-0$1-0');
    const { userId } = await system.createReport();
    const [report_id, summary_id] = [oldId(), oldId()];
    await system.sql`insert into public.org_reports (id, user_id, user_data) values (${report_id}, ${userId}, '{}')`;
    const jobId = await pipeline.request(report_id, { summary_id });
    expect(await pipeline.get(jobId)).toMatchObject({ status: 200, json: { report_id } });
    await pipeline.until(jobId, confirmed);
    const [report] = await system.sql`
      select stage, webhook_status from public.org_reports where id = ${report_id}`;
    expect(report).toEqual({ stage: 'prelim', webhook_status: 'success' });
  });

  it('is generated though its user_data is deeper than any recursion goes', async () => {
    const levels = 2000;
    const deep = JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as [];
    const { reportId } = await system.createReport({ userData: { organisation_name: 'Deep Ltd', deep } });
    const job = await pipeline.until(await pipeline.request(reportId), confirmed);
    expect(job.result).toContain('Deep Ltd');
  });

  it('is made once for ten requests at once with one key', async () => {
    const { reportId } = await system.createReport();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => pipeline.post(body(reportId), key)));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 202));
    expect(new Set(answers.map((answer) => answer.json['job_id'])).size).toBe(1);
    const jobs = await system.sql`select from private.job_runs where report_id = ${reportId}`;
    expect(jobs).toHaveLength(1);
    expect(await pipeline.post(body(reportId.toUpperCase()), key)).toMatchObject({
      json: { job_id: answers[0]?.json['job_id'] },
    });
    expect(await pipeline.post(body(reportId, { prompt: 'other' }), key)).toMatchObject({
      status: 409,
      json: { code: 'idempotency_conflict' },
    });
    const job = await pipeline.until(String(answers[0]?.json['job_id']), confirmed);
    expect(job.status).toBe('succeeded');
  });

  it('may be a prelim again after a prelim, but not after a final', async () => {
    const { reportId } = await system.createReport();
    const first = await pipeline.request(reportId);
    await pipeline.until(first, confirmed);
    const second = await pipeline.request(reportId);
    await pipeline.until(second, confirmed);
    await pipeline.until(await pipeline.request(reportId, { stage: 'final' }), confirmed);
    expect(await pipeline.post(body(reportId))).toMatchObject({
      status: 409,
      json: { code: 'final_exists' },
    });
    const again = await pipeline.until(await pipeline.request(reportId, { stage: 'final' }), confirmed);
    const [report] = await system.sql`
      select event.job_id, report.research_status from public.org_reports report
      join public.report_events event on event.id = report.winner_event_id where report.id = ${reportId}`;
    expect(report).toEqual({ job_id: again.job_id, research_status: 'completed' });
  });
});

describe('a result generated elsewhere', () => {
  it('takes the same road, and the same again is 200, another 409', async () => {
    const { reportId } = await system.createReport();
    const jobId = await pipeline.request(reportId, { generate: false });
    const result = { status: 'succeeded', result: '# Elsewhere', metadata: { model: 'other' } };
    const first = await pipeline.patch(jobId, result);
    expect(first).toMatchObject({ status: 200, json: { status: 'succeeded', result: '# Elsewhere' } });
    await pipeline.until(jobId, confirmed);
    expect(await pipeline.patch(jobId, result)).toMatchObject({ status: 200 });
    expect(await pipeline.patch(jobId, { ...result, result: 'other' })).toMatchObject({
      status: 409,
      json: { code: 'job_conflict' },
    });
    const [report] = await system.sql`
      select research_report, research_metadata from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: '# Elsewhere', research_metadata: { model: 'other' } });
  });

  it('that failed keeps the report as it was', async () => {
    const { reportId } = await system.createReport();
    await pipeline.until(await pipeline.request(reportId), confirmed);
    const [before] = await system.sql`select research_report from public.org_reports where id = ${reportId}`;
    const jobId = await pipeline.request(reportId, { generate: false });
    await pipeline.patch(jobId, { status: 'failed', error: 'no answer' });
    const job = await pipeline.until(jobId, confirmed);
    expect(job).toMatchObject({ status: 'failed', error: 'no answer' });
    const [after] = await system.sql`
      select research_report, research_status from public.org_reports where id = ${reportId}`;
    expect(after).toEqual({
      research_report: before?.['research_report'] as string,
      research_status: 'failed',
    });
  });

  it('that could never be delivered fails its job with a clear error', async () => {
    const { reportId } = await system.createReport();
    const jobId = await pipeline.request(reportId, { generate: false });
    const answer = await pipeline.patch(jobId, { status: 'succeeded', result: 'x'.repeat(901 * 1024) });
    expect(answer).toMatchObject({
      status: 200,
      json: { status: 'failed', error: expect.stringContaining('the limit is 900 KB') as string },
    });
    await pipeline.until(jobId, confirmed);
  });

  it('is refused after a cancellation', async () => {
    const { reportId } = await system.createReport();
    const jobId = await pipeline.request(reportId, { generate: false });
    expect(await pipeline.cancel(jobId)).toMatchObject({ status: 200, json: { status: 'cancelled' } });
    expect(await pipeline.patch(jobId, { status: 'succeeded', result: 'late' })).toMatchObject({
      status: 409,
      json: { code: 'job_cancelled' },
    });
    const [report] = await system.sql`
      select research_report, research_status from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: null, research_status: 'pending' });
  });
});

describe('a user', () => {
  it('requests, reads and cancels jobs for reports they own, within their quota', async () => {
    const client = jobClient(system, user.accessToken);
    const { reportId } = await system.createReport({ userId: user.id });
    const jobId = await client.request(reportId);
    const job = await client.until(jobId, confirmed);
    expect(job.result).not.toBeNull();
    await client.request(reportId, { generate: false });
    const open = await client.request(reportId, { generate: false });
    expect(await client.post(body(reportId))).toMatchObject({
      status: 429,
      json: { code: 'quota_exceeded' },
    });
    expect(await client.cancel(open)).toMatchObject({ status: 200 });
    // Its runner may not have noticed yet: cancelling makes no room for a minute.
    expect((await client.post(body(reportId, { generate: false }))).status).toBe(429);
    await system.sql`
      update private.job_runs set completed_at = completed_at - interval '1 minute' where job_id = ${open}`;
    expect((await client.post(body(reportId, { generate: false }))).status).toBe(202);
    expect(await client.patch(open, { status: 'failed' })).toMatchObject({ status: 403 });
  });

  it("finds nothing of another's", async () => {
    const client = jobClient(system, user.accessToken);
    const { reportId } = await system.createReport();
    const jobId = await pipeline.request(reportId, { generate: false });
    for (const answer of [await client.get(jobId), await client.cancel(jobId)]) {
      expect(answer).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
    }
    expect(await client.post(body(reportId))).toMatchObject({
      status: 404,
      json: { code: 'report_not_found' },
    });
  });
});

describe('refusals', () => {
  it.each([
    ['no credentials', null],
    ['a wrong key', 'wrong'],
    ['the cron secret', 'cron'],
    ['a token that nobody signed', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'],
    ['a token of garbage', 'a.b.c'],
  ])('401 for %s, on every method', async (_name, token) => {
    const client = jobClient(system, token === 'cron' ? system.secrets.cronSecret : token);
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
      const answer = await client.call(method, '?job_id=x', method === 'GET' ? undefined : {});
      expect(answer).toMatchObject({ status: 401, json: { code: 'unauthorized' } });
    }
  });

  it('400 for what does not fit, naming it', async () => {
    const { reportId } = await system.createReport();
    const faults: [object | string, string][] = [
      [{ prompt: '' }, 'prompt'],
      [{ prompt: 'a\u0000b' }, 'prompt'],
      [{ report_type: 'other' }, 'report_type'],
      [{ report_id: 'x' }, 'report_id'],
      [{ stage: 'draft' }, 'stage'],
      [{ temperature: 9 }, 'temperature'],
      [{ metadata: [] }, 'metadata'],
      [{ unknown: 1 }, ''],
    ];
    for (const [change, path] of faults) {
      const { status, json } = await pipeline.post(body(reportId, change as object));
      expect(status).toBe(400);
      expect(json).toMatchObject({ code: 'invalid_body', issues: [{ path }] });
    }
    expect(await pipeline.post('{')).toMatchObject({ status: 400, json: { code: 'invalid_json' } });
    expect(await pipeline.post(body(reportId), 'with space')).toMatchObject({
      status: 400,
      json: { code: 'invalid_idempotency_key' },
    });
    expect(await pipeline.call('GET', '')).toMatchObject({ status: 400, json: { code: 'invalid_query' } });
    const jobId = await pipeline.request(reportId, { generate: false });
    expect(await pipeline.patch(jobId, { status: 'succeeded' })).toMatchObject({
      status: 400,
      json: { issues: [{ path: 'result' }] },
    });
    const deep = `{"deep": ${'['.repeat(2000)}${']'.repeat(2000)}}`;
    const nested = (request: object) =>
      JSON.stringify({ ...request, metadata: 0 }).replace(':0}', `:${deep}}`);
    for (const answer of [
      await pipeline.post(nested(body(reportId))),
      await pipeline.patch(jobId, nested({ status: 'succeeded', result: 'x' })),
    ]) {
      expect(answer).toMatchObject({
        status: 400,
        json: { code: 'invalid_body', issues: [{ message: 'must not be nested deeper than 99 levels' }] },
      });
    }
    const unstorable = (request: object) =>
      JSON.stringify({ ...request, metadata: 0 }).replace(':0}', ':{"a":[1e64]}}');
    for (const answer of [
      await pipeline.post(unstorable(body(reportId))),
      await pipeline.patch(jobId, unstorable({ status: 'succeeded', result: 'x' })),
    ]) {
      expect(answer).toMatchObject({
        status: 400,
        json: { code: 'invalid_body', issues: [{ path: 'metadata.a.0' }] },
      });
    }
    expect(await pipeline.get(jobId)).toMatchObject({ json: { status: 'queued' } });
  });

  it('404 for a job that is not there, 405 for other methods, 413 and 415', async () => {
    expect(await pipeline.get('none')).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
    expect(await pipeline.patch('none', { status: 'failed' })).toMatchObject({ status: 404 });
    expect(await pipeline.call('PUT', '')).toMatchObject({
      status: 405,
      json: { code: 'method_not_allowed' },
    });
    const large = { status: 'succeeded', result: 'x'.repeat(1024 * 1024) };
    expect(await pipeline.patch('none', large)).toMatchObject({ status: 413 });
    const text = { 'content-type': 'text/plain' };
    expect(await pipeline.call('POST', '', 'x', text)).toMatchObject({ status: 415 });
  });
});
