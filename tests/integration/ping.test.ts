import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pingAnswer } from '../../src/contracts/health.ts';
import { problemDetails } from '../../src/contracts/problem.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/ping.ts'],
    env: { WEBHOOK_LEGACY_SECRET: 'l'.repeat(32) },
  });
});
afterAll(() => system.stop());
beforeEach(() => system.sql`delete from public.webhook_refusals where true`);

const body = (change: object = {}) =>
  JSON.stringify({ type: 'polaris.ping', timestamp: new Date().toISOString(), ...change });

async function send({
  text = body(),
  id = `ping_${randomUUID()}`,
  at = Date.now(),
  headers = {},
  method = 'POST',
}: { text?: string; id?: string; at?: number; headers?: Record<string, string>; method?: string } = {}) {
  const keys = parseWebhookSecret(system.secrets.webhookSecret);
  const response = await fetch(system.url('/api/ping'), {
    method,
    headers: { 'content-type': 'application/json', ...sign(keys, id, at, Buffer.from(text)), ...headers },
    ...(method === 'POST' && { body: text }),
  });
  return { status: response.status, json: (await response.json()) as unknown };
}

async function pings(): Promise<number> {
  const [row] = await system.sql`select beats::int from private.heartbeats where source = 'ping'`;
  return row?.['beats'] as number;
}

/** Every row of every table of ours, but for the one of figures, and those of alerts, which any request may evaluate. */
async function everythingElse(): Promise<string> {
  const tables = await system.sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('public', 'private') and tablename <> 'heartbeats'
      and tablename <> all (${['alerts', 'watch_state', 'secret_fingerprints', 'table_sizes', 'function_usage']}) order by 1`;
  const contents: unknown[] = [];
  for (const { name } of tables) contents.push(name, ...(await system.sql.unsafe(`select * from ${name}`)));
  return JSON.stringify(contents);
}

describe('a signed ping', () => {
  it('goes the whole road, and changes nothing but one row of figures', async () => {
    const before = await pings();
    const others = await everythingElse();
    const { status, json } = await send();
    expect(status).toBe(200);
    const answer = pingAnswer.parse(json);
    expect(Math.abs(Date.parse(answer.function_time) - Date.now())).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(answer.database_time) - Date.now())).toBeLessThan(60_000);
    expect(await pings()).toBe(before + 1);
    expect(await everythingElse()).toBe(others);
  });

  it('is counted once, however often it is sent', async () => {
    const before = await pings();
    const id = `ping_${randomUUID()}`;
    expect(await send({ id })).toMatchObject({ status: 200, json: { ping_id: id } });
    expect(await send({ id })).toMatchObject({ status: 200 });
    expect(await pings()).toBe(before + 1);
  });

  it('may carry an empty data member, as events do', async () => {
    expect(await send({ text: body({ data: {} }) })).toMatchObject({ status: 200 });
  });
});

describe('refused, counted nowhere, and audited without its body', () => {
  it.each<[string, Parameters<typeof send>[0], number, string]>([
    ['another method', { method: 'GET' }, 405, 'method_not_allowed'],
    ['no JSON type', { headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type'],
    [
      'a changed signature',
      { headers: { 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}` } },
      401,
      'invalid_signature',
    ],
    ['no signature', { headers: { 'webhook-signature': '' } }, 401, 'missing_signature'],
    ['an old time', { at: Date.now() - 301_000 }, 401, 'timestamp_out_of_tolerance'],
    ['what is no JSON', { text: '{' }, 400, 'invalid_json'],
    ['another type', { text: body({ type: 'report.prelim.completed' }) }, 400, 'invalid_body'],
    ['no time', { text: JSON.stringify({ type: 'polaris.ping' }) }, 400, 'invalid_body'],
    [
      'a body over the limit',
      { text: body({ data: { a: 'x'.repeat(1024 * 1024) } }) },
      413,
      'body_too_large',
    ],
  ])('%s', async (_name, request, status, code) => {
    const before = await pings();
    const answer = await send(request);
    expect(answer.status).toBe(status);
    expect(problemDetails.parse(answer.json).code).toBe(code);
    expect(await pings()).toBe(before);
    const [audit] = await system.sql`
      select direction, outcome, response_status, request_payload from public.webhook_audit order by created_at desc limit 1`;
    expect(audit).toMatchObject({
      direction: 'in',
      outcome: code,
      response_status: status,
      request_payload: { endpoint: 'ping', method: request?.method ?? 'POST' },
    });
  });

  it('the legacy signature, which has no id and no time', async () => {
    const text = body();
    const hex = createHmac('sha256', 'l'.repeat(32)).update(text).digest('hex');
    const response = await fetch(system.url('/api/ping'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-webhook-signature': `sha256=${hex}` },
      body: text,
    });
    expect(response.status).toBe(401);
    expect(problemDetails.parse(await response.json()).code).toBe('missing_signature');
  });
});

it('is answered 503 while the database is unavailable', async () => {
  await system.supabaseProcess?.kill();
  try {
    const { status, json } = await send();
    expect(status).toBe(503);
    expect(problemDetails.parse(json).code).toBe('database_unavailable');
  } finally {
    await system.supabaseProcess?.start();
  }
});
