import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobId } from '../../src/contracts/webhooks.ts';
import { MAX_BODY_BYTES } from '../../src/contracts/constants.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import type { Receiver } from '../../src/server/events/open-signed.ts';
import { receiveWebhook } from '../../src/server/events/receive.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';

const keys = parseWebhookSecret(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
const receiver: Receiver = {
  // Nothing is applied: this answer becomes a 503, which tells what is read from what is refused.
  rpc: (name, _parameters, answer) =>
    Promise.resolve(answer.parse(name === 'apply_report_event' ? { outcome: 'busy' } : true)),
  verificationKeys: { keys },
  tellSubscribers: () => undefined,
  random: () => 0.5,
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  log: () => undefined,
};

let database: TestDatabase;
let sql: postgres.Sql;
let reportId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  ({ reportId } = await createReport(sql));
});
afterAll(() => database.drop());

interface Content {
  jobId?: string;
  /** SQL of the text. */
  text?: string;
  metadata?: string | null;
}

/** What SQL and the endpoint say of an event with this content, which leaves nothing behind. */
async function readability({ jobId = 'job_1', text = `'text'`, metadata = '{}' }: Content) {
  const rollBack = new Error('rolled back');
  let said: { fits: boolean; body: string; bytes: number } | undefined;
  await sql
    .begin(async (transaction) => {
      await transaction.unsafe(
        `insert into public.report_events (id, type, report_type, report_id, stage, job_id, requested_at, digest)
         values ('evt_1', 'report.prelim.completed', 'org', $1, 'prelim', $2, now(), 'x')`,
        [reportId, jobId],
      );
      await transaction.unsafe(
        `insert into private.report_contents (event_id, research_report, research_metadata) values ('evt_1', ${text}, $1::text::jsonb)`,
        [metadata],
      );
      [said] = await transaction<{ fits: boolean; body: string; bytes: number }[]>`
        select private.fits_endpoint(event) as fits, private.envelope(event) as body,
          octet_length(private.envelope(event)) as bytes
        from public.report_events event where id = 'evt_1'`;
      throw rollBack;
    })
    .catch((error: unknown) => {
      if (error !== rollBack) throw error;
    });
  const bytes = new TextEncoder().encode(said?.body);
  const headers = { ...sign(keys, 'evt_1', Date.now(), bytes), 'content-type': 'application/json' };
  const request = new Request('http://localhost/', { method: 'POST', headers, body: bytes });
  const { status } = await receiveWebhook(receiver, 'prelim-report', request);
  return { sql: said?.fits, endpoint: status === 503, bytes: said?.bytes ?? 0 };
}

const deep = (levels: number, open = '[', close = ']') =>
  `{"d": ${open.repeat(levels - 1)}${open === '[' ? '' : '1'}${close.repeat(levels - 1)}}`;

describe('the limits of an imported content are those of the endpoint:', () => {
  it.each<[string, boolean, Content]>([
    ['an object', true, { metadata: '{"a": [1.0, -0.50, "x", null, true]}' }],
    ['no metadata', true, { metadata: null }],
    ['the JSON null', true, { metadata: 'null' }],
    ['an array', false, { metadata: '[{}]' }],
    ['a text', false, { metadata: '"{}"' }],
    ['a number', false, { metadata: '1' }],
    ['true', false, { metadata: 'true' }],
    ['98 levels of arrays', true, { metadata: deep(98) }],
    ['99 levels of arrays', false, { metadata: deep(99) }],
    ['98 levels of objects', true, { metadata: deep(98, '{"d":', '}') }],
    ['99 levels of objects', false, { metadata: deep(99, '{"d":', '}') }],
    ['2,000 levels', false, { metadata: deep(2000) }],
    ['64 digits', true, { metadata: `{"a": [{"n": -${'9'.repeat(64)}}]}` }],
    ['65 digits', false, { metadata: `{"a": [{"n": -${'9'.repeat(65)}}]}` }],
    ['64 digits with decimals', true, { metadata: `{"n": ${'9'.repeat(32)}.${'0'.repeat(32)}}` }],
    ['65 digits with decimals', false, { metadata: `{"n": ${'9'.repeat(32)}.${'0'.repeat(33)}}` }],
    ['a zero and 63 decimals', true, { metadata: `{"n": 0.${'1'.repeat(63)}}` }],
    ['a zero and 64 decimals', false, { metadata: `{"n": 0.${'1'.repeat(64)}}` }],
    ['1e63', true, { metadata: '{"n": 1e63}' }],
    ['1e64', false, { metadata: '{"n": 1e64}' }],
    ['1e400', false, { metadata: '{"n": 1e400}' }],
    ['1e131071', false, { metadata: '{"n": 1e131071}' }],
    [
      'digits and brackets in a text and in a name',
      true,
      { metadata: `{"${'9'.repeat(99)}": "${'['.repeat(99)}"}` },
    ],
    ['__proto__', true, { metadata: '{"__proto__": {"a": 1}, "constructor": 2}' }],
    [
      '10,000 members',
      true,
      { metadata: `{${Array.from({ length: 10_000 }, (_, n) => `"m${n}": ${n}`).join()}}` },
    ],
    ['a text of one byte', true, { text: `'x'` }],
    ['a text of white space', false, { text: `E' \\n\\u00a0\\ufeff'` }],
    ['an empty text', false, { text: `''` }],
    ['no text', false, { text: 'null' }],
    ['a text of 2 MB', false, { text: `repeat('x', 2000000)` }],
    ['600,000 quotes', false, { text: `repeat('"', 600000)` }],
    ['a job id of 200 characters', true, { jobId: 'j'.repeat(200) }],
    ['a job id of 201 characters', false, { jobId: 'j'.repeat(201) }],
    ['an empty job id', false, { jobId: '' }],
    ['a job id of 200 emojis', true, { jobId: '😀'.repeat(200) }],
    ['a job id of 201 emojis', false, { jobId: '😀'.repeat(201) }],
  ])('%s', async (_name, isRead, content) => {
    expect(await readability(content)).toMatchObject({ sql: isRead, endpoint: isRead });
  });

  it('1 MiB, to the byte', async () => {
    const { bytes } = await readability({});
    const longest = MAX_BODY_BYTES - bytes + 'text'.length;
    expect(await readability({ text: `repeat('x', ${longest})` })).toEqual({
      sql: true,
      endpoint: true,
      bytes: MAX_BODY_BYTES,
    });
    expect(await readability({ text: `repeat('x', ${longest + 1})` })).toMatchObject({
      sql: false,
      endpoint: false,
    });
  });
});

