import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { Account } from '../../../tools/local/accounts.ts';
import { planAnswer } from '../../../src/contracts/plans.ts';
import { problemDetails } from '../../../src/contracts/problem.ts';
import {
  checkedEndpoint,
  createdEndpoint,
  endpointAnswer,
  endpointDetails,
  endpointList,
  eventsAnswer,
  explanation,
  filterTest,
  replacedSecret,
  replacedToken,
  versionTest,
  type EndpointAction,
} from '../../../src/contracts/subscribers.ts';
import { startTestFunctions } from '../../support/functions.ts';
import { confirmed, jobClient } from '../../support/jobs.ts';
import {
  startSubscriberReceiver,
  type Received,
  type SubscriberReceiver,
} from '../../support/subscriber-receiver.ts';
import { subscriberClient } from '../../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../../support/system.ts';
import { envelope, webhookClient } from '../../support/webhook-client.ts';

const BYPASS = `bypass-${randomUUID()}`;

let system: TestSystem;
let operator: Account;
let receiver: SubscriberReceiver;
beforeAll(async () => {
  system = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
      'api/endpoints.ts',
      'api/endpoints/actions.ts',
      'api/endpoints/events.ts',
      'api/plans.ts',
      'api/cron/sweep.ts',
    ],
    env: {
      VERCEL_AUTOMATION_BYPASS_SECRET: BYPASS,
      // The last two for checks, whose number is limited by host.
      SUBSCRIBER_HOSTS: 'localhost 127.0.0.1 127.0.0.98 127.0.0.99',
    },
  });
  operator = await system.createOperator();
  receiver = await startSubscriberReceiver();
  // Eight functions' processes, on a machine that may be busy.
}, 120_000);
afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await system.stop();
});

