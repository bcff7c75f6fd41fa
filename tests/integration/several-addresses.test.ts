import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { freePort } from '../../tools/local/ports.ts';
import { jobClient } from '../support/jobs.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const BYPASS = 'let-us-in';
/** Enough for the circuit breaker to open, if each dead address counted. */
const JOBS = 12;

let system: TestSystem;
let receiver: Receiver;
let dead: string;
const keys = { next: 'n'.repeat(40), old: 'o'.repeat(40) };

beforeAll(async () => {
  receiver = await startReceiver(() => system.functions.url);
  dead = `http://127.0.0.1:${await freePort()}/api/webhooks`;
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts', 'api/cron/sweep.ts'],
    env: {
      WEBHOOK_BASE_URL: ` ${dead}  ${receiver.baseUrl}\n`,
      VERCEL_AUTOMATION_BYPASS_SECRET: `${BYPASS}\n`,
      PIPELINE_API_KEY: `${keys.next} ${keys.old}\n`,
      CRON_SECRET: `${keys.next} ${keys.old}`,
    },
  });
});
afterAll(async () => {
  await system.stop();
  await receiver[Symbol.asyncDispose]();
});

it('admits each of several keys, with line breaks around the variable', async () => {
  for (const key of [keys.next, keys.old]) {
    expect((await jobClient(system, key).get('unknown')).status).toBe(404);
    const sweep = await fetch(system.url('/api/cron/sweep'), { headers: { authorization: `Bearer ${key}` } });
    expect(sweep.status).toBe(200);
  }
  expect((await jobClient(system, 'x'.repeat(40)).get('unknown')).status).toBe(401);
});

it('delivers over the second address while the first is dead, and opens no circuit', async () => {
  const pipeline = jobClient(system, keys.old);
  const reports = await Promise.all(Array.from({ length: JOBS }, () => system.createReport()));
  const jobs = await Promise.all(reports.map(({ reportId }) => pipeline.request(reportId)));
  for (const job of jobs) await pipeline.until(job, ({ webhook }) => webhook.status === 'success', 60_000);

  // Our endpoint has applied a result before its sender has recorded the answer.
  await vi.waitFor(async () => {
    const outcomes = await system.sql`
      select outcome, count(*)::int as attempts from public.webhook_audit where direction = 'out' group by 1`;
    expect([...outcomes]).toEqual([{ outcome: 'delivered', attempts: JOBS }]);
  }, 30_000);
  const [attempt] = await system.sql`
    select response_body from public.webhook_audit where direction = 'out' limit 1`;
  expect(attempt?.['response_body']).toMatchObject({
    address: receiver.baseUrl,
    earlier: [{ address: dead, status: null, error: 'not sent: the connection was refused (ECONNREFUSED)' }],
  });
  const open = await system.sql`select from public.webhook_circuits where opened_at is not null`;
  expect(open).toHaveLength(0);
  // Our own hosts are told the bypass.
  expect(receiver.requests.map(({ headers }) => headers['x-vercel-protection-bypass'])).toEqual(
    Array.from({ length: JOBS }, () => BYPASS),
  );
}, 120_000);
