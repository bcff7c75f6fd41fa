import { describe, expect, it } from 'vitest';
import { MAX_PROMPT_CHARACTERS, MAX_TOKENS } from '../../../src/contracts/constants.ts';
import {
  namesReport,
  platformJobRequest,
  reportOfKey,
  resolveReport,
} from '../../../src/contracts/platform-job-request.ts';
import { readJobRequest } from '../../../src/server/jobs/read-request.ts';

const REPORT = '0a1b2c3d-1111-2222-3333-444455556666';
const OTHER = '0a1b2c3d-1111-2222-3333-444455557777';

async function read(body: object | string, key?: string) {
  const request = new Request('http://localhost/api/reportJobsDb', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const result = await readJobRequest(request);
  return result.ok ? result.value : { ...((await result.answer.json()) as object) };
}

describe('a body of the platform’s clients', () => {
  it('may say null for all that is optional', () => {
    const names = Object.keys(platformJobRequest.shape).filter((name) => name !== 'prompt');
    const parsed = platformJobRequest.parse({
      prompt: 'p',
      ...Object.fromEntries(names.map((name) => [name, null])),
    });
    expect(JSON.parse(JSON.stringify(parsed))).toEqual({ prompt: 'p', generate: true, user_id: null });
  });

  it('is still refused where it has an unknown member, or no prompt', () => {
    expect(platformJobRequest.safeParse({ prompt: 'p', other: 1 }).success).toBe(false);
    expect(platformJobRequest.safeParse({ prompt: null }).success).toBe(false);
  });

  it('may have a prompt of 100,000 code points, which may be twice as many UTF-16 units', () => {
    const prompt = '🚀'.repeat(MAX_PROMPT_CHARACTERS);
    expect(platformJobRequest.safeParse({ prompt }).success).toBe(true);
    expect(platformJobRequest.safeParse({ prompt: `${prompt}.` }).success).toBe(false);
  });

  it.each([
    [1000, 1000],
    [MAX_TOKENS + 1, MAX_TOKENS],
    [1_000_000, MAX_TOKENS],
  ])('that asks for %d tokens is granted %d', (asked, granted) => {
    expect(platformJobRequest.parse({ prompt: 'p', max_tokens: asked }).max_tokens).toBe(granted);
  });

  it.each([
    ['organization', 'org'],
    ['requirements', 'requirement'],
    ['greeting', 'greeting'],
  ])('may call a report type %s', (name, type) => {
    expect(platformJobRequest.parse({ prompt: 'p', report_type: name }).report_type).toBe(type);
  });
});

describe('a key', () => {
  it.each([
    [`greeting:${REPORT}`, 'greeting'],
    [`org:${REPORT}`, 'org'],
    [`organization:${REPORT}`, 'org'],
    [`requirement:${REPORT.toUpperCase()}`, 'requirement'],
    [`requirements:${REPORT}`, 'requirement'],
  ])('%s names a report', (key, report_type) => {
    expect(reportOfKey(key)).toEqual({ report_type, report_id: REPORT });
  });

  it.each(['greeting:today', `starmap:${REPORT}`, `greeting:${REPORT}:2`, `:${REPORT}`, REPORT, 'greeting:'])(
    '%s is an ordinary one',
    (key) => {
      expect(reportOfKey(key)).toBeNull();
    },
  );
});

describe('the report of a request', () => {
  const ofKey = { report_type: 'org', report_id: REPORT } as const;

  it('is named by the body, by the key, or by halves of both', () => {
    const named = { outcome: 'named', report: ofKey };
    expect(resolveReport(ofKey, null)).toEqual(named);
    expect(resolveReport({}, ofKey)).toEqual(named);
    expect(resolveReport({ report_id: REPORT }, ofKey)).toEqual(named);
    expect(resolveReport(ofKey, ofKey)).toEqual(named);
    expect(resolveReport({}, null)).toEqual({ outcome: 'none' });
  });

  it('is not guessed from contradictions or halves', () => {
    expect(resolveReport({ ...ofKey, report_id: OTHER }, ofKey)).toEqual({ outcome: 'mismatch' });
    expect(resolveReport({ report_type: 'greeting' }, ofKey)).toEqual({ outcome: 'mismatch' });
    expect(resolveReport({ report_type: 'org' }, null)).toEqual({
      outcome: 'incomplete',
      missing: 'report_id',
    });
    expect(resolveReport({ report_id: REPORT }, null)).toEqual({
      outcome: 'incomplete',
      missing: 'report_type',
    });
  });

  it('is named by metadata with both members', () => {
    expect(namesReport({ report_type: 'org', report_id: 'x' })).toBe(true);
    for (const metadata of [{}, { report_type: 'org' }, { report_type: 'org', report_id: null }]) {
      expect(namesReport(metadata)).toBe(false);
    }
  });
});

describe('a request', () => {
  it('takes the report from metadata, which is kept byte for byte', async () => {
    const metadata = `{"report_type": "organization", "report_id": "${REPORT}", "n": 1.00, "c\\"": {"a": [1]}}`;
    const order = await read(`{"prompt": "p", "metadata": ${metadata}}`);
    expect(order).toMatchObject({
      report: { report_type: 'org', report_id: REPORT, stage: 'prelim' },
      isOncePerReport: false,
      metadata: { text: metadata },
    });
  });

  it('leaves metadata alone where the body names the report itself', async () => {
    const metadata = { report_type: 'starmap', report_id: 'mine' };
    const order = await read({ prompt: 'p', report_type: 'org', report_id: REPORT, metadata });
    expect(order).toMatchObject({ report: { report_type: 'org', report_id: REPORT } });
  });

  it('is for no report where metadata has only half a name', async () => {
    expect(await read({ prompt: 'p', metadata: { report_type: 'starmap' } })).toMatchObject({ report: null });
  });

  it('keeps an ordinary key, from the header or the body, and drops one that names the report', async () => {
    const report = { prompt: 'p', report_type: 'org', report_id: REPORT };
    expect(await read(report, 'k')).toMatchObject({ idempotency_key: 'k', isOncePerReport: false });
    expect(await read({ ...report, idempotency_key: 'k' })).toMatchObject({ idempotency_key: 'k' });
    for (const order of [
      await read({ prompt: 'p' }, `org:${REPORT}`),
      await read({ prompt: 'p', idempotency_key: `org:${REPORT}` }),
    ]) {
      expect(order).toMatchObject({
        report: { report_type: 'org', report_id: REPORT },
        idempotency_key: undefined,
        isOncePerReport: true,
      });
    }
  });

  it.each<[string, object, string | undefined, object]>([
    [
      'a key that names another report than the body',
      { report_type: 'org', report_id: OTHER },
      `org:${REPORT}`,
      { code: 'report_mismatch', status: 400 },
    ],
    [
      'a key that names another report than the metadata',
      { metadata: { report_type: 'greeting', report_id: REPORT } },
      `org:${REPORT}`,
      { code: 'report_mismatch' },
    ],
    [
      'two keys',
      { idempotency_key: 'one' },
      'two',
      { code: 'invalid_body', issues: [{ path: 'idempotency_key' }] },
    ],
    ['a key with blanks', {}, 'a b', { code: 'invalid_idempotency_key' }],
    [
      'a key with blanks in the body',
      { idempotency_key: 'a b' },
      undefined,
      { issues: [{ path: 'idempotency_key' }] },
    ],
    ['half a report', { report_id: REPORT }, undefined, { issues: [{ path: 'report_type' }] }],
    ['the other half', { report_type: 'org' }, undefined, { issues: [{ path: 'report_id' }] }],
    ['a stage without a report', { stage: 'final' }, undefined, { issues: [{ path: 'stage' }] }],
    [
      'metadata with a malformed report',
      { metadata: { report_type: 'starmap', report_id: 7 } },
      undefined,
      { issues: [{ path: 'metadata.report_type' }, { path: 'metadata.report_id' }] },
    ],
  ])('is refused for %s', async (_name, change, key, refusal) => {
    expect(await read({ prompt: 'p', ...change }, key)).toMatchObject(refusal);
  });
});