interface Called {
  status: number;
  headers: Headers;
  json: unknown;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  token: string | null = operator.accessToken,
): Promise<Called> {
  const response = await fetch(system.url(path), {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

async function ok<T>(schema: z.ZodType<T>, answered: Promise<Called>, status = 200): Promise<T> {
  const { status: actual, json } = await answered;
  if (actual !== status) throw new Error(`answered ${actual} ${JSON.stringify(json)}`);
  return schema.parse(json);
}

async function refusal(answered: Promise<Called>) {
  const { status, json } = await answered;
  const { code, issues } = problemDetails.parse(json);
  return {
    status,
    code,
    ...(issues !== undefined && { paths: [...new Set(issues.map(({ path }) => path))] }),
  };
}

const act = (endpointId: string, action: EndpointAction, body?: object, token?: string | null) =>
  call('POST', `/api/endpoints/actions?endpoint_id=${endpointId}&action=${action}`, body, token);
const create = (settings: object = {}, change: object = {}) =>
  call('POST', '/api/endpoints', {
    request_id: randomUUID(),
    settings: { url: 'http://127.0.0.1:1025/nobody', ...settings },
    ...change,
  });
const made = (settings: object = {}, change: object = {}) =>
  ok(createdEndpoint, create(settings, change), 201);
const read = (token: string | null, query = '') =>
  call('GET', `/api/endpoints/events${query}`, undefined, token);
/** Polls: a transaction in any database of the cluster holds the list back. */
async function readUntil(token: string, query: string, events: number) {
  const list = () => ok(eventsAnswer, read(token, query));
  await expect.poll(async () => (await list()).events.length, { timeout: 10_000 }).toBe(events);
  return list();
}
const sweep = () => call('GET', '/api/cron/sweep', undefined, system.secrets.cronSecret);
const ABSENT = 'ep-0000000000000000';

/** A subscriber that is verified without a check: nobody is there. */
async function active(settings: object = {}) {
  const endpoint = await made(settings);
  await subscriberClient(system.sql).verify(endpoint.endpoint.endpoint_id);
  return endpoint;
}

/** An event, applied by a webhook; its id. */
async function apply(reportId: string, change: { text?: string; data?: Record<string, unknown> } = {}) {
  const id = `evt_${randomUUID()}`;
  const content = envelope({ reportId, requestedAt: new Date().toISOString(), ...change });
  const { says } = await webhookClient(system, system.secrets.webhookSecret).post(content, { id });
  expect(says).toBe('applied');
  return id;
}

/** Polls: what a sender holds is left for later. */
async function erase(eventId: string): Promise<void> {
  const forget = async () => {
    const [row] = await system.sql`select private.forget_event(${eventId}) as done`;
    return row?.['done'] as boolean;
  };
  await expect.poll(forget, { timeout: 10_000 }).toBe(true);
}

describe('the whole road', () => {
  it('goes from the creation over HTTP to a replay, each event signed, in order and without our secrets', async () => {
    const { sql, secrets } = system;
    const { endpoint, secret, read_token } = await made({
      url: receiver.url,
      description: 'The whole road',
      events: { report_types: ['org'] },
    });
    const id = endpoint.endpoint_id;
    expect(endpoint).toMatchObject({ state: 'unverified', takes_events: false, waiting: 0 });

    // Nobody there knows the secret yet.
    expect(await ok(checkedEndpoint, act(id, 'check'))).toMatchObject({
      passed: false,
      endpoint: { state: 'unverified', last_check: { passed: false, actor: operator.id } },
      probes: [{ name: 'ping', ok: false }],
    });
    receiver.trust(secret);
    const checked = await ok(checkedEndpoint, act(id, 'check'));
    expect(checked).toMatchObject({ passed: true, endpoint: { state: 'active', takes_events: true } });
    expect(checked.probes.filter((probe) => !probe.ok)).toEqual([]);
    expect(checked.probes).toHaveLength(8);

    // A job's webhook applies its event, and sends it on.
    const { reportId } = await system.createReport();
    const pipeline = jobClient(system);
    const job = await pipeline.until(await pipeline.request(reportId), confirmed);
    await expect.poll(() => receiver.events().length, { timeout: 10_000 }).toBe(1);
    const [first] = receiver.events() as [Received];
    for (const library of [new Webhook(secret), new SvixWebhook(secret)]) verifies(library, first);
    const eventId = String(first.headers['webhook-id']);
    expect(first.headers).toMatchObject({ 'polaris-position': '1', 'polaris-version': '2026-12-01' });
    expect(first.headers).not.toHaveProperty('polaris-replay');
    expect(JSON.parse(first.body)).toMatchObject({
      type: 'report.prelim.completed',
      data: { job_id: job.job_id, report_id: reportId, research_report: job.result, position: 1 },
    });

    const page = await readUntil(read_token, '', 1);
    expect(page).toMatchObject({
      events: [{ id: eventId, position: 1, plan: 0, format_version: '2026-12-01', body: first.body }],
      has_more: false,
    });

    // Paused: its events wait.
    expect(await ok(endpointAnswer, act(id, 'pause'))).toMatchObject({ endpoint: { state: 'paused' } });
    const second = await apply(reportId, { text: 'second' });
    await sweep();
    expect(receiver.events()).toHaveLength(1);
    expect(await ok(explanation, act(id, 'explain', { event_id: second }))).toMatchObject({
      reason: 'paused',
      deliveries: [{ plan: 0, status: 'pending' }],
    });
    expect(await ok(endpointAnswer, act(id, 'resume'))).toMatchObject({ endpoint: { state: 'active' } });
    await untilReceived(2);
    const [, later] = receiver.events() as [Received, Received];
    expect(later.headers).toMatchObject({ 'webhook-id': second, 'polaris-position': '2' });
    const next = await readUntil(read_token, `?after=${page.next}`, 1);
    expect(next.events).toMatchObject([{ id: second, body: later.body }]);
    expect(await ok(eventsAnswer, read(read_token, `?after=${next.next}`))).toEqual({
      events: [],
      next: next.next,
      has_more: false,
    });

    // Rotated: both sign.
    const rotated = await ok(replacedSecret, act(id, 'secret', {}));
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.endpoint.secrets).toMatchObject([
      { expires_at: null },
      { expires_at: expect.any(String) as string },
    ]);
    const third = await apply(reportId, { text: 'third' });
    await untilReceived(3);
    const newest = receiver.events().at(-1);
    if (newest === undefined) throw new Error('nothing came');
    expect(newest.headers['webhook-id']).toBe(third);
    for (const each of [secret, rotated.secret]) {
      for (const library of [new Webhook(each), new SvixWebhook(each)]) verifies(library, newest);
    }

    // A replay is proposed, looked at, applied, and arrives under its plan.
    const request = {
      request_id: randomUUID(),
      kind: 'replay',
      name: 'Again',
      reason: 'They lost a day',
      filter: { endpoint_ids: [id], report_id: reportId, format_version: '2026-11-25' },
    };
    const { plan } = await ok(planAnswer, call('POST', '/api/plans', request), 202);
    expect(plan).toMatchObject({
      kind: 'replay',
      status: 'proposed',
      filter: request.filter,
      preview: { is_whole: true, events: 3, deliveries: 3, erased: 0, confirmed: 3 },
    });
    expect(plan.preview?.samples.map(({ event_id }) => event_id)).toEqual([eventId, second, third]);
    await sweep();
    expect(receiver.events()).toHaveLength(3);
    const path = `/api/plans?plan=${plan.id}`;
    expect(await ok(planAnswer, call('PATCH', path, { apply: true }))).toMatchObject({
      plan: { status: 'running' },
    });
    await untilReceived(6);
    expect(
      receiver.events().map(({ headers }) => [headers['webhook-id'], headers['polaris-replay'] ?? null]),
    ).toEqual([
      [eventId, null],
      [second, null],
      [third, null],
      [eventId, plan.id],
      [second, plan.id],
      [third, plan.id],
    ]);
    const replayed = receiver.events().at(-1);
    expect(replayed?.headers['polaris-version']).toBe('2026-11-25');
    expect(JSON.parse(replayed?.body ?? '')).not.toHaveProperty('data.position');
    await expect
      .poll(() => ok(planAnswer, call('PATCH', path, { apply: true })))
      .toMatchObject({ plan: { status: 'done', outcomes: { planned: 3, content_erased: 0 } } });
    const [audited] = await sql`
      select actor, request_payload ->> 'reason' as reason from public.webhook_audit where outcome = 'plan_applied'`;
    expect(audited).toEqual({ actor: operator.id, reason: 'They lost a day' });

    // What admits to us, or signs for another, has reached nobody.
    const own = [
      BYPASS,
      secret,
      rotated.secret,
      read_token,
      operator.accessToken,
      system.supabase.secretKey,
      system.supabase.publishableKey,
      secrets.webhookSecret,
      secrets.pipelineApiKey,
      secrets.cronSecret,
    ];
    const said = receiver.requests.map((one) => JSON.stringify(one.headers) + one.body).join('\n');
    expect(receiver.requests.length).toBeGreaterThan(12);
    expect(own.filter((each) => said.includes(each))).toEqual([]);
    expect(said).not.toMatch(/"(?:authorization|cookie|apikey|x-vercel-[a-z-]+)"/i);
    await ok(endpointAnswer, call('DELETE', `/api/endpoints?endpoint_id=${id}`));
  }, 60_000);

  function verifies(library: Webhook | SvixWebhook, { headers, body }: Received): void {
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
    expect(
      library.verify(body, Object.fromEntries(names.map((name) => [name, String(headers[name])]))),
    ).toEqual(JSON.parse(body));
  }

  /** What the function that applied an event has not sent, the sweep does. */
  async function untilReceived(events: number): Promise<void> {
    await expect
      .poll(
        async () => {
          await sweep();
          return receiver.events().length;
        },
        { timeout: 20_000 },
      )
      .toBe(events);
  }
});

describe('a subscriber', () => {
  it('is made once for a request, and its secret is shown once', async () => {
    const change = { request_id: randomUUID() };
    const first = await made({ filter: { exact: { 'metadata.region': 'eu' } } }, change);
    expect(first.secret).toMatch(/^whsec_/);
    expect(first.read_token).toMatch(/^pet_/);
    const other = await create({ description: 'Another one' }, change);
    expect(other).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    const again = await create({ filter: { exact: { 'metadata.region': 'eu' } } }, change);
    expect(again.status).toBe(200);
    expect(again.json).toEqual({ endpoint: first.endpoint });
    const [kept] = await system.sql`
      select sealed, read_token_sha256, filter_path::text as path from private.endpoint_secrets
      join private.subscribers using (endpoint_id) join private.endpoint_revisions using (endpoint_id)
      where endpoint_id = ${first.endpoint.endpoint_id}`;
    expect(kept?.['path']).toContain('strict');
    expect(JSON.stringify(kept)).not.toContain(first.secret.slice('whsec_'.length));
    expect(JSON.stringify(kept)).not.toContain(first.read_token);
    const [audited] = await system.sql`
      select actor, request_payload from public.webhook_audit
      where outcome = 'endpoint_created' and endpoint_id = ${first.endpoint.endpoint_id}`;
    expect(audited).toMatchObject({ actor: operator.id });
    expect(JSON.stringify(audited)).not.toContain(first.read_token);
  });

  it('is listed for operators and the cron, alone with the history of its settings, and gone once removed', async () => {
    const { endpoint } = await made({ description: 'Listed' });
    const { endpoint_id, revision } = endpoint;
    const settings = { ...endpoint.settings, description: 'Renamed', format_version: '2024-01-01' };
    const changed = await ok(
      endpointAnswer,
      call('PATCH', `/api/endpoints?endpoint_id=${endpoint_id}`, { revision, settings }),
    );
    expect(changed.endpoint.settings).toEqual(settings);
    expect(changed.endpoint.revision).toBeGreaterThan(revision);
    for (const token of [operator.accessToken, system.secrets.cronSecret]) {
      const { endpoints } = await ok(endpointList, call('GET', '/api/endpoints', undefined, token));
      expect(endpoints.find((one) => one.endpoint_id === endpoint_id)).toEqual(changed.endpoint);
    }
    const one = () => ok(endpointDetails, call('GET', `/api/endpoints?endpoint_id=${endpoint_id}`));
    expect(await one()).toMatchObject({
      endpoint: changed.endpoint,
      history: [
        { revision: changed.endpoint.revision, actor: operator.id, change: 'changed' },
        { revision, actor: operator.id, change: 'created', settings: { format_version: '2026-12-01' } },
      ],
    });
    for (const times of [1, 2]) {
      const removed = await call('DELETE', `/api/endpoints?endpoint_id=${endpoint_id}`);
      expect(removed, String(times)).toMatchObject({ status: 200, json: { endpoint: { state: 'removed' } } });
    }
    const ids = async (query: string) => {
      const { endpoints } = await ok(endpointList, call('GET', `/api/endpoints${query}`));
      return endpoints.map((each) => each.endpoint_id);
    };
    expect(await ids('')).not.toContain(endpoint_id);
    expect(await ids('?removed=true')).toContain(endpoint_id);
    expect(await one()).toMatchObject({ endpoint: { state: 'removed', secrets: [] } });
  });

  it('is not changed by an operator who has read an older revision', async () => {
    const { endpoint } = await made();
    const path = `/api/endpoints?endpoint_id=${endpoint.endpoint_id}`;
    const change = (description: string) =>
      call('PATCH', path, {
        revision: endpoint.revision,
        settings: { ...endpoint.settings, description },
      });
    const { endpoint: changed } = await ok(endpointAnswer, change('first'));
    // The same again is no conflict: its first answer may have been lost.
    expect(await ok(endpointAnswer, change('first'))).toEqual({ endpoint: changed });
    expect(await refusal(change('second'))).toEqual({ status: 409, code: 'revision_conflict' });
  });

  it('may begin in the past', async () => {
    const { reportId } = await system.createReport();
    const event = await apply(reportId);
    const { endpoint } = await made({ events: {} }, { start_at: '2026-01-01T00:00:00Z' });
    const [plan] = await system.sql`
      select kind, status, filter ->> 'from' as start from public.plans
      where filter ->> 'endpoint_id' = ${endpoint.endpoint_id}`;
    expect(plan).toMatchObject({ kind: 'start', status: 'running' });
    await subscriberClient(system.sql).verify(endpoint.endpoint_id);
    await expect
      .poll(
        async () => {
          await system.sql`update public.plans set next_slice_at = now() where kind = 'start' and status = 'running'`;
          await sweep();
          return (await ok(explanation, act(endpoint.endpoint_id, 'explain', { event_id: event })))
            .deliveries;
        },
        { timeout: 20_000 },
      )
      .toMatchObject([{ plan: expect.any(Number) as number }]);
    await ok(endpointAnswer, act(endpoint.endpoint_id, 'pause'));
  }, 30_000);

  it('gets a new read token, and the one before it is void', async () => {
    const { endpoint, read_token } = await made();
    const { read_token: second } = await ok(replacedToken, act(endpoint.endpoint_id, 'token'));
    expect(await refusal(read(read_token))).toEqual({ status: 401, code: 'unauthorized' });
    expect(await ok(eventsAnswer, read(second))).toEqual({ events: [], next: null, has_more: false });
  });
});

describe('what is refused', () => {
  it('is anyone who is not an operator, and the cron where the audit must name a person', async () => {
    const user = await system.createUser();
    const { cronSecret, pipelineApiKey } = system.secrets;
    const routes: [string, string, object | undefined][] = [
      ['POST', '/api/endpoints', {}],
      ['PATCH', `/api/endpoints?endpoint_id=${ABSENT}`, {}],
      ['DELETE', `/api/endpoints?endpoint_id=${ABSENT}`, undefined],
      ['POST', `/api/endpoints/actions?endpoint_id=${ABSENT}&action=pause`, undefined],
      ['PATCH', '/api/plans?plan=1', { apply: true }],
    ];
    for (const [method, path, body] of routes) {
      const by = (token: string | null) => refusal(call(method, path, body, token));
      expect(await by(null), path).toEqual({ status: 401, code: 'unauthorized' });
      expect(await by(pipelineApiKey), path).toEqual({ status: 401, code: 'unauthorized' });
      expect(await by(user.accessToken), path).toEqual({ status: 403, code: 'forbidden' });
      expect(await by(cronSecret), path).toEqual({ status: 403, code: 'forbidden' });
    }
    expect(await refusal(call('GET', '/api/endpoints', undefined, user.accessToken))).toEqual({
      status: 403,
      code: 'forbidden',
    });
    expect(await refusal(call('PUT', '/api/endpoints/actions'))).toEqual({
      status: 405,
      code: 'method_not_allowed',
    });
  });

  it.each<[string, object, string[]]>([
    ['a host that is not listed', { url: 'https://hooks.example.org/x' }, ['settings.url']],
    ['an address with a password', { url: 'http://a:b@127.0.0.1:9000/' }, ['settings.url']],
    ['our own functions', { url: 'own' }, ['settings.url']],
    [
      'a filter over what it cannot see',
      { filter: { exact: { secret: 'x' } } },
      ['settings.filter.exact.secret'],
    ],
    ['an unknown version', { format_version: '2020-01-01' }, ['settings.format_version']],
    ['an unknown type', { events: { types: ['report.read'] } }, ['settings.events.types.0']],
    ['a rate of none', { rate_per_second: 0 }, ['settings.rate_per_second']],
    ['an unknown member', { colour: 'red' }, ['settings']],
    ['an unknown compression', { compression: 'br' }, ['settings.compression']],
  ])('is %s, when it is made and when it is changed', async (_what, change, paths) => {
    const { endpoint } = await made();
    const url = 'url' in change && change.url === 'own' ? system.url('/api/webhooks/prelim-report') : null;
    const settings = { ...endpoint.settings, ...change, ...(url !== null && { url }) };
    expect(await refusal(create(settings))).toEqual({ status: 400, code: 'invalid_body', paths });
    const path = `/api/endpoints?endpoint_id=${endpoint.endpoint_id}`;
    expect(await refusal(call('PATCH', path, { revision: endpoint.revision, settings }))).toEqual({
      status: 400,
      code: 'invalid_body',
      paths,
    });
  });

  it('is a start in the future, and a malformed query', async () => {
    expect(await refusal(create({}, { start_at: '2999-01-01T00:00:00Z' }))).toEqual({
      status: 400,
      code: 'invalid_body',
      paths: ['start_at'],
    });
    const queries: [string, string][] = [
      ['GET', '/api/endpoints?endpoint_id=prelim-report'],
      ['PATCH', '/api/endpoints'],
      ['DELETE', '/api/endpoints?endpoint_id=x'],
      ['POST', `/api/endpoints/actions?endpoint_id=${ABSENT}&action=explode`],
      ['POST', '/api/endpoints/actions?action=pause'],
      ['PATCH', '/api/plans'],
    ];
    for (const [method, path] of queries) {
      const body = method === 'PATCH' ? {} : undefined;
      expect(await refusal(call(method, path, body)), path).toEqual({ status: 400, code: 'invalid_query' });
    }
  });

  it('is a subscriber that there is not, by every route', async () => {
    const notFound = { status: 404, code: 'endpoint_not_found' };
    const { endpoint } = await made();
    const path = `/api/endpoints?endpoint_id=${ABSENT}`;
    expect(await refusal(call('GET', path))).toEqual(notFound);
    expect(await refusal(call('PATCH', path, { revision: 1, settings: endpoint.settings }))).toEqual(
      notFound,
    );
    expect(await refusal(call('DELETE', path))).toEqual(notFound);
    const { reportId } = await system.createReport();
    const bodies: [EndpointAction, object?][] = [
      ['pause'],
      ['resume'],
      ['check'],
      ['secret', {}],
      ['token'],
      ['version-test', { format_version: '2024-01-01' }],
      ['explain', { event_id: await apply(reportId) }],
    ];
    for (const [action, body] of bodies) {
      expect(await refusal(act(ABSENT, action, body)), action).toEqual(notFound);
    }
    const [audited] = await system.sql`
      select count(*)::int from public.webhook_audit
      where outcome = 'endpoint_not_found' and endpoint_id = ${ABSENT} and actor = ${operator.id}`;
    // PATCH and DELETE besides.
    expect(audited).toEqual({ count: bodies.length + 2 });
  });

  it('is the body of an action that does not fit', async () => {
    const { endpoint } = await made();
    const bodies: [EndpointAction, object, string][] = [
      ['secret', { overlap_seconds: -1 }, 'overlap_seconds'],
      ['filter-test', { filter: {} }, 'filter'],
      ['version-test', { format_version: '2020-01-01' }, 'format_version'],
      ['explain', { event_id: 'a.b' }, 'event_id'],
    ];
    for (const [action, body, path] of bodies) {
      expect(await refusal(act(endpoint.endpoint_id, action, body)), action).toEqual({
        status: 400,
        code: 'invalid_body',
        paths: [path],
      });
    }
  });

  it('is to pause or resume before the first check', async () => {
    const { endpoint } = await made();
    for (const action of ['pause', 'resume'] as const) {
      expect(await refusal(act(endpoint.endpoint_id, action))).toEqual({
        status: 409,
        code: 'endpoint_unverified',
      });
    }
  });

  it('is the sixth check of a host in an hour, which says when to retry', async () => {
    const { endpoint } = await made({ url: 'http://127.0.0.99:1025/' });
    for (let times = 0; times < 5; times += 1) {
      expect(await ok(checkedEndpoint, act(endpoint.endpoint_id, 'check'))).toMatchObject({ passed: false });
    }
    const { status, headers, json } = await act(endpoint.endpoint_id, 'check');
    expect({ status, code: problemDetails.parse(json).code }).toEqual({
      status: 429,
      code: 'too_many_checks',
    });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(3000);
  }, 30_000);

  it('is a check whose secret nobody can open', async () => {
    const { endpoint } = await made({ url: 'http://127.0.0.98:1025/' });
    const id = endpoint.endpoint_id;
    await system.sql`
      update private.endpoint_secrets set sealed = regexp_replace(sealed, '^v1\\.[^.]+', 'v1.lost') where endpoint_id = ${id}`;
    const { status, json } = await act(id, 'check');
    expect(status).toBe(409);
    expect(problemDetails.parse(json)).toMatchObject({
      code: 'endpoint_secret_unreadable',
      detail: 'ENDPOINT_SECRETS_KEY has no key "lost", which encrypted the secret',
    });
    const details = await ok(endpointDetails, call('GET', `/api/endpoints?endpoint_id=${id}`));
    expect(details.endpoint.last_check).toMatchObject({ passed: false, probes: [] });
    // While the lost one is still in use, nothing is signed.
    await ok(replacedSecret, act(id, 'secret', {}));
    expect(await refusal(act(id, 'check'))).toEqual({ status: 409, code: 'endpoint_secret_unreadable' });
    await ok(replacedSecret, act(id, 'secret', { overlap_seconds: 0 }));
    expect(await ok(checkedEndpoint, act(id, 'check'))).toMatchObject({
      passed: false,
      probes: [{ name: 'ping' }],
    });
  });

  it('is the 201st subscriber', async () => {
    const { sql } = system;
    const [row] = await sql`select count(*)::int as there from private.subscribers where state <> 'removed'`;
    const clients = subscriberClient(sql);
    const filled = [];
    for (let left = 200 - Number(row?.['there']); left > 0; left -= 1) filled.push(await clients.create());
    expect(await refusal(create())).toEqual({ status: 409, code: 'too_many_endpoints' });
    for (const { endpointId } of filled) await clients.move(endpointId, 'removed');
  }, 60_000);

  it('is every secret where there is no key to keep it with', async () => {
    const needs = ['SUBSCRIBER_HOSTS', 'ENDPOINT_SECRETS_KEY'];
    const env = Object.fromEntries(Object.entries(system.env).filter(([name]) => !needs.includes(name)));
    const functions = await startTestFunctions(['api/endpoints.ts', 'api/endpoints/actions.ts'], env);
    try {
      for (const path of ['/api/endpoints', `/api/endpoints/actions?endpoint_id=${ABSENT}&action=secret`]) {
        const response = await fetch(functions.url + path, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${operator.accessToken}`,
            'content-type': 'application/json',
          },
          body: '{}',
        });
        expect(response.status).toBe(503);
        expect(await response.json()).toMatchObject({ code: 'endpoint_secrets_key_missing' });
      }
    } finally {
      await functions.stop();
    }
  }, 30_000);
});

describe('trials', () => {
  it('of a filter say for each event which clause decided, as SQL decides', async () => {
    const { reportId } = await system.createReport();
    const eu = await apply(reportId, {
      data: { research_metadata: { region: 'eu', size: 5 } },
    });
    const us = await apply(reportId, { data: { research_metadata: { region: 'us' } } });
    const filter = { all: [{ exact: { report_type: 'org' } }, { exact: { 'metadata.region': 'eu' } }] };
    const tested = await ok(
      filterTest,
      call('POST', '/api/endpoints/actions?action=filter-test', { filter, limit: 100 }),
    );
    const of = (id: string) => tested.events.find(({ event_id }) => event_id === id);
    expect(of(eu)).toMatchObject({ matches: true, report_id: reportId });
    expect(of(us)).toMatchObject({
      matches: false,
      decided_by: 'all.1.exact.metadata.region',
      explanation: 'Does not match: metadata.region is "us", not "eu".',
    });
    const one = await ok(
      filterTest,
      act(ABSENT, 'filter-test', { filter: { exists: 'metadata.size' }, limit: 1 }),
    );
    expect(one.events).toMatchObject([{ event_id: us, matches: false, decided_by: 'exists' }]);
  });

  it('of a version say what changes in the events that the subscriber was sent', async () => {
    const { endpoint } = await active();
    const id = endpoint.endpoint_id;
    const { reportId } = await system.createReport();
    const event = await apply(reportId, { text: 'not shown' });
    const tested = await ok(versionTest, act(id, 'version-test', { format_version: '2026-11-25' }));
    expect(tested).toMatchObject({
      from: '2026-12-01',
      to: '2026-11-25',
      changes: [
        { path: 'data.position', events: 1, before: '1', after: null },
        { path: 'data.stage', events: 1, before: '"prelim"', after: null },
        { path: 'data.channel', events: 1, before: '"webhook"', after: null },
      ],
      events: [{ event_id: event }],
    });
    expect(JSON.parse(tested.events[0]?.before ?? '')).toHaveProperty('data.position', 1);
    expect(JSON.parse(tested.events[0]?.after ?? '')).not.toHaveProperty('data.position');
    expect(JSON.stringify(tested)).not.toContain('not shown');
    await ok(endpointAnswer, act(id, 'pause'));
  });
});

describe('why a subscriber did not get an event', () => {
  it('is said by the settings in force, the filter’s clause, or what became of its delivery', async () => {
    const { sql } = system;
    const { reportId } = await system.createReport();
    const before = await apply(reportId);
    const { endpoint } = await made({
      events: { types: ['report.prelim.completed'] },
      filter: { exact: { 'metadata.region': 'eu' } },
    });
    const id = endpoint.endpoint_id;
    const unverified = await apply(reportId);
    await subscriberClient(sql).verify(id);
    const us = await apply(reportId, { data: { research_metadata: { region: 'us' } } });
    const eu = await apply(reportId, { data: { research_metadata: { region: 'eu' } } });
    const deletedOf = await system.createReport();
    await sql`delete from public.org_reports where id = ${deletedOf.reportId}`;
    const [deleted] = await sql`select id from public.report_events where report_id = ${deletedOf.reportId}`;
    await ok(endpointAnswer, act(id, 'pause'));

    const explain = (eventId: string) => ok(explanation, act(id, 'explain', { event_id: eventId }));
    expect(await explain(before)).toMatchObject({ reason: 'not_there_yet', revision: null, settings: null });
    expect(await explain(unverified)).toMatchObject({ reason: 'unverified' });
    expect(await explain(us)).toMatchObject({
      reason: 'filter',
      decided_by: 'exact.metadata.region',
      sentence:
        'The filter of the endpoint (clause exact.metadata.region): does not match: metadata.region is "us", not "eu".',
      deliveries: [],
    });
    expect(await explain(eu)).toMatchObject({ deliveries: [{ plan: 0 }] });
    expect(await explain(String(deleted?.['id']))).toMatchObject({
      reason: 'type',
      sentence:
        'The type of the event is report.deleted, and the endpoint takes the types report.prelim.completed.',
    });
    await erase(us);
    expect(await explain(us)).toMatchObject({ reason: 'content_erased', decided_by: null });
    expect(await refusal(act(id, 'explain', { event_id: 'evt_nothing' }))).toEqual({
      status: 404,
      code: 'event_not_found',
    });
  });
});

describe('reading', () => {
  it('goes on by cursor, thin as it was sent, and in full by the id of an event', async () => {
    const { endpoint, read_token } = await active({ body: 'thin' });
    const { reportId } = await system.createReport();
    const ids: string[] = [];
    for (const text of ['one', 'two', 'three']) ids.push(await apply(reportId, { text }));
    await readUntil(read_token, '', 3);
    const seen: string[] = [];
    let query = '?limit=2';
    for (let pages = 0; pages < 2; pages += 1) {
      const { events, next, has_more } = await ok(eventsAnswer, read(read_token, query));
      seen.push(...events.map(({ id }) => id));
      expect(has_more).toBe(pages === 0);
      query = `?limit=2&after=${next}`;
      const data = JSON.parse(events[0]?.body ?? '') as { data: object };
      expect(data.data).not.toHaveProperty('research_report');
      expect(data.data).toHaveProperty('content_url', `/api/endpoints/events?event_id=${events[0]?.id}`);
    }
    expect(seen).toEqual(ids);
    // Also while an older transaction is under way, which holds the list back.
    await system.sql.begin(async (older) => {
      await older`select pg_current_xact_id()`;
      const fourth = await apply(reportId, { text: 'four' });
      const list = await ok(eventsAnswer, read(read_token, query));
      expect(list.events).toEqual([]);
      const full = await ok(eventsAnswer, read(read_token, `?event_id=${fourth}`));
      expect(JSON.parse(full.events[0]?.body ?? '')).toMatchObject({ data: { research_report: 'four' } });
    });
    await ok(endpointAnswer, act(endpoint.endpoint_id, 'pause'));
  });

  it('says of an erased event that it is gone', async () => {
    const { endpoint, read_token } = await active();
    const { reportId } = await system.createReport();
    const erased = await apply(reportId);
    // What a report shows is never erased.
    const shown = await apply(reportId);
    await erase(erased);
    expect((await readUntil(read_token, '', 2)).events).toMatchObject([
      { id: erased, position: 1, body: null, gone: 'content_erased' },
      { id: shown, position: 2, body: expect.any(String) as string, gone: null },
    ]);
    expect(await refusal(read(read_token, `?event_id=${erased}`))).toEqual({
      status: 410,
      code: 'content_erased',
    });
    expect(await refusal(read(read_token, '?event_id=evt_another'))).toEqual({
      status: 404,
      code: 'event_not_found',
    });
    await ok(endpointAnswer, act(endpoint.endpoint_id, 'pause'));
  });

  it('is refused without a token of a subscriber, and with a cursor that nobody was given', async () => {
    const { endpoint, read_token } = await made();
    await system.sql`delete from public.webhook_refusals where minute is not null`;
    const [begun] = await system.sql`select clock_timestamp()::text as at`;
    const unknown = `${read_token.slice(0, -4)}AAAA`;
    for (const token of [null, unknown, operator.accessToken, system.secrets.cronSecret]) {
      expect(await refusal(read(token))).toEqual({ status: 401, code: 'unauthorized' });
    }
    const cursor = (text: string) => Buffer.from(text).toString('base64url');
    const queries = [
      '?limit=0',
      '?limit=101',
      '?after=x',
      '?event_id=a.b',
      '?event_id=evt_1&after=x',
      '?other=1',
      `?after=${cursor('99999999999999999999.1')}`,
      `?after=${cursor('1.9999999999999999')}`,
    ];
    for (const query of queries) {
      expect(await refusal(read(read_token, query)), query).toEqual({ status: 400, code: 'invalid_query' });
    }
    const posted = await call('POST', '/api/endpoints/events', {}, read_token);
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET');
    const audited = await system.sql`
      select outcome, count(*)::int from public.webhook_audit
      where request_payload ->> 'endpoint' = 'endpoint-events' and created_at > ${String(begun?.['at'])}
      group by outcome order by outcome`;
    expect([...audited]).toEqual([
      { outcome: 'invalid_query', count: queries.length },
      { outcome: 'method_not_allowed', count: 1 },
      { outcome: 'unauthorized', count: 4 },
    ]);
    // Over the cap of the minute they are counted alone.
    await system.sql`
      insert into public.webhook_refusals (minute, requests)
      select date_trunc('minute', now()) + minutes * interval '1 minute', 100 from generate_series(0, 1) minutes
      on conflict (minute, part) do update set requests = 100`;
    expect(await refusal(read(unknown))).toEqual({ status: 401, code: 'unauthorized' });
    const [row] = await system.sql`
      select count(*)::int from public.webhook_audit
      where request_payload ->> 'endpoint' = 'endpoint-events' and outcome = 'unauthorized'
        and created_at > ${String(begun?.['at'])}`;
    expect(row).toEqual({ count: 4 });
    await system.sql`delete from public.webhook_refusals where minute is not null`;
    // A subscriber that is removed reads nothing more.
    await ok(endpointAnswer, call('DELETE', `/api/endpoints?endpoint_id=${endpoint.endpoint_id}`));
    expect(await refusal(read(read_token))).toEqual({ status: 401, code: 'unauthorized' });
  });
});

describe('a replay', () => {
  const propose = (filter: object, change: object = {}) =>
    call('POST', '/api/plans', {
      request_id: randomUUID(),
      kind: 'replay',
      name: 'Again',
      reason: 'A test',
      filter,
      ...change,
    });

  it('is refused where its filter does not fit, and leaves the other kinds theirs', async () => {
    const filters: [object, string][] = [
      [{}, 'filter.endpoint_ids'],
      [{ endpoint_ids: [] }, 'filter.endpoint_ids'],
      [{ endpoint_ids: ['prelim-report'] }, 'filter.endpoint_ids.0'],
      [{ endpoint_ids: [ABSENT, ABSENT] }, 'filter.endpoint_ids'],
      [{ endpoint_ids: [ABSENT], from: 'yesterday' }, 'filter.from'],
      [{ endpoint_ids: [ABSENT], format_version: 2 }, 'filter.format_version'],
      [{ endpoint_ids: [ABSENT], rate_per_second: 0 }, 'filter.rate_per_second'],
      [{ endpoint_ids: [ABSENT], status: 'dead' }, 'filter'],
    ];
    for (const [filter, path] of filters) {
      expect(await refusal(propose(filter)), path).toEqual({
        status: 400,
        code: 'invalid_body',
        paths: [path],
      });
    }
    expect(await refusal(propose({ endpoint_ids: [ABSENT] }, { kind: 'redrive' }))).toEqual({
      status: 400,
      code: 'invalid_body',
      paths: ['filter'],
    });
    expect(await refusal(propose({}, { kind: 'start' }))).toEqual({
      status: 400,
      code: 'invalid_body',
      paths: ['kind'],
    });
    const { plan } = await ok(
      planAnswer,
      propose({ report_type: 'greeting', event_ids: ['evt_none'] }, { kind: 'redrive' }),
      202,
    );
    expect(plan).toMatchObject({ kind: 'redrive', status: 'running', preview: null });
  });

  it('may be cancelled before it is applied, and then does nothing', async () => {
    const { endpoint } = await active();
    const { reportId } = await system.createReport();
    await apply(reportId);
    const { plan } = await ok(
      planAnswer,
      propose({
        endpoint_ids: [endpoint.endpoint_id],
        from: '2026-01-01T00:00:00+01:00',
        report_type: 'org',
      }),
      202,
    );
    expect(plan).toMatchObject({ status: 'proposed', preview: { deliveries: expect.any(Number) as number } });
    const path = `/api/plans?plan=${plan.id}`;
    expect(await ok(planAnswer, call('DELETE', path))).toMatchObject({ plan: { status: 'cancelled' } });
    expect(await ok(planAnswer, call('PATCH', path, { apply: true }))).toMatchObject({
      plan: { status: 'cancelled' },
    });
    await sweep();
    const rows = await subscriberClient(system.sql).deliveries(endpoint.endpoint_id);
    expect(rows.filter((row) => row['plan'] !== 0)).toEqual([]);
    expect(await refusal(call('PATCH', path, { apply: false }))).toEqual({
      status: 400,
      code: 'invalid_body',
      paths: ['apply'],
    });
    expect(await refusal(call('PATCH', '/api/plans?plan=999999', { apply: true }))).toEqual({
      status: 404,
      code: 'plan_not_found',
    });
    await ok(endpointAnswer, act(endpoint.endpoint_id, 'pause'));
  });
});