it('a text is blank for SQL as for JavaScript', async () => {
  const inSql = await sql<{ code: number }[]>`
    select code from generate_series(1, 65535) code
    where code not between 55296 and 57343 and private.is_blank(chr(code))`;
  const codes = Array.from({ length: 65535 }, (_, index) => index + 1);
  const inScript = codes.filter((code) => String.fromCharCode(code).trim() === '');
  expect(inSql.map(({ code }) => code)).toEqual(inScript);
});

it('an id is that of a job for SQL as for the endpoints', async () => {
  const ids = [
    '',
    'j',
    'j'.repeat(200),
    'j'.repeat(201),
    '😀'.repeat(200),
    `${'😀'.repeat(200)}j`,
    'a\n"\\',
    '\ud7ff\uffff',
  ];
  const [row] = await sql`
    select array_agg(private.is_job_id(id) order by number) as said
    from unnest(${ids}::text[]) with ordinality ids (id, number)`;
  expect(row?.['said']).toEqual(ids.map((id) => jobId.safeParse(id).success));
});

describe('a job that the platform’s functions insert', () => {
  const insert = (id: string, change: object = {}) =>
    sql.begin(async (transaction) => {
      await transaction`select set_config('role', 'service_role', true)`;
      const job = { job_id: id, status: 'queued', idempotency_key: `org:${reportId}`, ...change };
      await transaction`insert into public.report_jobs ${transaction(job)}`;
    });

  it('with an id that no endpoint reads is left alone: the sweep could not name it', async () => {
    for (const id of ['', 'j'.repeat(201)]) await insert(id);
    expect([...(await sql`select job_id from private.job_runs`)]).toEqual([]);
  });

  it('with numbers and times that no runner and no client reads is taken without them', async () => {
    await sql.begin(async (transaction) => {
      await transaction`select set_config('role', 'service_role', true)`;
      await transaction`
        insert into public.report_jobs (
          job_id, status, idempotency_key, temperature, max_tokens, created_at, started_at)
        select 'job_odd_' || temperature, 'queued', ${`org:${reportId}`}, temperature, -1, '-infinity', 'infinity'
        from unnest(array['NaN', -1, 9.99]::numeric[]) temperature`;
    });
    const rows = await sql`
      select temperature, max_tokens, created_at = 'epoch' as begins_1970, started_at <= now() as has_started
      from private.job_runs where job_id like 'job_odd_%'`;
    const taken = { temperature: null, max_tokens: null, begins_1970: true, has_started: true };
    expect([...rows]).toEqual([taken, taken, taken]);
  });

  it('and whose result is white space has failed', async () => {
    await insert('job_blank');
    await sql.begin(async (transaction) => {
      await transaction`select set_config('role', 'service_role', true)`;
      await transaction`update public.report_jobs set status = 'succeeded', result = ${'\n\u00a0'} where job_id = 'job_blank'`;
    });
    await sql`update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = 'job_blank'`;
    const [row] = await sql`select public.take_over_report_job('job_blank', 60, 3) as answer`;
    expect(row?.['answer']).toEqual({ outcome: 'given_up' });
    const [event] = await sql`select type from public.report_events where job_id = 'job_blank'`;
    expect(event).toEqual({ type: 'report.prelim.failed' });
  });
});
