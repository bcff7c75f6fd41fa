import { createHash, randomUUID } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/contracts/constants.ts';
import { batchClient } from '../support/batch-client.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope, webhookClient, type EventOptions } from '../support/webhook-client.ts';

let system: TestSystem;
let client: ReturnType<typeof batchClient>;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/webhooks/batch.ts', 'api/webhooks/prelim-report.ts'],
    env: { WEBHOOK_LEGACY_SECRET: 'legacy-secret-of-the-first-version' },
  });
  client = batchClient(system, system.secrets.webhookSecret);
});
afterAll(() => system.stop());
beforeEach(async () => {
  // Those beyond 60 a minute would only be counted, and a test must not use up the rate of the next.
  await system.sql`delete from public.webhook_refusals where true`;
  await system.sql`delete from private.rate_buckets where true`;
  await system.sql`update private.rate_limits set tokens_per_minute = 1200, burst = 1200 where kind = 'sender'`;
});

const event = (options: EventOptions, id: string = randomUUID()) => ({ id, ...envelope(options) });
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function events(count: number) {
  const made = [];
  for (let i = 0; i < count; i += 1) {
    const { reportId } = await system.createReport();
    made.push(event({ reportId, text: `text ${i}` }));
  }
  return made;
}

async function auditedAs(id: string) {
  const rows = await system.sql<{ said: string }[]>`
    select response_status || ' ' || outcome as said from public.webhook_audit where event_id = ${id} order by created_at, said`;
  return rows.map(({ said }) => said);
}

async function textOf(reportId: string) {
  const [row] = await system.sql`select research_report from public.org_reports where id = ${reportId}`;
  return row?.['research_report'] as unknown;
}

