import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shellCommand } from '../../src/console/views/audit/shell-command.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { getAuditRow, getEventBody, getPreviousAttempt } from '../../src/services/audit.ts';
import { getWebhookAuditLog } from '../../src/services/polarisReportsService.ts';
import { consoleClient, dataOf, errorOf } from '../support/console.ts';
import { jobClient } from '../support/jobs.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const run = promisify(execFile);

let system: TestSystem;
let receiver: Receiver;
let operator: DatabaseClient;
let user: DatabaseClient;
beforeAll(async () => {
  receiver = await startReceiver(() => system.functions.url);
  system = await startTestSystem({
    functions: ['api/reportJobsDb.ts', 'api/webhooks/prelim-report.ts'],
    env: { WEBHOOK_BASE_URL: receiver.baseUrl, WEBHOOK_TIMEOUT_MS: '5000', WEBHOOK_MAX_RETRIES: '2' },
  });
  operator = await consoleClient(system, await system.createOperator());
  user = await consoleClient(system, await system.createUser());
}, 180_000);
afterAll(async () => {
  await system.stop();
  await receiver[Symbol.asyncDispose]();
});

/** A report whose webhook was answered 502 three times. */
async function failedDelivery() {
  const { reportId } = await system.createReport();
  receiver.behave({ kind: 'answer', status: 502, body: 'Bad gateway' });
  const pipeline = jobClient(system);
  const jobId = await pipeline.request(reportId);
  await pipeline.until(jobId, ({ webhook }) => webhook.status === 'failed');
  receiver.behave({ kind: 'pass' });
  return { reportId, jobId };
}

/** The attempts of a job's event, oldest first. */
async function attemptsOf(jobId: string) {
  const { rows } = await dataOf(getWebhookAuditLog(operator, { search: jobId, direction: 'out' }));
  const whole = await Promise.all(rows.map(({ id }) => dataOf(getAuditRow(operator, id))));
  return whole.sort((a, b) => (a.attempt_number ?? 0) - (b.attempt_number ?? 0));
}

describe('an attempt', () => {
  it('is stored with its address, its headers and what was answered, and with no secret', async () => {
    const { jobId, reportId } = await failedDelivery();
    const attempts = await attemptsOf(jobId);
    expect(attempts).toHaveLength(3);
    expect(attempts[0]).toMatchObject({
      response_status: 502,
      request_payload: {
        url: `${receiver.baseUrl}/prelim-report`,
        headers: { 'webhook-id': attempts[0]?.event_id, 'webhook-signature': '(not stored)' },
      },
      response_body: { body: 'Bad gateway', headers: {} },
    });
    expect(JSON.stringify(attempts)).not.toContain('v1,');
    // The owner reads this one: our address does not concern them.
    const [shown] = await system.sql`
      select delivery.response, report.webhook_response from public.webhook_deliveries delivery
      join public.org_reports report on report.id = delivery.report_id where report.id = ${reportId}`;
    expect(shown?.['webhook_response']).toEqual(shown?.['response']);
    expect(shown?.['response']).not.toHaveProperty('request');
    expect(JSON.stringify(shown)).not.toContain('headers');
  });

  it('is compared with the one before it', async () => {
    const { jobId } = await failedDelivery();
    const [first, second, third] = await attemptsOf(jobId);
    if (!first || !second || !third) throw new Error('three attempts were made');
    expect((await dataOf(getPreviousAttempt(operator, third)))?.id).toBe(second.id);
    expect((await dataOf(getPreviousAttempt(operator, second)))?.id).toBe(first.id);
    expect(await dataOf(getPreviousAttempt(operator, first))).toBeNull();
    expect(await dataOf(getPreviousAttempt(user, third))).toBeNull();
  });

  it('is made again by the copied command, whose bytes and signature the endpoint accepts', async () => {
    const { reportId } = await system.createReport();
    const store = storeClient(system.sql);
    const { run: job } = await store.request(reportId);
    // What a shell could take for its own, and what a terminal could.
    const text = `it's "quoted" \\n $HOME \`id\` %s %d !! \u202e 東京 ${'x'.repeat(200_000)}`;
    const { delivery } = await store.complete(job.job_id, job.lease_token, text);
    if (delivery === undefined) throw new Error('nothing was to be sent');
    const body = await dataOf(getEventBody(operator, delivery.event_id));
    expect(body).toBe(delivery.body);
    const command = shellCommand({
      url: `${system.functions.url}/api/webhooks/prelim-report`,
      endpointId: 'prelim-report',
      eventId: delivery.event_id,
      body,
      needsBypass: false,
    });
    const { webhookSecret } = system.secrets;
    expect(command).not.toContain(webhookSecret);
    const send = async (secret: string) => {
      // By standard input, as it is pasted: an argument could not be this long.
      const child = run('sh', ['-s'], {
        env: { PATH: process.env['PATH'], WEBHOOK_SECRET: secret },
        maxBuffer: 10_000_000,
      });
      child.child.stdin?.end(command);
      return (await child).stdout;
    };
    const wrong = await send(`whsec_${Buffer.alloc(32, 7).toString('base64')}`);
    expect(wrong).toMatch(/^HTTP\/1.1 401/);
    const right = await send(`${webhookSecret} whsec_${Buffer.alloc(32, 7).toString('base64')}`);
    expect(right).toMatch(/^HTTP\/1.1 200/);
    expect(right).toContain('"outcome":"applied"');
    const [report] = await system.sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report?.['research_report']).toBe(text);
    // Unpadded base64 is the same secret.
    expect(await send(webhookSecret.replace(/=+$/, ''))).toContain('"outcome":"duplicate"');
  }, 60_000);

  it('gives its bytes to operators alone, and to nobody once its content is erased', async () => {
    const { reportId } = await system.createReport();
    const store = storeClient(system.sql);
    const { run: job } = await store.request(reportId);
    const { delivery } = await store.complete(job.job_id, job.lease_token);
    const eventId = delivery?.event_id ?? '';
    expect(await errorOf(getEventBody(user, eventId))).toMatchObject({ code: '42501' });
    expect(await errorOf(getEventBody(operator, 'evt_unknown'))).toMatchObject({ code: 'not_found' });
    expect(await dataOf(getEventBody(operator, eventId))).toContain('"research_report":"text"');
    await system.sql`delete from public.org_reports where id = ${reportId}`;
    await store.erase();
    expect(await errorOf(getEventBody(operator, eventId))).toMatchObject({ code: 'not_found' });
  });
});
