import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import { MAX_TOKENS } from '../../src/contracts/constants.ts';
import { startLlmServer, type LlmServer } from '../support/llm-server.ts';
import { confirmed, jobClient } from '../support/jobs.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

/** Where the platform's own page stands. */
const PAGE = 'https://app.example.com';
const REPORT = '# A report\n\nWritten by a model.';

let llm: LlmServer;
let system: TestSystem;
let user: Account;
let pipeline: ReturnType<typeof jobClient>;
beforeAll(async () => {
  llm = await startLlmServer();
  llm.answer({ kind: 'text', chunks: [REPORT] });
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts', 'api/webhooks/retry.ts'],
    env: {
      REPORTLESS_JOBS: 'users',
      CORS_ORIGINS: `${PAGE} http://localhost:5173`,
      LLM_BASE_URL: llm.baseUrl,
      LLM_MODELS: 'sonar-pro sonar',
      JOB_QUOTA_PER_USER: '100',
    },
  });
  user = await system.createUser();
  pipeline = jobClient(system);
});
afterAll(async () => {
  await system.stop();
  await llm.stop();
});

interface ClientAnswer {
  status: number;
  /** What the client makes of the answer: it parses only `application/json`, and shows `error`. */
  data: Record<string, unknown>;
  headers: Headers;
}

/** A call as the platform's page makes it, with the session's access token added. */
async function callFromPage(
  path: string,
  { token, ...init }: RequestInit & { token?: string | null } = {},
): Promise<ClientAnswer> {
  const bearer = token === undefined ? user.accessToken : token;
  const response = await fetch(system.url(path), {
    ...init,
    headers: {
      origin: PAGE,
      ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
      ...(init.headers as Record<string, string> | undefined),
    },
  });
  const isJson = response.headers.get('content-type')?.includes('application/json') === true;
  return {
    status: response.status,
    headers: response.headers,
    data: isJson ? ((await response.json()) as Record<string, unknown>) : {},
  };
}

const post = (body: object, key?: string, token?: string | null) =>
  callFromPage('/api/reportJobsDb', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
    body: JSON.stringify(body),
    ...(token !== undefined && { token }),
  });