describe('a batch', () => {
  it('is answered event by event in its order, each with its effect and its audit row', async () => {
    const { reportId } = await system.createReport();
    const older = event({ reportId, text: 'older', requestedAt: '2026-01-01T00:00:00Z' });
    const newer = event({ reportId, text: 'newer', requestedAt: '2026-01-02T00:00:00Z' });
    const final = event({ reportId, text: 'final', stage: 'final', requestedAt: '2026-01-01T00:00:00Z' });
    const answer = await client.post({ events: [newer, older, final, newer] });
    expect(answer.says).toEqual(['200 applied', '200 superseded', '200 applied', '200 duplicate']);
    expect(answer.results.map(({ id }) => id)).toEqual([newer.id, older.id, final.id, newer.id]);
    expect(await textOf(reportId)).toBe('final');
    expect(await auditedAs(newer.id)).toEqual(['200 applied', '200 duplicate']);
    expect(await auditedAs(older.id)).toEqual(['200 superseded']);
    const [row] =
      await system.sql`select body_sha256, endpoint_id from public.webhook_audit where event_id = ${final.id}`;
    expect(row).toEqual({ body_sha256: sha256(JSON.stringify(final)), endpoint_id: 'final-report' });
  });

  it('knows an event that was sent alone, and one that is sent alone after it', async () => {
    const [first, second] = await events(2);
    if (!first || !second) throw new Error('two were made');
    const single = webhookClient(system, system.secrets.webhookSecret);
    await single.post({ type: first.type, timestamp: first.timestamp, data: first.data }, { id: first.id });
    expect((await client.post({ events: [first, second] })).says).toEqual(['200 duplicate', '200 applied']);
    const { id, ...sent } = second;
    expect((await single.post(sent, { id })).says).toBe('duplicate');
  });

  it('keeps every digit, and members that JavaScript has a meaning for', async () => {
    const { reportId } = await system.createReport();
    const made = event({ reportId, data: { research_metadata: { value: 'VALUE' } } });
    const text = JSON.stringify({ events: [made] }).replace(
      '"VALUE"',
      '{"n":1.00000000000000000001,"__proto__":{"a":12345678901234567890}}',
    );
    expect((await client.post(text)).says).toEqual(['200 applied']);
    const [row] =
      await system.sql`select research_metadata ->> 'value' as value from public.org_reports where id = ${reportId}`;
    expect(row?.['value']).toBe('{"n": 1.00000000000000000001, "__proto__": {"a": 12345678901234567890}}');
  });

  it('takes two events of one job as the single endpoints do', async () => {
    const { reportId } = await system.createReport();
    const first = event({ reportId, jobId: `job-${randomUUID()}`, requestedAt: '2026-01-01T00:00:00Z' });
    const again = { ...first, id: randomUUID() };
    const other = { ...first, id: randomUUID(), data: { ...first.data, research_report: 'other' } };
    expect((await client.post({ events: [first, again, other] })).says).toEqual([
      '200 applied',
      '200 duplicate',
      '409 job_conflict',
    ]);
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('may be compressed with %s', async (coding, compress) => {
    const made = await events(3);
    const answer = await client.post(
      { events: made },
      { headers: { 'content-encoding': coding }, encode: (bytes) => compress(bytes) },
    );
    expect(answer.says).toEqual(['200 applied', '200 applied', '200 applied']);
  });

  it('is sent to subscribers after the answer, event by event', async () => {
    const subscribers = subscriberClient(system.sql);
    const subscriber = await subscribers.active();
    try {
      const made = await events(7);
      const { says } = await client.post({ events: [...made, ...made.slice(0, 2)] });
      expect(says.slice(7)).toEqual(['200 duplicate', '200 duplicate']);
      // No sweep runs here: who has claimed them is the endpoint.
      await vi.waitFor(async () => {
        const [row] = await system.sql`
          select count(*)::int as deliveries, count(*) filter (where lease_token > 0) > 0 as "someClaimed"
          from public.webhook_deliveries
          where endpoint_id = ${subscriber.endpointId} and event_id = any (${made.map(({ id }) => id)})`;
        expect(row).toEqual({ deliveries: 7, someClaimed: true });
      }, 10_000);
    } finally {
      await subscribers.move(subscriber.endpointId, 'removed');
    }
  });

  it('applies new events together, and those that are not new one by one', async () => {
    const [first, second, third] = await events(3);
    if (!first || !second || !third) throw new Error('three were made');
    const { text: atOnce = '' } =
      (
        await system.sql<{ text: string }[]>`
        select pg_get_functiondef('private.apply_at_once'::regproc) as text`
      )[0] ?? {};
    const older = event({ reportId: third.data.report_id, requestedAt: '2020-01-01T00:00:00Z' });
    await system.sql.unsafe(`
      create or replace function private.apply_at_once(
        p_event_id text, p_result private.incoming_result, p_known public.report_events, p_owner uuid, p_winner_id text,
        p_channel text, out event public.report_events, out outcome text)
      language plpgsql as 'begin raise exception ''one by one''; end'`);
    try {
      expect((await client.post({ events: [first, second] })).says).toEqual(['200 applied', '200 applied']);
      // Two of one report must be applied in their order.
      expect((await client.post({ events: [third, older] })).says).toEqual([
        '503 database_unavailable',
        '503 database_unavailable',
      ]);
    } finally {
      await system.sql.unsafe(atOnce);
    }
    expect((await client.post({ events: [third, older] })).says).toEqual(['200 applied', '200 superseded']);
    expect(await textOf(first.data.report_id)).toBe('text 0');
    expect(await auditedAs(first.id)).toEqual(['200 applied']);
  });

  it('is applied event by event if the shared statements fail, and says why in the log', async () => {
    const [first, second] = await events(2);
    if (!first || !second) throw new Error('two were made');
    await system.sql`alter function private.apply_together rename to apply_together_elsewhere`;
    try {
      expect((await client.post({ events: [first, second] })).says).toEqual(['200 applied', '200 applied']);
    } finally {
      await system.sql`alter function private.apply_together_elsewhere rename to apply_together`;
    }
    expect(await textOf(first.data.report_id)).toBe('text 0');
    const logged = () =>
      system.functions.logs.filter((line) => line.includes('could not apply the events of a batch together'));
    await vi.waitFor(() => expect(logged()).toEqual([expect.stringContaining('"code":"42883"')]), 5_000);
  });

  it('takes a hundred', async () => {
    const made = await events(100);
    const { says } = await client.post({ events: made });
    expect(says).toEqual(made.map(() => '200 applied'));
  });
});

describe('a bad event', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const raw = (reportId: string, change: (text: string) => string) =>
    change(JSON.stringify(event({ reportId, data: { research_metadata: { m: 'M' } } })));
  it.each<[string, string, (text: string) => string]>([
    ['an event without an id', '400 invalid_body', (text) => text.replace(/"id":"[^"]*",/, '')],
    ['a malformed id', '400 invalid_body', (text) => text.replace(/"id":"[^"]*"/, '"id":"a.b"')],
    ['a number', '400 invalid_body', () => '12'],
    ['null', '400 invalid_body', () => 'null'],
    ['a text with U+0000', '400 invalid_body', () => '"\\u0000"'],
    ['a repeated member', '400 invalid_body', (text) => text.replace('"M"', '{"a":1,"a":2}')],
    ['too many levels', '400 invalid_body', (text) => text.replace('"M"', deep(98))],
    ['half a surrogate pair', '400 invalid_body', (text) => text.replace('"M"', '"\\ud800"')],
    ['a number that is too long', '400 invalid_body', (text) => text.replace('"M"', '1e999')],
    ['a flat body', '400 invalid_body', (text) => text.replace('"data":{', '"other":{')],
    [
      'a type that does not fit',
      '400 invalid_body',
      (text) => text.replace('prelim.completed', 'prelim.failed'),
    ],
    [
      'a report that is not there',
      '404 report_not_found',
      (text) => text.replace(/"report_id":"[^"]*"/, `"report_id":"${randomUUID()}"`),
    ],
    [
      'a time far ahead',
      '400 requested_in_future',
      (text) => text.replace(/"timestamp":"[^"]*"/, '"timestamp":"2999-01-01T00:00:00Z"'),
    ],
  ])('harms no other: %s', async (_name, says, change) => {
    const { reportId } = await system.createReport();
    const [before, after] = await events(2);
    const bad = raw(reportId, change);
    const answer = await client.post(
      `{"events":[${JSON.stringify(before)},${bad},${JSON.stringify(after)}]}`,
    );
    expect(answer.says).toEqual(['200 applied', says, '200 applied']);
    const rows =
      await system.sql`select outcome, direction from public.webhook_audit where body_sha256 = ${sha256(bad)}`;
    // The audit keeps no fingerprint of what has no report.
    expect(rows.length).toBe(says.startsWith('404') ? 0 : 1);
  });

  it('may be as deep as one that is sent alone', async () => {
    const { reportId } = await system.createReport();
    const text = raw(reportId, (plain) => plain.replace('"M"', deep(97)));
    expect((await client.post(`{"events":[${text}]}`)).says).toEqual(['200 applied']);
  });

  it('is undone alone where the database fails at it', async () => {
    const [good, bad, last] = await events(3);
    if (!good || !bad || !last) throw new Error('three were made');
    await system.sql.unsafe(`
      create function private.test_fault() returns trigger language plpgsql as 'begin raise exception ''a fault''; end';
      create trigger zz_test_fault before insert on public.webhook_audit for each row
      when (new.event_id = '${bad.id}' and new.outcome = 'applied') execute function private.test_fault()`);
    try {
      const answer = await client.post({ events: [good, bad, last] });
      expect(answer.says).toEqual(['200 applied', '503 database_unavailable', '200 applied']);
      expect(answer.results[1]?.retry_after).toBe(5);
      expect(await textOf(bad.data.report_id)).toBeNull();
      expect(await auditedAs(bad.id)).toEqual(['503 busy']);
    } finally {
      await system.sql.unsafe(
        'drop trigger zz_test_fault on public.webhook_audit; drop function private.test_fault()',
      );
    }
    expect((await client.post({ events: [good, bad, last] })).says).toEqual([
      '200 duplicate',
      '200 applied',
      '200 duplicate',
    ]);
  });
});

it('keeps what it has applied when its time runs out, and the rest is applied when it is sent again', async () => {
  const [bad, ...slow] = await events(6);
  if (!bad) throw new Error('six were made');
  // Without the time-out that ends all: over a direct connection it is much longer, and here there is none.
  const send = async (batch: readonly { id: string }[]) => {
    const items = batch.map(({ id, ...content }) => {
      const body = JSON.stringify(content);
      const record = {
        event_id: id,
        endpoint_id: 'prelim-report',
        body_sha256: sha256(body),
        body_bytes: 1,
        elapsed_ms: 1,
      };
      return { body, record };
    });
    const [row] = await system.sql<{ answers: { outcome: string }[] }[]>`
      select public.apply_report_events(${system.sql.json(items)}, null) -> 'answers' as answers`;
    return row?.answers.map(({ outcome }) => outcome);
  };
  // The first one makes the shared statements fail, so that the others are applied one by one.
  await system.sql.unsafe(`
    create function private.test_slow() returns trigger language plpgsql as $$
    begin
      if new.event_id = '${bad.id}' then raise exception 'a fault'; end if;
      perform pg_sleep(0.8);
      return new;
    end $$;
    create trigger zz_test_slow before insert on public.webhook_audit for each row
    when (new.outcome = 'applied') execute function private.test_slow()`);
  try {
    expect(await send([bad, ...slow])).toEqual(['busy', 'applied', 'applied', 'busy', 'busy', 'busy']);
    expect(await auditedAs(slow.at(-1)?.id ?? '')).toEqual(['503 busy']);
  } finally {
    await system.sql.unsafe(
      'drop trigger zz_test_slow on public.webhook_audit; drop function private.test_slow()',
    );
  }
  expect(await send([bad, ...slow])).toEqual([
    'applied',
    'duplicate',
    'duplicate',
    'applied',
    'applied',
    'applied',
  ]);
});

it.each([0, 3, 7])(
  'is applied but for an event that always takes too long: event %i of eight',
  async (place) => {
    const made = await events(8);
    const slow = made[place];
    if (!slow) throw new Error('eight were made');
    // As a trigger of the platform may: longer than the two seconds of the whole call.
    await system.sql.unsafe(`
    create function private.test_slow() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(3);
      return new;
    end $$;
    create trigger zz_test_slow before insert on public.webhook_audit for each row
    when (new.outcome = 'applied' and new.event_id = '${slow.id}') execute function private.test_slow()`);
    let first: string[];
    try {
      first = (await client.post({ events: made })).says;
      expect(first).toEqual(made.map((one) => (one === slow ? '503 database_unavailable' : '200 applied')));
      expect(await auditedAs(slow.id)).toEqual(['503 busy']);
    } finally {
      await system.sql.unsafe(
        'drop trigger zz_test_slow on public.webhook_audit; drop function private.test_slow()',
      );
    }
    expect((await client.post({ events: made })).says).toEqual(
      first.map((said) => (said === '200 applied' ? '200 duplicate' : '200 applied')),
    );
  },
);

describe('what another transaction holds', () => {
  it.each(['id', 'report', 'owner', 'delivery', 'job'] as const)(
    'is answered 503 in time, and the others are applied: %s',
    async (kind) => {
      const [first, held, last] = await events(3);
      if (!first || !held || !last) throw new Error('three were made');
      const reportId = held.data.report_id;
      if (kind === 'job') {
        const job = { job_id: held.data.job_id, report_type: 'org', stage: 'prelim' };
        await storeClient(system.sql).request(reportId, job, null, 'pipeline');
      }
      if (kind === 'delivery') await client.post({ events: [held] });
      const lock = await system.sql.reserve();
      await lock`begin`;
      if (kind === 'id') await lock`select pg_advisory_xact_lock(hashtextextended(${held.id}, 0))`;
      if (kind === 'report') await lock`select from public.org_reports where id = ${reportId} for update`;
      if (kind === 'owner')
        await lock`select from auth.users where id = (select user_id from public.org_reports where id = ${reportId}) for update`;
      if (kind === 'delivery')
        await lock`select from public.webhook_deliveries where event_id = ${held.id} for update`;
      if (kind === 'job')
        await lock`select from private.job_runs where job_id = ${held.data.job_id} for update`;
      const started = performance.now();
      try {
        const answer = await client.post({ events: [first, held, last] });
        expect(answer.says).toEqual(['200 applied', '503 database_unavailable', '200 applied']);
        expect(performance.now() - started).toBeLessThan(2000);
        expect(await auditedAs(held.id)).toContain('503 busy');
      } finally {
        await lock`rollback`;
        lock.release();
      }
      const after = kind === 'delivery' ? '200 duplicate' : '200 applied';
      expect((await client.post({ events: [held] })).says).toEqual([after]);
    },
  );

  it('never deadlocks two batches of the same events in opposite order', async () => {
    const made = await events(12);
    const [deadlocksBefore] =
      await system.sql`select deadlocks from pg_stat_database where datname = current_database()`;
    const sendAll = async (order: typeof made) => {
      const outcomes: string[] = [];
      for (let left = order; left.length > 0;) {
        const { says } = await client.post({ events: left });
        expect(
          says.every((said) => ['200 applied', '200 duplicate', '503 database_unavailable'].includes(said)),
        ).toBe(true);
        outcomes.push(...says);
        left = left.filter((_one, index) => says[index]?.startsWith('503'));
      }
      return outcomes;
    };
    const orders = Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? made : made.toReversed()));
    const outcomes = (await Promise.all(orders.map(sendAll))).flat();
    expect(outcomes.filter((said) => said === '200 applied')).toHaveLength(made.length);
    const [deadlocksAfter] =
      await system.sql`select deadlocks from pg_stat_database where datname = current_database()`;
    expect(deadlocksAfter).toEqual(deadlocksBefore);
    for (const { data } of made) expect(await textOf(data.report_id)).toBe(data.research_report);
  });
});

describe('the rate', () => {
  it('of a sender counts each event, and refuses those beyond', async () => {
    await system.sql`update private.rate_limits set tokens_per_minute = 8, burst = 8 where kind = 'sender'`;
    const made = await events(10);
    const { says, results } = await client.post({ events: made });
    expect(says).toEqual(made.map((_one, index) => (index < 8 ? '200 applied' : '429 rate_limited')));
    expect(results[9]?.retry_after).toBeGreaterThan(0);
    expect(await auditedAs(made[9]?.id ?? '')).toEqual(['429 rate_limited']);
    expect((await client.post({ events: made.slice(0, 1) })).says).toEqual(['429 rate_limited']);
    const single = webhookClient(system, system.secrets.webhookSecret);
    expect((await single.post(envelope({ reportId: randomUUID() }))).says).toBe('rate_limited');
  });

  it('of a report refuses its events alone', async () => {
    await system.sql`update private.rate_limits set burst = 2 where kind = 'report'`;
    try {
      const { reportId } = await system.createReport();
      const [other] = await events(1);
      const many = Array.from({ length: 3 }, () => event({ reportId, requestedAt: '2026-01-01T00:00:00Z' }));
      const { says, results } = await client.post({ events: [...many, other] });
      expect(says.map((said) => said.split(' ')[0])).toEqual(['200', '200', '429', '200']);
      expect(results[2]?.body).toMatchObject({ code: 'rate_limited' });
    } finally {
      await system.sql`update private.rate_limits set burst = 30 where kind = 'report'`;
    }
  });

  it('counts refused events too, and a limiter that fails lets them through', async () => {
    await system.sql`update private.rate_limits set tokens_per_minute = 8, burst = 8 where kind = 'sender'`;
    expect((await client.post({ events: Array.from({ length: 9 }, () => 1) })).says).toEqual([
      ...Array.from({ length: 8 }, () => '400 invalid_body'),
      '429 rate_limited',
    ]);
    await system.sql`alter table private.rate_buckets rename to away`;
    try {
      expect((await client.post({ events: await events(1) })).says).toEqual(['200 applied']);
    } finally {
      await system.sql`alter table private.away rename to rate_buckets`;
    }
  });
});

describe('a batch that is refused whole', () => {
  const text = (count: number) => JSON.stringify({ events: Array.from({ length: count }, () => 1) });
  it.each([
    ['no JSON', 400, 'invalid_json', '{"events":['],
    ['an event that is no JSON', 400, 'invalid_json', '{"events":[{"id":01}]}'],
    ['no object', 400, 'invalid_body', '[]'],
    ['no events', 400, 'invalid_body', '{}'],
    ['events that are no array', 400, 'invalid_body', '{"events":{}}'],
    ['an empty array', 400, 'invalid_body', '{"events":[]}'],
    ['events twice', 400, 'invalid_body', '{"events":[1],"events":[1]}'],
    ['101 events', 400, 'invalid_body', text(101)],
    ['1001 events', 400, 'invalid_body', text(1001)],
  ])('%s: %i %s', async (_name, status, code, body) => {
    const answer = await client.post(body);
    expect([answer.status, answer.code]).toEqual([status, code]);
    const rows = await system.sql`
      select outcome from public.webhook_audit where body_sha256 = ${sha256(body)} and request_payload ->> 'endpoint' = 'batch'`;
    expect(rows).toMatchObject([{ outcome: code }]);
  });

  it.each([
    ['method', 405, 'method_not_allowed', { method: 'GET' }],
    ['media type', 415, 'unsupported_media_type', { headers: { 'content-type': 'text/plain' } }],
    ['encoding', 415, 'unsupported_content_encoding', { headers: { 'content-encoding': 'br' } }],
    ['compression', 415, 'invalid_compression', { headers: { 'content-encoding': 'gzip' } }],
    ['signature', 401, 'invalid_signature', { encode: () => Buffer.from('{"events":[2]}') }],
    ['time', 401, 'timestamp_out_of_tolerance', { headers: { 'webhook-timestamp': '1' } }],
    ['headers', 401, 'missing_signature', { headers: { 'webhook-signature': '' } }],
    ['size', 413, 'body_too_large', { encode: () => Buffer.alloc(MAX_BODY_BYTES + 1, ' ') }],
    [
      'decompressed size',
      413,
      'body_too_large',
      {
        headers: { 'content-encoding': 'gzip' },
        encode: () => gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1, ' ')),
      },
    ],
  ])('for its %s: %i %s', async (_name, status, code, options) => {
    const answer = await client.post({ events: [1] }, options);
    expect([answer.status, answer.code]).toEqual([status, code]);
    const rows = await system.sql`
      select outcome from public.webhook_audit where request_payload ->> 'endpoint' = 'batch' order by created_at desc limit 1`;
    expect(rows).toMatchObject([{ outcome: code }]);
  });

  it('for a signature of the first version, which signs no time', async () => {
    const response = await fetch(system.url('/api/webhooks/batch'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-webhook-signature': `sha256=${'0'.repeat(64)}` },
      body: '{"events":[1]}',
    });
    expect(await response.json()).toMatchObject({ status: 401, code: 'missing_signature' });
  });
});
