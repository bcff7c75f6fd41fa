import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JsonText } from '../../../src/contracts/json-text.ts';
import { receivedJobResult } from '../../../src/contracts/jobs.ts';
import { platformJobRequest } from '../../../src/contracts/platform-job-request.ts';
import { problemDetails } from '../../../src/contracts/problem.ts';
import { redriveRequest } from '../../../src/contracts/retry.ts';
import { receivedEnvelope, receivedFlatBody } from '../../../src/contracts/webhooks.ts';
import { parseJsonBody, readJson, validate } from '../../../src/server/http/read-json.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

function post(body: string | Uint8Array<ArrayBuffer>, contentType = 'application/json'): Request {
  return new Request('http://localhost/', { method: 'POST', body, headers: { 'content-type': contentType } });
}

async function refused<T>(body: string | Uint8Array<ArrayBuffer>, schema: z.ZodType<T>, open?: string[]) {
  const parsed = await parseJsonBody(post(body), schema, open);
  if (parsed.ok) throw new Error('the body was accepted');
  expect(parsed.answer.status).toBe(400);
  const details = problemDetails.parse(await parsed.answer.json());
  expect(details.code).toBe(parsed.code);
  return details;
}

describe('bytes', () => {
  it('come back as the text that they are, with what is read of it', () => {
    const text = ' {"data":{"é":"😀","n":1.00,"m":{"big":9007199254740993}}}\n';
    expect(readJson(bytesOf(text), { open: ['data'] })).toEqual({
      ok: true,
      text,
      value: { data: { é: '😀', n: 1, m: new JsonText('object', '{"big":9007199254740993}') } },
    });
  });

  it.each([
    ['a byte of Latin-1', [0x22, 0xff, 0x22]],
    ['a cut sequence', [0x22, 0xc3, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xa2, 0x22]],
    ['half a surrogate pair', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x31]],
    ['UTF-16', [0xff, 0xfe, 0x31, 0x00]],
    ['no bytes', []],
  ])('with %s are not JSON', (_name, bytes) => {
    expect(readJson(Uint8Array.from(bytes))).toEqual({ ok: false, code: 'invalid_json', extras: {} });
  });

  it('with what cannot be stored are refused with its path', () => {
    expect(readJson(bytesOf('{"a":[1,1e999]}'))).toEqual({
      ok: false,
      code: 'invalid_body',
      extras: {
        issues: [
          { path: 'a.1', message: 'must not have more than 64 digits, written out without an exponent' },
        ],
      },
    });
  });
});

describe('a JSON body', () => {
  const schema = z.strictObject({ name: z.string(), list: z.array(z.string()).optional() });

  it('is given with its text', async () => {
    const body = '{ "name": "\\u0061", "list": ["x"] }';
    expect(await parseJsonBody(post(body), schema, ['list'])).toEqual({
      ok: true,
      text: body,
      value: { name: 'a', list: ['x'] },
    });
  });

  it('is refused before it is read where it is too large or something else', async () => {
    expect(await parseJsonBody(post('{}', 'text/plain'), schema)).toMatchObject({
      ok: false,
      code: 'unsupported_media_type',
    });
    expect(await parseJsonBody(post('x'.repeat(1024 * 1024 + 1)), schema)).toMatchObject({
      ok: false,
      code: 'body_too_large',
    });
  });

  it('has one level less than an envelope, in which it is sent on', async () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(readJson(bytesOf(deep(100)))).toMatchObject({ ok: true });
    const { issues } = await refused(deep(100), schema);
    expect(issues).toMatchObject([{ message: 'must not be nested deeper than 99 levels' }]);
  });

  it.each([
    ['[]', [{ path: '', message: 'Invalid input: expected object, received array' }]],
    ['"text"', [{ path: '', message: 'Invalid input: expected object, received string' }]],
    ['null', [{ path: '', message: 'Invalid input: expected object, received null' }]],
    ['{"name":{"a":1}}', [{ path: 'name', message: 'Invalid input: expected string, received object' }]],
    ['{"name":[1]}', [{ path: 'name', message: 'Invalid input: expected string, received array' }]],
    ['{"name":1}', [{ path: 'name', message: 'Invalid input: expected string, received number' }]],
    ['{"name":"a","__proto__":{}}', [{ path: '', message: 'Unrecognized key: "__proto__"' }]],
    ['{"__proto__":{"name":"a"}}', expect.arrayContaining([expect.objectContaining({ path: 'name' })])],
  ])('that does not fit names its faults: %s', async (body, issues) => {
    expect((await refused(body, schema)).issues).toEqual(issues);
  });

  it('has at most 20 issues of at most 200 characters each', async () => {
    const many = `{"name":"a","list":[${Array.from({ length: 1000 }, (_, i) => String(i)).join(',')}]}`;
    const { issues } = await refused(many, schema, ['list']);
    expect(issues?.map(({ path }) => path)).toEqual(Array.from({ length: 20 }, (_, i) => `list.${i}`));
    const unknown = Array.from({ length: 1000 }, (_, i) => `"unknown ${i}":1`).join(',');
    const [issue, ...others] = (await refused(`{"name":"a",${unknown}}`, schema)).issues ?? [];
    expect(others).toEqual([]);
    expect(issue?.message).toMatch(/^Unrecognized keys: "unknown 0".+…$/);
    expect(issue?.message).toHaveLength(200);
    const longPath = z.object({ ['x'.repeat(300)]: z.string() });
    expect((await refused('{}', longPath)).issues?.[0]?.path).toBe(`${'x'.repeat(199)}…`);
  });
});

