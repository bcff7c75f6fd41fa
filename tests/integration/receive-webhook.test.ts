import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGateway } from '../../tools/local/supabase-api.ts';
import { systemClock } from '../../src/server/clock.ts';
import { createRestStore } from '../../src/server/store/rest-store.ts';
import type { Receiver } from '../../src/server/events/open-signed.ts';
import { receiveWebhook } from '../../src/server/events/receive.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';

const keys = parseWebhookSecret(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
let database: TestDatabase;
let closeConnection: () => Promise<unknown>;
let receiver: Receiver;
let calls: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const gateway = await createGateway({
    databaseUrl: database.url,
    maxConnections: 4,
    jwtSecret: 's'.repeat(32),
    publishableKey: 'sb_publishable_test',
    secretKey: 'sb_secret_test',
  });
  closeConnection = () => gateway.close();
  const viaGateway: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    calls.push(new URL(request.url).pathname);
    return gateway.fetch(request);
  };
  receiver = {
    ...createRestStore({ url: 'http://127.0.0.1:54321', secretKey: 'sb_secret_test', fetch: viaGateway }),
    verificationKeys: { keys },
    tellSubscribers: () => undefined,
    random: () => 0.5,
    ...systemClock,
    log: () => undefined,
  };
});
afterAll(async () => {
  await closeConnection();
  await database[Symbol.asyncDispose]();
});

function body(reportId: string, change: object = {}) {
  return {
    type: 'report.prelim.completed',
    timestamp: new Date().toISOString(),
    data: {
      job_id: `job ${randomUUID()}`,
      report_id: reportId,
      report_type: 'org',
      research_report: '# 報告 🚀',
      research_status: 'completed',
      ...change,
    },
  };
}

async function post(content: unknown, { id = randomUUID(), type = 'prelim-report' as const } = {}) {
  const bytes = new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
  const headers = { ...sign(keys, id, Date.now(), bytes), 'content-type': 'application/json' };
  const request = new Request('http://localhost/', { method: 'POST', headers, body: bytes });
  const response = await receiveWebhook(receiver, type, request);
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

describe('a webhook through the REST layer', () => {
  it('is applied in one call, and is a duplicate when it comes again', async () => {
    const { reportId } = await createReport(database.sql);
    const content = body(reportId);
    const id = randomUUID();
    await post(content, { id });
    calls = [];
    expect(await post(content, { id })).toMatchObject({ status: 200, answer: { outcome: 'duplicate' } });
    expect(calls).toEqual(['/rest/v1/rpc/apply_report_event']);
    const [row] = await database.sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(row).toEqual({ research_report: '# 報告 🚀' });
  });
});
