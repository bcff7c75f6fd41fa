import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { Account } from '../../../tools/local/accounts.ts';
import type { Compression } from '../../../src/contracts/compression.ts';
import {
  checkedEndpoint,
  createdEndpoint,
  endpointAnswer,
  endpointDetails,
  type SubscriberView,
} from '../../../src/contracts/subscribers.ts';
import { startSubscriberReceiver, type SubscriberReceiver } from '../../support/subscriber-receiver.ts';
import { startTestSystem, type TestSystem } from '../../support/system.ts';
import { envelope, webhookClient } from '../../support/webhook-client.ts';

let system: TestSystem;
let operator: Account;
let reportId: string;
let receiver: SubscriberReceiver;
beforeAll(async () => {
  system = await startTestSystem({
    functions: [
      'api/webhooks/prelim-report.ts',
      'api/endpoints.ts',
      'api/endpoints/actions.ts',
      'api/cron/sweep.ts',
    ],
    env: { SUBSCRIBER_HOSTS: '127.0.0.1' },
  });
  operator = await system.createOperator();
  ({ reportId } = await system.createReport());
}, 60_000);
afterAll(() => system.stop());
beforeEach(async () => {
  receiver = await startSubscriberReceiver();
  // Checks of a host are limited to five an hour.
  await system.sql`update private.endpoint_checks set created_at = now() - interval '2 hours' where true`;
});
afterEach(() => receiver[Symbol.asyncDispose]());

