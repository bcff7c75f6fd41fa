import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tracesFound, type TraceSpan } from '../../src/contracts/trace.ts';
import { consoleClient } from '../support/console.ts';
import { jobClient } from '../support/jobs.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope, webhookClient } from '../support/webhook-client.ts';

const newTrace = () => randomUUID().replaceAll('-', '');
const SPAN = '00f067aa0ba902b7';
const traceparent = (trace: string) => `00-${trace}-${SPAN}-01`;

let system: TestSystem;
let pipeline: ReturnType<typeof jobClient>;
let operator: Awaited<ReturnType<typeof consoleClient>>;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts'],
  });
  pipeline = jobClient(system);
  operator = await consoleClient(system, await system.createOperator());
});
afterAll(() => system.stop());

async function find(id: string) {
  const { data, error } = await operator.rpc('trace', { p_id: id });
  expect(error).toBeNull();
  return tracesFound.parse(data);
}

async function runJob(headers: Record<string, string> = {}) {
  const { reportId } = await system.createReport();
  const body = { prompt: 'What does the team need?', report_type: 'org', report_id: reportId };
  const { json } = await pipeline.call('POST', '', body, headers);
  const jobId = String(json['job_id']);
  await pipeline.until(jobId, ({ webhook }) => webhook.status === 'success');
  // Its sender records the attempt once it has the answer, which has told everybody else already.
  await expect
    .poll(() => system.sql`select from public.webhook_audit where job_id = ${jobId} and direction = 'out'`, {
      timeout: 10_000,
    })
    .not.toHaveLength(0);
  return { reportId, jobId };
}

function parentsOf(spans: readonly TraceSpan[], span: TraceSpan): string[] {
  const parent = spans.find(({ id }) => id === span.parent);
  return parent === undefined ? [] : [parent.kind, ...parentsOf(spans, parent)];
}

