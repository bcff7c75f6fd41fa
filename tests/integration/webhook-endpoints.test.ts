import { createHash, createHmac, randomUUID } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/contracts/constants.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope, webhookClient, type Answered } from '../support/webhook-client.ts';

const LEGACY_SECRET = 'legacy-secret-of-the-first-version';
const OLD_KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let system: TestSystem;
let client: ReturnType<typeof webhookClient>;
beforeAll(async () => {
  const entrypoints = ['api/webhooks/prelim-report.ts', 'api/webhooks/final-report.ts'];
  system = await startTestSystem({
    functions: entrypoints,
    env: { WEBHOOK_LEGACY_SECRET: LEGACY_SECRET },
    rotatedSecrets: [OLD_KEY],
  });
  client = webhookClient(system, system.secrets.webhookSecret);
});
afterAll(() => system.stop());

const said = ({ status, says }: Answered) => `${status} ${says ?? ''}`;

async function row(reportId: string) {
  const [report] = await system.sql`
    select research_report, research_status, research_metadata, stage, winner_event_id, webhook_status,
      webhook_attempts, webhook_job_id
    from public.org_reports where id = ${reportId}`;
  return report;
}

async function audited(id: string) {
  return system.sql`select * from public.webhook_audit where event_id = ${id} order by created_at`;
}

describe('answer 200', () => {
  it('says applied, and the report, its delivery and its audit row are there', async () => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = envelope({ reportId, text: '# 分析 🚀 & "quotes"' });
    const answer = await client.post(event, { id });
    expect(said(answer)).toBe('200 applied');
    expect(JSON.parse(answer.text)).toEqual({
      outcome: 'applied',
      report_id: reportId,
      job_id: event.data.job_id,
      report_type: 'org',
      stage: 'prelim',
      status: 'completed',
      timestamp: expect.stringMatching(/Z$/) as string,
    });
    expect(await row(reportId)).toMatchObject({
      research_report: '# 分析 🚀 & "quotes"',
      research_status: 'completed',
      stage: 'prelim',
      winner_event_id: id,
      webhook_status: 'success',
      webhook_attempts: 1,
      webhook_job_id: event.data.job_id,
    });
    const rows = await audited(id);
    expect(rows).toMatchObject([{ direction: 'in', outcome: 'applied', response_status: 200 }]);
    expect(JSON.stringify(rows)).not.toContain('分析');
  });

  it('says duplicate for the same content however it is written, and changes nothing', async () => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = envelope({ reportId, text: 'ä' });
    await client.post(event, { id });
    const before = await row(reportId);
    const rewritten = JSON.stringify({ ...event, timestamp: '2026-01-01T00:00:00Z' }, null, 2);
    const answer = await client.post(rewritten.replace('ä', '\\u00e4'), { id });
    expect(said(answer)).toBe('200 duplicate');
    expect(await row(reportId)).toEqual(before);
  });

  it('says duplicate however the id of the report is spelled', async () => {
    const { reportId } = await system.createReport();
    for (const spellings of [
      [reportId, reportId.toUpperCase()],
      [reportId.toUpperCase(), reportId],
    ]) {
      const id = randomUUID();
      const jobId = randomUUID();
      const answers = [];
      for (const spelling of spellings)
        answers.push(await client.post(envelope({ reportId: spelling, jobId }), { id }));
      expect(answers.map(said)).toEqual(['200 applied', '200 duplicate']);
      expect(JSON.parse(answers[0]?.text ?? '')).toMatchObject({ report_id: reportId });
    }
  });

  it('says superseded for the result of an older request, which is kept', async () => {
    const { reportId } = await system.createReport();
    const older = randomUUID();
    await client.post(envelope({ reportId, text: 'new', requestedAt: '2026-02-02T00:00:00Z' }));
    const late = envelope({ reportId, text: 'old', requestedAt: '2026-02-01T00:00:00Z' });
    expect(said(await client.post(late, { id: older }))).toBe('200 superseded');
    expect(await row(reportId)).toMatchObject({ research_report: 'new' });
    const [event] = await system.sql`
      select research_report, effect from public.report_events join private.report_contents on event_id = id where id = ${older}`;
    expect(event).toEqual({ research_report: 'old', effect: 'superseded' });
  });

  it('has one effect and twenty audit rows for twenty copies at once', async () => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = envelope({ reportId });
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.post(event, { id })));
    const outcomes = answers.map((answer) => answer.says).sort();
    expect(outcomes).toEqual(['applied', ...Array.from({ length: 19 }, () => 'duplicate')]);
    expect(await audited(id)).toHaveLength(20);
  });

  it('merges the final data into the metadata and notifies the owner once', async () => {
    const { reportId, userId } = await system.createReport();
    await client.post(envelope({ reportId }));
    const data = { research_metadata: { model: 'm', tone: 'dry' }, final_data: { tone: 'warm', score: 4 } };
    const id = randomUUID();
    const event = envelope({ reportId, stage: 'final', text: 'final', data });
    const answers = await Promise.all([1, 2, 3].map(() => client.post(event, { id, stage: 'final' })));
    expect(answers.map((answer) => answer.says).sort()).toEqual(['applied', 'duplicate', 'duplicate']);
    expect(await row(reportId)).toMatchObject({
      stage: 'final',
      research_metadata: { model: 'm', tone: 'warm', score: 4 },
    });
    const told = await system.sql`
      select user_id, event_id, read_at from public.report_notifications where report_id = ${reportId}`;
    expect([...told]).toEqual([{ user_id: userId, event_id: id, read_at: null }]);
  });

  it('never lets a prelim overwrite a final, however new', async () => {
    const { reportId } = await system.createReport();
    const final = envelope({ reportId, stage: 'final', text: 'F', requestedAt: '2026-01-01T00:00:00Z' });
    expect(said(await client.post(final, { stage: 'final' }))).toBe('200 applied');
    expect(said(await client.post(envelope({ reportId, text: 'P' })))).toBe('200 superseded');
    expect(await row(reportId)).toMatchObject({ research_report: 'F', stage: 'final' });
  });

  it('keeps what an earlier event delivered when a later one failed', async () => {
    const { reportId } = await system.createReport();
    await client.post(envelope({ reportId, text: 'kept' }));
    const failed = envelope({
      reportId,
      data: { research_status: 'failed', research_report: null, error: 'the model refused' },
    });
    expect(said(await client.post({ ...failed, type: 'report.prelim.failed' }))).toBe('200 applied');
    expect(await row(reportId)).toMatchObject({ research_report: 'kept', research_status: 'failed' });
  });

  it('is given to signatures of the standardwebhooks and svix libraries, and to every rotated secret', async () => {
    const { reportId } = await system.createReport();
    for (const library of [StandardWebhook, SvixWebhook]) {
      const body = JSON.stringify(envelope({ reportId }));
      const id = randomUUID();
      const at = new Date();
      const signature = new library(system.secrets.webhookSecret).sign(id, at, body);
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signature,
      };
      expect(said(await client.send('prelim', { headers, body: Buffer.from(body) }))).toBe('200 applied');
    }
    const old = webhookClient(system, OLD_KEY);
    expect(said(await old.post(envelope({ reportId })))).toBe('200 applied');
  });
});