async function call<T>(schema: z.ZodType<T>, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(system.url(path), {
    method,
    headers: { authorization: `Bearer ${operator.accessToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const json: unknown = await response.json();
  if (!response.ok) throw new Error(`answered ${response.status} ${JSON.stringify(json)}`);
  return schema.parse(json);
}

const settingsOf = (compression: Compression, url = receiver.url) => ({ url, compression });

async function create(compression: Compression): Promise<string> {
  const request = { request_id: randomUUID(), settings: settingsOf(compression) };
  const made = await call(createdEndpoint, 'POST', '/api/endpoints', request);
  receiver.trust(made.secret);
  return made.endpoint.endpoint_id;
}

const check = (id: string) =>
  call(checkedEndpoint, 'POST', `/api/endpoints/actions?endpoint_id=${id}&action=check`);

async function show(id: string): Promise<SubscriberView> {
  return (await call(endpointDetails, 'GET', `/api/endpoints?endpoint_id=${id}`)).endpoint;
}

async function change(id: string, compression: Compression, url?: string): Promise<SubscriberView> {
  const { revision } = await show(id);
  const body = { revision, settings: settingsOf(compression, url) };
  return (await call(endpointAnswer, 'PATCH', `/api/endpoints?endpoint_id=${id}`, body)).endpoint;
}

/** Applies an event of about this size and waits until it is delivered; the requests that it took, by coding and status. */
async function deliver(text = 'text '.repeat(1000)): Promise<string[]> {
  const id = `evt_${randomUUID()}`;
  const content = envelope({ reportId, text, requestedAt: new Date().toISOString() });
  const { says } = await webhookClient(system, system.secrets.webhookSecret).post(content, { id });
  expect(says).toBe('applied');
  const requests = () => receiver.requests.filter(({ headers }) => headers['webhook-id'] === id);
  await expect
    .poll(
      async () => {
        // What the function that applied it has not sent, the sweep does.
        await fetch(system.url('/api/cron/sweep'), {
          headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
        });
        const [row] = await system.sql`
          select status from public.webhook_deliveries where event_id = ${id} and position is not null`;
        return row?.['status'] as string | undefined;
      },
      { timeout: 20_000 },
    )
    .toBe('success');
  return requests().map(({ headers, status }) => `${headers['content-encoding'] ?? 'plain'} ${status}`);
}

describe.each(['gzip', 'zstd'] as const)('a subscriber that asks for %s', (coding) => {
  let id: string;
  beforeEach(async () => {
    id = await create(coding);
  });
  afterEach(() => call(endpointAnswer, 'DELETE', `/api/endpoints?endpoint_id=${id}`));

  it('is sent compressed bodies once its check has passed them, small ones as they are', async () => {
    expect((await show(id)).compression).toEqual({ in_use: null, refused_at: null });
    const { endpoint, probes } = await check(id);
    expect(probes.map(({ name, ok }) => [name, ok])).toContainEqual(['compressed', true]);
    expect(endpoint.compression).toEqual({ in_use: coding, refused_at: null });
    expect(await deliver()).toEqual([`${coding} 204`]);
    expect(await deliver('short')).toEqual(['plain 204']);
  });

  it('that does not decompress passes its check, and is sent uncompressed bodies', async () => {
    receiver.refuseCodings(401);
    const { passed, endpoint, probes } = await check(id);
    expect(passed).toBe(true);
    expect(endpoint).toMatchObject({
      state: 'active',
      settings: { compression: coding },
      compression: { in_use: null, refused_at: null },
    });
    expect(probes.filter(({ ok }) => !ok)).toMatchObject([
      { name: 'compressed', advice: expect.stringContaining('nothing is lost') as string },
    ]);
    expect(await deliver()).toEqual(['plain 204']);
  });

  it('that stops decompressing loses nothing: the same round goes on uncompressed, and so does the next', async () => {
    await check(id);
    receiver.refuseCodings(415);
    expect(await deliver()).toEqual([`${coding} 415`, 'plain 204']);
    const { compression, settings } = await show(id);
    expect(compression).toEqual({ in_use: null, refused_at: expect.any(String) as string });
    expect(settings.compression).toBe(coding);
    expect(await deliver()).toEqual(['plain 204']);
    const attempts = await system.sql`
      select response_status, request_payload #>> '{headers,content-encoding}' as coding from public.webhook_audit
      where endpoint_id = ${id} and direction = 'out' order by created_at, attempt_number`;
    expect([...attempts]).toEqual([
      { response_status: 415, coding },
      { response_status: 204, coding: null },
      { response_status: 204, coding: null },
    ]);

    receiver.refuseCodings(null);
    expect((await check(id)).endpoint.compression).toEqual({ in_use: coding, refused_at: null });
    expect(await deliver()).toEqual([`${coding} 204`]);
  });

  it('keeps compressing for one that refuses the event itself', async () => {
    await check(id);
    receiver.answer(401);
    const eventId = `evt_${randomUUID()}`;
    const content = envelope({ reportId, text: 'text '.repeat(1000), requestedAt: new Date().toISOString() });
    await webhookClient(system, system.secrets.webhookSecret).post(content, { id: eventId });
    await expect
      .poll(() => receiver.requests.filter(({ headers }) => headers['webhook-id'] === eventId).length, {
        timeout: 20_000,
      })
      .toBe(2);
    await expect
      .poll(
        async () =>
          (
            await system.sql`select count(*)::int as rows from public.webhook_audit
              where event_id = ${eventId} and endpoint_id = ${id}`
          )[0]?.['rows'] as number,
        { timeout: 20_000 },
      )
      .toBe(2);
    expect((await show(id)).compression).toEqual({ in_use: coding, refused_at: null });
  });

  it('is sent uncompressed bodies again after another URL, until that has passed a check', async () => {
    await check(id);
    const changed = await change(id, coding, `${receiver.url}/other`);
    expect(changed).toMatchObject({ state: 'paused', compression: { in_use: null } });
    expect((await check(id)).endpoint).toMatchObject({ state: 'active', compression: { in_use: coding } });
  });

  it('is asked again for another coding, and not for one that it had accepted before', async () => {
    await check(id);
    const other = coding === 'gzip' ? 'zstd' : 'gzip';
    expect((await change(id, other)).compression.in_use).toBeNull();
    expect(await deliver()).toEqual(['plain 204']);
    expect((await change(id, coding)).compression.in_use).toBe(coding);
    expect((await change(id, 'none')).compression.in_use).toBeNull();
    const { probes } = await check(id);
    expect(probes.map(({ name }) => name)).not.toContain('compressed');
  });
});

it('a check that ends after the URL has changed says nothing of the new one', async () => {
  const id = await create('gzip');
  const [begun] = await system.sql`
    select public.begin_endpoint_check(${id}, '127.0.0.1', 'tester') ->> 'check_id' as check_id`;
  await change(id, 'gzip', `${receiver.url}/other`);
  const probes = ['ping', 'compressed'].map((name) => ({ name, ok: true, detail: '', advice: null }));
  await system.sql`
    select public.record_endpoint_check(${begun?.['check_id'] as string}, true, ${system.sql.json(probes)})`;
  expect((await show(id)).compression).toEqual({ in_use: null, refused_at: null });
});

it('settings name a coding that there is', async () => {
  const request = { request_id: randomUUID(), settings: { url: receiver.url, compression: 'br' } };
  await expect(call(createdEndpoint, 'POST', '/api/endpoints', request)).rejects.toThrow(
    /400.*invalid_body.*settings\.compression/,
  );
});