/** Polls as the page does. */
async function poll(jobId: unknown): Promise<Record<string, unknown>> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const { status, data } = await callFromPage(`/api/reportJobsDb?job_id=${String(jobId)}`);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(data)}`);
    if (['succeeded', 'failed', 'cancelled'].includes(String(data['status']))) return data;
    if (Date.now() > deadline) throw new Error(`not finished: ${JSON.stringify(data)}`);
    await sleep(50);
  }
}

/** The body of the page's greeting, organisation and requirement calls. */
const forReport = {
  prompt: 'Write it.',
  model: 'sonar',
  temperature: 0.2,
  max_tokens: 2200,
  summary_id: null,
};
/** The body of its starmap and wizard calls. */
const forNone = { prompt: 'A starmap.', model: 'gpt-9', temperature: 0.1, max_tokens: 900_000 };

describe('a call for a report, named only by its key', () => {
  it.each([
    ['greeting', 'greeting'],
    ['org', 'org'],
    ['requirement', 'requirement'],
    ['organization', 'org'],
    ['requirements', 'requirement'],
  ] as const)('%s:<report id> brings the text into the report', async (prefix, type) => {
    const { reportId } = await system.createReport({ type, userId: user.id });
    const { status, data } = await post(forReport, `${prefix}:${reportId}`);
    expect(status).toBe(202);
    const job = await poll(data['job_id']);
    expect(job).toMatchObject({ status: 'succeeded', percent: 100, result: REPORT, error: null });
    await pipeline.until(String(data['job_id']), confirmed);
    const [report] = await system.sql`
      select research_report, research_status, stage, webhook_status from ${system.sql(`public.${type}_reports`)}
      where id = ${reportId}`;
    expect(report).toEqual({
      research_report: REPORT,
      research_status: 'completed',
      stage: 'prelim',
      webhook_status: 'success',
    });
  });

  it('answers the unfinished job of the report, also to ten calls at once, and begins a new one after it', async () => {
    const { reportId } = await system.createReport({ type: 'greeting', userId: user.id });
    const key = `greeting:${reportId}`;
    llm.answer({ kind: 'text', chunks: [REPORT], delayMs: 1500 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => post({ ...forReport, prompt: `Write ${n}` }, key)),
    );
    const ids = new Set(answers.map(({ data }) => data['job_id']));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 202));
    expect(ids.size).toBe(1);
    const [first] = ids;
    await poll(first);
    llm.answer({ kind: 'text', chunks: [REPORT] });
    const again = await post(forReport, key);
    expect(again.status).toBe(202);
    expect(again.data['job_id']).not.toBe(first);
    await poll(again.data['job_id']);
    const jobs = await system.sql`select caller_key from private.job_runs where report_id = ${reportId}`;
    expect([...jobs]).toEqual([{ caller_key: null }, { caller_key: null }]);
  });

  it('answers no job of another caller, and none of the other stage', async () => {
    const { reportId } = await system.createReport({ type: 'org', userId: user.id });
    const waiting = await pipeline.request(reportId, { generate: false });
    const own = await post({ ...forReport, generate: false }, `org:${reportId}`);
    expect(own.data['job_id']).not.toBe(waiting);
    const final = await post({ ...forReport, generate: false, stage: 'final' }, `org:${reportId}`);
    expect(final.status).toBe(202);
    expect(final.data['job_id']).not.toBe(own.data['job_id']);
  });

  it('is refused where the body names another report, or the report is another’s', async () => {
    const { reportId } = await system.createReport({ type: 'greeting', userId: user.id });
    const named = { report_type: 'greeting', report_id: randomUUID() };
    for (const body of [
      { ...forReport, ...named },
      { ...forReport, metadata: named },
    ]) {
      const answer = await post(body, `greeting:${reportId}`);
      expect(answer).toMatchObject({ status: 400, data: { code: 'report_mismatch' } });
      expect(answer.data['error']).toBe('The Idempotency-Key names another report than the body');
    }
    const { reportId: foreign } = await system.createReport({ type: 'greeting' });
    expect(await post(forReport, `greeting:${foreign}`)).toMatchObject({
      status: 404,
      data: { code: 'report_not_found', error: 'Report not found' },
    });
    const jobs = await system.sql`select from private.job_runs where report_id in (${reportId}, ${foreign})`;
    expect(jobs).toHaveLength(0);
  });
});

describe('a call without a report', () => {
  it.each([
    ['in the wizard', forNone],
    ['for a starmap', { ...forNone, metadata: { type: 'starmap', session: 's1', n: 1.5 } }],
  ])('%s is answered with a job whose result is polled', async (_name, body) => {
    const { status, data } = await post(body);
    expect(status).toBe(202);
    expect(await poll(data['job_id'])).toEqual({
      job_id: data['job_id'],
      report_type: null,
      report_id: null,
      stage: null,
      status: 'succeeded',
      percent: 100,
      eta_seconds: null,
      result: REPORT,
      error: null,
      webhook: { status: null, attempts: 0, last_attempt: null },
    });
    const asked = llm.requests.at(-1)?.body;
    // A model that is not offered becomes the default, which the job names, and the tokens are capped.
    expect(asked).toMatchObject({ model: 'sonar-pro', temperature: 0.1, max_tokens: MAX_TOKENS });
    expect(asked?.messages).toEqual([{ role: 'user', content: 'A starmap.' }]);
    const [job] = await system.sql`
      select user_id, caller, model, max_tokens, metadata, result_metadata ->> 'generator' as generator
      from private.job_runs where job_id = ${String(data['job_id'])}`;
    expect(job).toEqual({
      user_id: user.id,
      caller: user.id,
      model: 'sonar-pro',
      max_tokens: MAX_TOKENS,
      metadata: 'metadata' in body ? body.metadata : {},
      generator: 'language-model',
    });
  });

  it('fails with words where the model does, and is read by nobody else', async () => {
    llm.answer({ kind: 'status', status: 400 });
    const { data } = await post(forNone);
    const job = await poll(data['job_id']);
    llm.answer({ kind: 'text', chunks: [REPORT] });
    expect(job).toMatchObject({ status: 'failed', result: null, error: expect.any(String) as string });
    const stranger = jobClient(system, (await system.createUser()).accessToken);
    expect(await stranger.get(String(data['job_id']))).toMatchObject({ status: 404 });
  });

  it('can be answered by the pipeline, with a result from elsewhere, once', async () => {
    const { json } = await pipeline.post({ prompt: 'p', generate: false });
    const jobId = String(json['job_id']);
    const result = { status: 'succeeded', result: '# Elsewhere', metadata: { model: 'm' } };
    expect(await pipeline.patch(jobId, result)).toMatchObject({
      status: 200,
      json: { status: 'succeeded', result: '# Elsewhere', report_id: null },
    });
    expect(await pipeline.patch(jobId, result)).toMatchObject({ status: 200 });
    expect(await pipeline.patch(jobId, { ...result, result: 'other' })).toMatchObject({
      status: 409,
      json: { code: 'job_conflict' },
    });
    const open = String((await pipeline.post({ prompt: 'p', generate: false })).json['job_id']);
    expect(await pipeline.cancel(open)).toMatchObject({ json: { status: 'cancelled' } });
    expect(await pipeline.patch(open, result)).toMatchObject({
      status: 409,
      json: { code: 'job_cancelled' },
    });
  });
});

describe('what the old handler also took', () => {
  it('names the report in metadata, with the old names of types', async () => {
    const { reportId } = await system.createReport({ type: 'org', userId: user.id });
    const metadata = { report_type: 'organization', report_id: reportId.toUpperCase(), source: 'wizard' };
    const { status, data } = await post({ ...forReport, metadata });
    expect(status).toBe(202);
    expect(await poll(data['job_id'])).toMatchObject({
      report_type: 'org',
      report_id: reportId,
      stage: 'prelim',
    });
  });

  it('has user_id and idempotency_key in the body, and null for all that is optional', async () => {
    const { reportId } = await system.createReport({ type: 'requirement', userId: user.id });
    const body = {
      prompt: 'p',
      model: null,
      temperature: null,
      max_tokens: null,
      summary_id: null,
      metadata: null,
      stage: null,
      generate: null,
      report_type: 'requirements',
      report_id: reportId,
      user_id: randomUUID(),
      idempotency_key: randomUUID(),
    };
    const first = await post(body);
    expect(first.status).toBe(202);
    expect((await post(body)).data['job_id']).toBe(first.data['job_id']);
    expect(await post({ ...body, prompt: 'other' })).toMatchObject({
      status: 409,
      data: { code: 'idempotency_conflict' },
    });
    const [job] = await system.sql`
      select caller, user_id, generate from private.job_runs where job_id = ${String(first.data['job_id'])}`;
    expect(job).toEqual({ caller: user.id, user_id: user.id, generate: true });
    await poll(first.data['job_id']);
    const nameless = { ...body, report_type: null, report_id: null, idempotency_key: null };
    const { data } = await post(nameless);
    expect(await poll(data['job_id'])).toMatchObject({ status: 'succeeded', report_id: null });
  });

  it('answers jobs of before to the owner of their report, and to nobody else', async () => {
    const { reportId } = await system.createReport({ type: 'org', userId: user.id });
    const jobId = `job-of-before-${reportId}`;
    await system.sql`
      insert into private.job_runs (job_id, report_type, report_id, stage, user_id, caller, status, error, completed_at)
      values (${jobId}, 'org', ${reportId}, 'prelim', ${user.id}, 'platform', 'failed', 'no answer', now())`;
    await system.sql`update public.org_reports set research_status = 'failed' where id = ${reportId}`;
    expect(await poll(jobId)).toMatchObject({ status: 'failed', error: 'no answer', report_id: reportId });
    const stranger = jobClient(system, (await system.createUser()).accessToken);
    expect(await stranger.get(jobId)).toMatchObject({ status: 404 });
  });
});

describe('a refusal', () => {
  it('is JSON whose `error` the page shows', async () => {
    for (const [answer, status, error] of [
      [await post(forNone, undefined, null), 401, 'Credentials are missing or invalid'],
      [await post({ prompt: '' }), 400, 'The body does not match the schema'],
      [await callFromPage('/api/reportJobsDb?job_id=none'), 404, 'Job not found'],
      [await callFromPage('/api/reportJobsDb', { method: 'PUT' }), 405, 'Method not allowed'],
    ] as const) {
      expect(answer).toMatchObject({ status, data: { error } });
      expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE);
    }
    const toServer = await pipeline.get('none');
    expect(toServer.headers.get('content-type')).toBe('application/problem+json');
  });
});

describe('OPTIONS', () => {
  const preflight = (path: string, origin: string) =>
    fetch(system.url(path), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    });

  it.each([
    ['/api/reportJobsDb', 'GET, POST, PATCH, DELETE'],
    ['/api/webhooks/retry', 'GET, POST'],
  ])('of %s permits the page %s', async (path, methods) => {
    for (const origin of [PAGE, 'http://localhost:5173']) {
      const { status, headers } = await preflight(path, origin);
      expect(status).toBe(204);
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-allow-methods')).toBe(methods);
      expect(headers.get('access-control-allow-headers')).toBe(
        'Content-Type, Authorization, Idempotency-Key, Traceparent',
      );
      expect(headers.get('vary')).toContain('Origin');
    }
  });

  it('permits nothing to other origins, and nothing at all of a webhook endpoint', async () => {
    for (const { headers } of [
      await preflight('/api/reportJobsDb', 'https://evil.example'),
      await preflight('/api/webhooks/prelim-report', PAGE),
    ]) {
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
    expect((await preflight('/api/webhooks/prelim-report', PAGE)).status).toBe(405);
  });
});

describe('a deployment', () => {
  it('that lets only the pipeline do without a report refuses users, and holds its budgets', async () => {
    await using strict = await startTestSystem({
      functions: ['api/reportJobsDb.ts'],
      env: { JOBS_PER_USER_PER_DAY: '1', JOBS_PER_DAY: '3' },
    });
    const owner = await strict.createUser();
    const [ofUser, ofPipeline] = [jobClient(strict, owner.accessToken), jobClient(strict)];
    expect(await ofUser.post({ prompt: 'p' })).toMatchObject({
      status: 403,
      json: { code: 'report_required', detail: 'Name the report with report_type and report_id.' },
    });
    const { reportId } = await strict.createReport({ userId: owner.id });
    await ofUser.request(reportId, { generate: false });
    const spent = await ofUser.post({ prompt: 'p', report_type: 'org', report_id: reportId });
    expect(spent).toMatchObject({
      status: 429,
      json: { code: 'budget_exceeded', detail: expect.stringContaining('JOBS_PER_USER_PER_DAY') as string },
    });
    expect(Number(spent.headers.get('retry-after'))).toBeGreaterThan(86_000);
    for (const status of [202, 202, 429]) {
      expect(await ofPipeline.post({ prompt: 'p', generate: false })).toMatchObject({ status });
    }
    expect((await ofPipeline.post({ prompt: 'p' })).json).toMatchObject({
      code: 'budget_exceeded',
      detail: expect.stringContaining('JOBS_PER_DAY') as string,
    });
  });

  it('of production without a model fails jobs with words, and does everything else', async () => {
    await using production = await startTestSystem({
      functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts'],
      env: { REPORTLESS_JOBS: 'off', VERCEL_ENV: 'production', SUBSCRIBER_HOSTS: '' },
    });
    const client = jobClient(production);
    expect(await client.post({ prompt: 'p' })).toMatchObject({
      status: 403,
      json: { code: 'report_required' },
    });
    const { reportId } = await production.createReport();
    const failed = await client.until(await client.request(reportId), confirmed);
    expect(failed).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('No language model is configured') as string,
    });
    const jobId = await client.request(reportId, { generate: false });
    await client.patch(jobId, { status: 'succeeded', result: '# Elsewhere' });
    expect(await client.until(jobId, confirmed)).toMatchObject({ status: 'succeeded' });
  });
});