describe('answer 400', () => {
  it.each([
    ['invalid_json', '{"type":'],
    ['invalid_json', ''],
    ['invalid_body', 'null'],
    ['invalid_body', '[]'],
    ['invalid_body', '"text"'],
    ['invalid_body', '{"data": null}'],
  ])('%s for %j', async (code, body) => {
    const id = randomUUID();
    expect(said(await client.post(body, { id }))).toBe(`400 ${code}`);
    expect(await audited(id)).toMatchObject([
      { outcome: code, response_status: 400, body_bytes: body.length },
    ]);
  });

  it('names the path of each issue', async () => {
    const { reportId } = await system.createReport();
    const event = envelope({
      reportId,
      data: { report_type: '../..', report_id: 'x', research_report: ' ' },
    });
    const answer = await client.post(event);
    const { issues } = JSON.parse(answer.text) as { issues: { path: string }[] };
    expect(issues.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['data.report_id', 'data.report_type']),
    );
  });

  it.each([
    ['an empty text', { research_report: '  ' }],
    ['U+0000', { research_report: 'a\u0000b' }],
    ['half a surrogate pair', { research_metadata: { key: '\ud800' } }],
  ])('invalid_body for a completed report with %s', async (_name, data) => {
    const { reportId } = await system.createReport();
    expect(said(await client.post(envelope({ reportId, data })))).toBe('400 invalid_body');
    expect(await row(reportId)).toMatchObject({ research_report: null, research_status: 'pending' });
  });

  it.each([
    '2026-01-01T00:00:00+18:00',
    '2026-01-01T00:00:00+16:00',
    '2026-01-01T00:00:00-16:30',
    '0000-01-01T00:00:00Z',
    // Of the year 1 by its instant, but not as it is written.
    '0000-12-31T23:59:59-15:59',
    '0001-01-01T00:00:00+01:00',
    `2026-01-01T00:00:00.${'1'.repeat(200)}Z`,
  ])('invalid_body for the time %s, which PostgreSQL would not take', async (time) => {
    const { reportId } = await system.createReport();
    for (const event of [
      envelope({ reportId, requestedAt: time }),
      { ...envelope({ reportId }), timestamp: time },
    ]) {
      const id = randomUUID();
      expect(said(await client.post(event, { id }))).toBe('400 invalid_body');
      expect(await audited(id)).toMatchObject([{ outcome: 'invalid_body' }]);
    }
  });

  it.each([
    '2026-01-01T00:00:00+15:59',
    '2026-01-01T00:00:00-15:59',
    '0001-01-01T00:00:00Z',
    '2026-01-01T00:00:00.123456789Z',
  ])('is not given to the time %s, which both take', async (time) => {
    const { reportId } = await system.createReport();
    expect(said(await client.post(envelope({ reportId, requestedAt: time })))).toBe('200 applied');
  });

  it.each([101, 2000, 100_000])('invalid_body for JSON of %d levels, audited', async (levels) => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const event = JSON.stringify(envelope({ reportId, data: { research_metadata: { deep: 'deep' } } }));
    const answer = await client.post(event.replace('"deep":"deep"', `"deep":${deep}`), { id });
    expect(said(answer)).toBe('400 invalid_body');
    expect(answer.text).toContain('must not be nested deeper than 100 levels');
    expect(await audited(id)).toMatchObject([{ outcome: 'invalid_body', response_status: 400 }]);
  });

  it.each([
    ['a number of more than 64 digits', '{"a":[{"n":1e131071}]}', 'data.research_metadata.a.0.n'],
    ['a repeated name', '{"a":1,"\\u0061":1}', 'data.research_metadata.a'],
    ['half a surrogate pair', '{"a":"\\ud800"}', 'data.research_metadata.a'],
    ['U+0000 in a name', '{"a":{"\\u0000":1}}', 'data.research_metadata.a.'],
    ['a list in the place of the metadata', '[{}]', 'data.research_metadata'],
  ])('invalid_body for %s, with its path, audited', async (_name, metadata, path) => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = JSON.stringify(envelope({ reportId, data: { research_metadata: 'METADATA' } }));
    const answer = await client.post(event.replace('"METADATA"', metadata), { id });
    expect(said(answer)).toBe('400 invalid_body');
    expect(JSON.parse(answer.text)).toMatchObject({ issues: [{ path }] });
    expect(await audited(id)).toMatchObject([{ outcome: 'invalid_body', response_status: 400 }]);
    expect(await row(reportId)).toMatchObject({ research_report: null, research_status: 'pending' });
  });

  it('for bytes that are not UTF-8', async () => {
    const { reportId } = await system.createReport();
    const bytes = Buffer.from(
      JSON.stringify(envelope({ reportId, text: 'x' })).replace('"x"', '"\u00ff"'),
      'latin1',
    );
    const id = randomUUID();
    const at = Math.floor(Date.now() / 1000);
    const key = Buffer.from(system.secrets.webhookSecret.slice('whsec_'.length), 'base64');
    const mac = createHmac('sha256', key).update(`${id}.${at}.`).update(bytes).digest('base64');
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(at),
      'webhook-signature': `v1,${mac}`,
    };
    expect(said(await client.send('prelim', { headers, body: bytes }))).toBe('400 invalid_json');
  });

  it('unexpected_event_type where the type does not fit the path, or the status', async () => {
    const { reportId } = await system.createReport();
    const event = envelope({ reportId, stage: 'final' });
    expect(said(await client.post(event, { stage: 'prelim' }))).toBe('400 unexpected_event_type');
    const failed = { ...envelope({ reportId }), type: 'report.prelim.failed' };
    expect(said(await client.post(failed))).toBe('400 invalid_body');
  });

  it('requested_in_future for more than five minutes ahead', async () => {
    const { reportId } = await system.createReport();
    const requestedAt = new Date(Date.now() + 6 * 60_000).toISOString();
    expect(said(await client.post(envelope({ reportId, requestedAt })))).toBe('400 requested_in_future');
    const near = new Date(Date.now() + 4 * 60_000).toISOString();
    expect(said(await client.post(envelope({ reportId, requestedAt: near })))).toBe('200 applied');
  });
});

