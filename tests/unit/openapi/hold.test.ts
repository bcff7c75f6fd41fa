import { globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { projectRoot } from '../../../tools/local/paths.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/contracts/problem.ts';
import { openDocument } from '../../support/openapi/document.ts';
import { faultsOf, holdSent, holdToDocument, takeFaults } from '../../support/openapi/hold.ts';

const JOB = {
  job_id: 'job_1',
  report_type: null,
  report_id: null,
  stage: null,
  status: 'queued',
  percent: 0,
  eta_seconds: null,
  result: null,
  error: null,
  webhook: { status: null, attempts: 0, last_attempt: null },
};

interface Call {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  status?: number;
  answer?: unknown;
  answerHeaders?: Record<string, string>;
}

const DEFAULT_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' };

function faults({
  method = 'GET',
  path = '/api/reportJobsDb?job_id=job_1',
  status = 200,
  answer = JOB,
  ...rest
}: Call): string[] {
  const text = answer === null ? '' : JSON.stringify(answer);
  return faultsOf({
    method,
    url: new URL(path, 'http://127.0.0.1'),
    headers: new Headers(rest.headers),
    body: typeof rest.body === 'string' ? Buffer.from(rest.body) : (rest.body ?? new Uint8Array()),
    response: new Response(status === 204 ? null : text, {
      status,
      headers: { ...DEFAULT_HEADERS, ...rest.answerHeaders },
    }),
    text,
  });
}

function refusal(code: ProblemCode, call: Call = {}): string[] {
  const { status, title } = PROBLEMS[code];
  return faults({
    status,
    answer: { type: 'about:blank', title, status, code, error: title },
    ...call,
    answerHeaders: { 'content-type': 'application/problem+json', ...call.answerHeaders },
  });
}

it('finds nothing in what is described', () => {
  expect(faults({})).toEqual([]);
  expect(refusal('job_not_found')).toEqual([]);
  expect(refusal('database_unavailable', { answerHeaders: { 'retry-after': '5' } })).toEqual([]);
  expect(
    refusal('method_not_allowed', { method: 'PUT', answerHeaders: { allow: 'GET, POST, PATCH, DELETE' } }),
  ).toEqual([]);
});

describe('an answer', () => {
  it.each<[string, string[], RegExp]>([
    ['of a path', faults({ path: '/api/nothing' }), /the path is not described/],
    ['of a method', faults({ method: 'PUT' }), /the method is not described/],
    [
      'with other methods in Allow',
      refusal('method_not_allowed', { method: 'PUT', answerHeaders: { allow: 'GET' } }),
      /Allow names get/,
    ],
    ['of a status', faults({ status: 418 }), /418: the status is not described/],
    [
      'of a media type',
      faults({ answerHeaders: { 'content-type': 'text/html' } }),
      /text\/html is not described/,
    ],
    ['with a member', faults({ answer: { ...JOB, new_member: 1 } }), /new_member/],
    [
      'with a member inside',
      faults({ answer: { ...JOB, webhook: { ...JOB.webhook, new_member: 1 } } }),
      /new_member/,
    ],
    ['without a member', faults({ answer: { ...JOB, percent: undefined } }), /percent/],
    ['with a value', faults({ answer: { ...JOB, status: 'lost' } }), /\/status .*lost/],
    ['with a code', refusal('plan_not_found'), /plan_not_found/],
    ['with a code of another status', refusal('job_not_found', { status: 400 }), /of another status/],
    ['with a header', faults({ answerHeaders: { sunset: 'now' } }), /header sunset is not described/],
    [
      'with a header that the document knows nowhere',
      faults({ answerHeaders: { etag: '"1"' } }),
      /header etag is not described/,
    ],
    [
      'with a permission for pages',
      refusal('database_unavailable', {
        path: '/api/metrics',
        answerHeaders: { 'retry-after': '5', 'access-control-allow-origin': '*' },
      }),
      /header access-control-allow-origin is not described/,
    ],
    ['without a header of its code', refusal('database_unavailable'), /no header Retry-After/],
    ['that caches may keep', faults({ answerHeaders: { 'cache-control': 'public' } }), /no-store/],
    [
      'with a body where there is none',
      faults({ method: 'HEAD', path: '/api/health' }),
      /a body is not described/,
    ],
  ])('%s that is not described is found', (_name, found, expected) => {
    expect(found.join('\n')).toMatch(expected);
  });
});

it('allows pages to read the answers of the calls that are for pages, and describes the preflight', () => {
  const origin = { 'access-control-allow-origin': 'https://app.test', vary: 'Origin' };
  expect(faults({ answerHeaders: { ...origin, 'access-control-expose-headers': 'Location' } })).toEqual([]);
  const preflight = {
    ...origin,
    allow: 'GET, OPTIONS',
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': 'Authorization',
    'access-control-max-age': '600',
  };
  const call = { method: 'OPTIONS', path: '/api/reportJobsDb', status: 204, answer: null };
  expect(faults({ ...call, answerHeaders: preflight })).toEqual([]);
  expect(
    faults({ ...call, answerHeaders: { ...preflight, 'access-control-allow-credentials': 'true' } }),
  ).toEqual(['OPTIONS /api/reportJobsDb 204: the header access-control-allow-credentials is not described']);
});

describe('a request that was accepted', () => {
  const retry = {
    method: 'POST',
    path: '/api/webhooks/retry',
    answer: { success: true, outcome: 'applied' },
  };
  const body = { report_type: 'org', report_id: '00000000-0000-4000-8000-000000000001' };
  it.each<[string, Call, RegExp]>([
    ['with a query member', { path: '/api/reportJobsDb?job_id=a&b=c' }, /query member b is not described/],
    ['without a query member', { path: '/api/reportJobsDb' }, /accepted without the query member job_id/],
    ['with a value', { path: `/api/reportJobsDb?job_id=${'a'.repeat(201)}` }, /query member job_id/],
    ['without a body', retry, /accepted without a body/],
    ['with a member', { ...retry, body: JSON.stringify({ ...body, more: 1 }) }, /more/],
    [
      'with a member that is compressed',
      {
        ...retry,
        headers: { 'content-encoding': 'gzip' },
        body: gzipSync(JSON.stringify({ ...body, more: 1 })),
      },
      /more/,
    ],
  ])('%s that is not described is found', (_name, call, expected) => {
    expect(faults(call).join('\n')).toMatch(expected);
  });

  it('is not found where it is described, and a refused one never', () => {
    expect(faults({ ...retry, body: JSON.stringify(body) })).toEqual([]);
    expect(
      refusal('invalid_body', { method: 'POST', path: '/api/webhooks/retry', body: '{"more": 1}' }),
    ).toEqual([]);
  });
});

it('sees what a test fetches of a function, and nothing else', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  try {
    await fetch(`${url}/api/nothing`);
    expect(takeFaults()).toEqual([]);
    holdToDocument(url);
    const answer = await fetch(`${url}/api/nothing`, { method: 'POST', body: 'x' });
    expect(await answer.text()).toBe('{}');
    expect(takeFaults()).toEqual(['POST /api/nothing 200: the path is not described']);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('an event to a subscriber', () => {
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': '1764000000',
    'webhook-signature': 'v1,x',
    'polaris-version': '2026-11-25',
  };
  const data = {
    job_id: null,
    report_id: '00000000-0000-4000-8000-000000000001',
    report_type: 'org',
    research_status: 'completed',
    requested_at: '2026-01-02T03:04:05.678Z',
  };
  const event = { type: 'report.owner.edited', timestamp: '2026-01-02T03:04:05.678Z', data };
  const found = (sent: Record<string, string | undefined>, body: unknown) => {
    holdSent(sent, JSON.stringify(body));
    return takeFaults().join('\n');
  };

  it('is described in each form', () => {
    expect(found(headers, event)).toBe('');
    expect(found({ ...headers, 'polaris-version': '2024-01-01' }, data)).toBe('');
  });

  it.each(globSync('tests/fixtures/bodies/*/*.body', { cwd: projectRoot }))(
    '%s is described: its bytes never change',
    (file) => {
      const [, version = '', form = ''] = /([\d-]+)\/.+\.(full|thin)\.body$/.exec(file) ?? [];
      const body = z.looseObject({}).parse(JSON.parse(readFileSync(join(projectRoot, file), 'utf8')));
      const schema = ['components', 'schemas', `SentEvent.${version}.${form}`];
      expect(openDocument().faultsOf('sent by us', schema, body)).toEqual([]);
      expect(openDocument().faultsOf('sent by us', schema, { ...body, more: 1 })).toHaveLength(1);
    },
  );

  it.each<[string, string, RegExp]>([
    ['type', found(headers, { ...event, type: 'report.moved' }), /the type is not described/],
    ['member', found(headers, { ...event, data: { ...data, new_member: 1 } }), /new_member/],
    ['header', found({ ...headers, 'polaris-new': '1' }, event), /polaris-new is not described/],
    ['version', found({ ...headers, 'polaris-version': '2020-01-01' }, event), /2020-01-01/],
    [
      'absence of a signature',
      found({ ...headers, 'webhook-signature': undefined }, event),
      /the signature is missing/,
    ],
    ['absence of a header', found({ 'webhook-id': 'evt_1' }, event), /webhook-timestamp is missing/],
  ])('with a %s that is not described is found', (_name, fault, expected) => {
    expect(fault).toMatch(expected);
  });
});