describe('the schemas of the server', () => {
  const read = (body: object | string) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const json = readJson(bytesOf(text), { open: ['data', 'event_ids', 'filter'] });
    if (!json.ok) throw new Error(json.code);
    return json.value;
  };
  const data = {
    job_id: 'job_1',
    report_id: '7C0F7F4E-6f0c-4a86-9d7e-6f9d2f3c1a11',
    report_type: 'org',
    research_report: '# Report',
    research_status: 'completed',
  };
  const envelope = { type: 'report.prelim.completed', timestamp: '2026-01-02T03:04:05.678Z' };
  const metadata = '{"big":9007199254740993,"x":1.00,"__proto__":{"a":1}}';
  const withMetadata = (body: object) => JSON.stringify(body).replace('"METADATA"', metadata);

  it('take the objects of an envelope and of a flat body as text', () => {
    const content = { ...data, research_metadata: 'METADATA', final_data: {} };
    const expected = {
      ...data,
      report_id: data.report_id.toLowerCase(),
      research_metadata: new JsonText('object', metadata),
      final_data: new JsonText('object', '{}'),
    };
    const enveloped = withMetadata({ ...envelope, data: content });
    expect(validate(receivedEnvelope, read(enveloped))).toEqual({
      ok: true,
      value: { ...envelope, data: expected },
    });
    expect(validate(receivedFlatBody, read(withMetadata(content)))).toEqual({ ok: true, value: expected });
  });

  it.each([['[1]'], ['"text"'], ['7'], ['true']])('refuse %s in the place of such an object', (given) => {
    const issue = (path: string) => ({ ok: false, issues: [{ path, message: 'must be an object' }] });
    for (const name of ['research_metadata', 'final_data']) {
      const body = JSON.stringify({ ...envelope, data: { ...data, [name]: 'X' } }).replace('"X"', given);
      expect(validate(receivedEnvelope, read(body))).toEqual(issue(`data.${name}`));
    }
    const job = `{"prompt":"p","report_type":"org","report_id":"${data.report_id}","metadata":${given}}`;
    expect(validate(platformJobRequest, read(job))).toEqual(issue('metadata'));
    const result = `{"status":"succeeded","result":"r","metadata":${given}}`;
    expect(validate(receivedJobResult, read(result))).toEqual(issue('metadata'));
  });

  it('have the rules of the schemas that clients build by', () => {
    const empty = { ...data, research_report: ' ' };
    expect(validate(receivedFlatBody, read(empty))).toMatchObject({
      issues: [{ path: 'research_report', message: 'is required when research_status is completed' }],
    });
    expect(validate(receivedEnvelope, read({ ...envelope, data: empty }))).toMatchObject({
      issues: [{ path: 'data.research_report' }],
    });
    const failed = { ...data, research_status: 'failed' };
    expect(validate(receivedEnvelope, read({ ...envelope, data: failed }))).toMatchObject({
      issues: [{ path: 'data.research_status', message: 'does not fit the type report.prelim.completed' }],
    });
    expect(validate(receivedJobResult, read({ status: 'succeeded', result: ' ' }))).toMatchObject({
      issues: [{ path: 'result' }],
    });
    expect(validate(receivedJobResult, read({ status: 'failed', more: 1 }))).toMatchObject({
      issues: [{ message: 'Unrecognized key: "more"' }],
    });
    expect(validate(platformJobRequest, read({ more: 1 }))).toMatchObject({ ok: false });
  });

  it('read the lists and filters of a redrive', () => {
    for (const body of [{ event_ids: ['a', 'b'] }, { filter: { report_type: 'org' } }, { filter: {} }]) {
      expect(validate(redriveRequest, read(body))).toEqual({ ok: true, value: body });
    }
  });
});