describe('answer 401', () => {
  const refuse = async (name: string, change: Parameters<typeof client.post>[1], code: string) => {
    const { reportId } = await system.createReport();
    expect(`${name}: ${said(await client.post(envelope({ reportId }), change))}`).toBe(
      `${name}: 401 ${code}`,
    );
    expect(await row(reportId)).toMatchObject({ research_report: null });
  };

  it('for a changed byte, a wrong, short or malformed signature, another id', async () => {
    const flip = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from(' }')]);
    await refuse('a byte', { tamper: flip }, 'invalid_signature');
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`;
    await refuse('wrong', { headers: { 'webhook-signature': wrong } }, 'invalid_signature');
    await refuse('short', { headers: { 'webhook-signature': 'v1,AAAA' } }, 'invalid_signature');
    await refuse(
      'other version',
      { headers: { 'webhook-signature': wrong.replace('v1', 'v2') } },
      'invalid_signature',
    );
    await refuse('another id', { headers: { 'webhook-id': 'other' } }, 'invalid_signature');
    await refuse('an id with a dot', { headers: { 'webhook-id': 'a.b' } }, 'invalid_signature');
  });

  it('for a timestamp out of tolerance or malformed', async () => {
    const minutes = (count: number) => Date.now() + count * 60_000;
    await refuse('stale', { at: minutes(-6) }, 'timestamp_out_of_tolerance');
    await refuse('ahead', { at: minutes(6) }, 'timestamp_out_of_tolerance');
    await refuse('no number', { headers: { 'webhook-timestamp': 'now' } }, 'timestamp_out_of_tolerance');
  });

  it('for missing headers, audited with size and digest but without the body', async () => {
    const body = Buffer.from(JSON.stringify({ secret: 'of a stranger' }));
    const headers = { 'content-type': 'application/json' };
    expect(said(await client.send('prelim', { headers, body }))).toBe('401 missing_signature');
    const digest = createHash('sha256').update(body).digest('hex');
    const rows = await system.sql`select * from public.webhook_audit where body_sha256 = ${digest}`;
    expect(rows).toMatchObject([{ outcome: 'missing_signature', body_bytes: body.length, event_id: null }]);
    expect(JSON.stringify(rows)).not.toContain('stranger');
  });

  it('is audited one by one only up to a cap, and counted beyond', async () => {
    const headers = { 'content-type': 'application/json' };
    const count = async () => {
      const [found] = await system.sql`
        select (select count(*)::int from public.webhook_audit where outcome = 'missing_signature') as rows,
          (select coalesce(sum(requests), 0)::int from public.webhook_refusals) as requests`;
      return found as { rows: number; requests: number };
    };
    const before = await count();
    const body = Buffer.from('{}');
    for (let batch = 0; batch < 5; batch += 1) {
      await Promise.all(Array.from({ length: 40 }, () => client.send('prelim', { headers, body })));
    }
    const after = await count();
    expect(after.requests - before.requests).toBe(200);
    // A minute may end in between, and its cap begins anew.
    expect(after.rows - before.rows).toBeLessThanOrEqual(120);
  });
});

describe('answers 404 and 409', () => {
  it('report_not_found for no such report', async () => {
    const id = randomUUID();
    expect(said(await client.post(envelope({ reportId: randomUUID() }), { id }))).toBe(
      '404 report_not_found',
    );
    expect(await audited(id)).toMatchObject([{ outcome: 'report_not_found', response_status: 404 }]);
  });

  it('event_conflict and job_conflict for other content', async () => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = envelope({ reportId, text: 'one' });
    await client.post(event, { id });
    const other = envelope({ reportId, text: 'two', jobId: event.data.job_id });
    expect(said(await client.post(other, { id }))).toBe('409 event_conflict');
    expect(said(await client.post(other))).toBe('409 job_conflict');
    expect(await row(reportId)).toMatchObject({ research_report: 'one' });
  });
});

describe('answers 405, 413 and 415', () => {
  it('405 with problem details for every other method', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await client.send('final', { method });
      expect(`${method} ${said(answer)}`).toBe(`${method} 405 method_not_allowed`);
      expect(answer.headers.get('allow')).toBe('POST');
    }
  });

  it('413 over 1 MiB, signed or not, and nothing is stored of it', async () => {
    const { reportId } = await system.createReport();
    const event = envelope({ reportId, text: 'x'.repeat(MAX_BODY_BYTES) });
    expect(said(await client.post(event))).toBe('413 body_too_large');
    const body = Buffer.alloc(4 * 1024 * 1024, 'x');
    const headers = { 'content-type': 'application/json' };
    expect(said(await client.send('prelim', { headers, body }))).toBe('413 body_too_large');
    const [size] = await system.sql`
      select max(pg_column_size(audit.*))::int as bytes from public.webhook_audit audit`;
    expect(size?.['bytes']).toBeLessThan(4000);
  });

  it('415 for what is not JSON', async () => {
    const { reportId } = await system.createReport();
    const headers = { 'content-type': 'text/plain' };
    expect(said(await client.post(envelope({ reportId }), { headers }))).toBe('415 unsupported_media_type');
  });
});

describe('the flat body and the legacy header', () => {
  const legacy = (body: Buffer, secret = LEGACY_SECRET) => ({
    'content-type': 'application/json',
    'x-webhook-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  });

  it('are accepted for a known job, once', async () => {
    const { reportId, userId } = await system.createReport();
    const jobId = `job_${randomUUID().replaceAll('-', '')}`;
    await system.sql`
      insert into private.job_runs (job_id, user_id, caller, status, report_type, report_id, stage, lease_expires_at)
      values (${jobId}, ${userId}, 'platform', 'running', 'org', ${reportId}, 'prelim', now() + interval '1 minute')`;
    const body = Buffer.from(JSON.stringify(envelope({ reportId, jobId, text: 'flat' }).data));
    expect(said(await client.send('prelim', { headers: legacy(body), body }))).toBe('200 applied');
    expect(said(await client.send('prelim', { headers: legacy(body), body }))).toBe('200 duplicate');
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(String(body)), null, 2));
    const again = await client.send('prelim', { headers: legacy(rewritten), body: rewritten });
    expect(said(again)).toBe('200 duplicate');
    const digest = createHash('sha256').update(body).digest('hex');
    expect(await row(reportId)).toMatchObject({
      research_report: 'flat',
      research_status: 'completed',
      winner_event_id: digest,
    });
    const [job] = await system.sql`select status from private.job_runs where job_id = ${jobId}`;
    expect(job).toEqual({ status: 'succeeded' });
  });

  it('are refused for a job that nobody knows, and with a wrong signature', async () => {
    const { reportId } = await system.createReport();
    const body = Buffer.from(JSON.stringify(envelope({ reportId }).data));
    const refused = await client.send('prelim', { headers: legacy(body), body });
    expect(said(refused)).toBe('404 job_not_found');
    expect(refused.headers.get('deprecation')).toMatch(/^@\d+$/);
    const wrong = legacy(body, 'another-secret-of-some-length');
    expect(said(await client.send('prelim', { headers: wrong, body }))).toBe('401 invalid_signature');
    const short = { ...wrong, 'x-webhook-signature': 'sha256=ab' };
    expect(said(await client.send('prelim', { headers: short, body }))).toBe('401 invalid_signature');
  });
});

describe('a body of the newest version', () => {
  it('has the effect and the digest of the same event in version 1', async () => {
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = envelope({ reportId, text: 'newest', data: { research_metadata: { a: 1 } } });
    const newest = { ...event, data: { ...event.data, position: 3, stage: 'prelim', channel: 'webhook' } };
    const first = await client.post(newest, { id });
    expect(said(first)).toBe('200 applied');
    expect(first.headers.get('deprecation')).toBeNull();
    expect(said(await client.post(newest, { id }))).toBe('200 duplicate');
    expect(said(await client.post(event, { id }))).toBe('200 duplicate');
    expect(said(await client.post({ ...newest, data: { ...newest.data, error: 'x' } }, { id }))).toBe(
      '409 event_conflict',
    );
    // Our own count of events, not the sender's.
    const [stored] =
      await system.sql`select position, stage, channel from public.report_events where id = ${id}`;
    expect(stored).toEqual({ position: '1', stage: 'prelim', channel: 'webhook' });
    expect(await row(reportId)).toMatchObject({ research_report: 'newest', research_metadata: { a: 1 } });
  });
});

describe('answer 503', () => {
  it('tells the sender to retry while the database is unavailable, and the same event is applied then', async (context) => {
    if (!system.supabaseProcess) context.skip('a given project cannot be stopped');
    const { reportId } = await system.createReport();
    const id = randomUUID();
    const event = envelope({ reportId });
    await system.supabaseProcess?.kill();
    const answer = await client.post(event, { id });
    expect(said(answer)).toBe('503 database_unavailable');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await system.supabaseProcess?.start();
    expect(said(await client.post(event, { id }))).toBe('200 applied');
  });
});
