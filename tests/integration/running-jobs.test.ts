import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobClient } from '../support/jobs.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

/** A language model that writes one word, then waits until it is told to finish. It notices when the client disconnects. */
async function startPatientModel() {
  const open = new Set<ServerResponse>();
  let hungUp = 0;
  const chunk = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 0,
      model: 'patient',
      choices: [{ index: 0, delta, finish_reason: finish }],
    })}\n\n`;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk({ role: 'assistant', content: 'Word. ' }, null));
    open.add(response);
    response.on('close', () => {
      if (!response.writableEnded) hungUp += 1;
      open.delete(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/v1`,
    writing: () => open.size,
    hungUp: () => hungUp,
    finish() {
      for (const response of open) response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const LEASE_SECONDS = 5;
const DEADLINE_SECONDS = 12;

let model: Awaited<ReturnType<typeof startPatientModel>>;
let system: TestSystem;
let pipeline: ReturnType<typeof jobClient>;
beforeAll(async () => {
  model = await startPatientModel();
  system = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/final-report.ts',
      'api/cron/sweep.ts',
      'api/cron/take-over.ts',
    ],
    env: {
      LLM_BASE_URL: model.url,
      LLM_MODELS: 'patient',
      JOB_LEASE_SECONDS: String(LEASE_SECONDS),
      JOB_DEADLINE_SECONDS: String(DEADLINE_SECONDS),
    },
  });
  pipeline = jobClient(system);
});
afterAll(async () => {
  await system.stop();
  await model.stop();
});

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!isSo() && Date.now() < deadline) await sleep(50);
}

async function startJob(): Promise<string> {
  const before = model.writing();
  const { reportId } = await system.createReport();
  const jobId = await pipeline.request(reportId, { stage: 'final' });
  await until(() => model.writing() > before);
  return jobId;
}

describe('a running job', () => {
  it('renews its lease, so that a sweep takes over nothing though it runs for longer than that', async () => {
    const jobId = await startJob();
    await sleep((LEASE_SECONDS + 2) * 1000);
    const response = await fetch(system.url('/api/cron/sweep'), {
      headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
    });
    expect(await response.json()).toMatchObject({ taken_over: 0, given_up: 0, errors: [] });
    model.finish();
    const job = await pipeline.until(jobId, ({ webhook }) => webhook.status === 'success');
    expect(job).toMatchObject({ status: 'succeeded' });
    expect(await system.sql`select take_overs from private.job_runs where job_id = ${jobId}`).toMatchObject([
      { take_overs: 0 },
    ]);
  });

  it('that is cancelled stops its generation, and what it wrote is not taken', async () => {
    const jobId = await startJob();
    const hungUp = model.hungUp();
    expect(await pipeline.cancel(jobId)).toMatchObject({ status: 200 });
    await until(() => model.hungUp() > hungUp);
    expect(model.hungUp()).toBe(hungUp + 1);
    expect(model.writing()).toBe(0);
    expect(await pipeline.get(jobId)).toMatchObject({ json: { status: 'cancelled', result: null } });
    expect([...(await system.sql`select from public.report_events where job_id = ${jobId}`)]).toEqual([]);
  });

  it('that takes longer than its deadline fails, and says so in an event', async () => {
    const jobId = await startJob();
    const job = await pipeline.until(
      jobId,
      ({ webhook, status }) => status === 'failed' && webhook.status === 'success',
      (DEADLINE_SECONDS + 10) * 1000,
    );
    expect(job.error).toBe(`The report was not ready after ${DEADLINE_SECONDS} seconds.`);
    expect(model.writing()).toBe(0);
    expect(await system.sql`select type from public.report_events where job_id = ${jobId}`).toMatchObject([
      { type: 'report.final.failed' },
    ]);
  });
});