describe('a trace', () => {
  it('that a job request brings leads from the job to the request that its result was received as', async () => {
    const trace = newTrace();
    const { reportId, jobId } = await runJob({ traceparent: traceparent(trace) });
    const found = await find(trace);
    expect(found.traces.map(({ trace_id }) => trace_id)).toEqual([trace]);
    const spans = found.traces[0]?.spans ?? [];
    expect(spans.map(({ kind }) => kind).sort()).toEqual(['attempt', 'event', 'job', 'request']);
    const request = spans.find(({ kind }) => kind === 'request');
    expect(request && parentsOf(spans, request)).toEqual(['attempt', 'event', 'job']);
    expect(request?.facts).toMatchObject({ outcome: 'applied', status: 200 });
    for (const { started_at, ended_at } of spans) {
      expect(Date.parse(ended_at ?? '')).toBeGreaterThanOrEqual(Date.parse(started_at));
    }
    const [event] = await system.sql`select id from public.report_events where report_id = ${reportId}`;
    for (const id of [reportId, jobId, String(event?.['id']), trace.toUpperCase(), ` ${jobId} `]) {
      expect(await find(id), id).toEqual(found);
    }
    const rows =
      await system.sql`select distinct trace_id from public.webhook_audit where report_id = ${reportId}`;
    expect([...rows]).toEqual([{ trace_id: trace }]);
  });

  it('begins with the job where its request brings none, or a malformed one', async () => {
    const { jobId } = await runJob({ traceparent: 'nonsense' });
    const [found, ...others] = (await find(jobId)).traces;
    expect(others).toEqual([]);
    expect(found?.trace_id).toMatch(/^[0-9a-f]{32}$/);
  });

  it('of another system is kept for an event that it sends itself, and for what is refused', async () => {
    const sender = webhookClient(system, system.secrets.webhookSecret);
    const { reportId } = await system.createReport();
    const trace = newTrace();
    const headers = { traceparent: traceparent(trace) };
    const requestedAt = new Date().toISOString();
    const answer = await sender.post(envelope({ reportId, requestedAt }), { stage: 'prelim', headers });
    expect(answer.says).toBe('applied');
    const [found] = (await find(reportId)).traces;
    expect(found?.trace_id).toBe(trace);
    expect(found?.spans.map(({ kind, parent }) => [kind, parent?.split(':')[0]])).toEqual([
      ['event', undefined],
      ['request', 'event'],
    ]);
    const refused = newTrace();
    await sender.post(envelope({ reportId: randomUUID(), requestedAt }), {
      stage: 'prelim',
      headers: { traceparent: traceparent(refused) },
    });
    const rows =
      await system.sql`select outcome, span_id from public.webhook_audit where trace_id = ${refused}`;
    expect([...rows]).toEqual([{ outcome: 'report_not_found', span_id: SPAN }]);
  });

  it("of a sender does not replace that of the event's job", async () => {
    const { reportId } = await system.createReport();
    const trace = newTrace();
    const body = { prompt: 'p', report_type: 'org', report_id: reportId, generate: false };
    const { json } = await pipeline.call('POST', '', body, { traceparent: traceparent(trace) });
    const sender = webhookClient(system, system.secrets.webhookSecret);
    const answer = await sender.post(envelope({ reportId, jobId: String(json['job_id']) }), {
      stage: 'prelim',
      headers: { traceparent: traceparent(newTrace()) },
    });
    expect(answer.says).toBe('applied');
    const [found] = (await find(reportId)).traces;
    expect(found?.trace_id).toBe(trace);
    expect(found?.spans.map(({ kind }) => kind).sort()).toEqual(['event', 'job', 'request']);
  });

  it('shows the attempts of a round one after the other, with the request that each was received as', async () => {
    const { reportId } = await system.createReport();
    const trace = newTrace();
    const [job] = await system.sql`
      select public.request_report_job(
        'job_traced', 'pipeline', 'p', true, 60, 5, 'org', ${reportId}::uuid, 'prelim', p_trace_id => ${trace}) as answer`;
    expect(job?.['answer']).toMatchObject({ run: { trace_id: trace } });
    const [done] = await system.sql`
      select public.complete_report_job('job_traced', 'completed', 60, 1, '# Text') -> 'delivery' as delivery`;
    const delivery = done?.['delivery'] as { delivery_id: number; delivery_token: number; trace_id: string };
    expect(delivery.trace_id).toBe(trace);
    const attempts = [100, 200, 300].map((duration_ms, number) => ({
      status: 502,
      duration_ms,
      span_id: `${number}`.repeat(16),
      error: 'Bad gateway',
      authentic: false,
      response: null,
    }));
    await system.sql`
      select public.record_delivery_attempts(
        ${delivery.delivery_id}, ${delivery.delivery_token}, 'failed', ${system.sql.json(attempts)})`;
    const spans = (await find(trace)).traces[0]?.spans.filter(({ kind }) => kind === 'attempt') ?? [];
    expect(spans.map(({ id }) => id)).toEqual(attempts.map(({ span_id }) => `attempt:${span_id}`));
    const ends = spans.map(({ started_at, ended_at }) => [
      Date.parse(started_at),
      Date.parse(ended_at ?? ''),
    ]);
    expect(ends.map(([start = 0, end = 0]) => end - start)).toEqual([100, 200, 300]);
    expect(ends[0]?.[1]).toBe(ends[1]?.[0]);
  });
});

describe('who may look', () => {
  it('is an operator alone', async () => {
    const user = await consoleClient(system, await system.createUser());
    expect((await user.rpc('trace', { p_id: newTrace() })).error?.code).toBe('42501');
    const anonymous = await consoleClient(system);
    expect((await anonymous.rpc('trace', { p_id: newTrace() })).error).not.toBeNull();
  });

  it('finds nothing for an id that nobody knows, whatever it is', async () => {
    for (const id of [newTrace(), randomUUID(), '', "'; drop table x; --", '0'.repeat(5000)]) {
      expect(await find(id)).toEqual({ traces: [], truncated: false });
    }
  });
});
