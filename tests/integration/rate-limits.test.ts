import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { excess, underPressure } from '../support/pressure.ts';
import { storeClient } from '../support/store.ts';
import { envelope } from '../support/webhook-client.ts';

let database: TestDatabase;
let sql: postgres.Sql;
let store: ReturnType<typeof storeClient>;
let reportId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  store = storeClient(sql);
});
afterAll(() => database.drop());
beforeEach(async () => {
  ({ reportId } = await createReport(sql));
});

const CALLERS = 16;

async function limit(
  kind: string,
  rate: { tokens_per_minute: number | null; burst: number; parts: number },
): Promise<void> {
  await sql`update private.rate_limits set ${sql(rate)} where kind = ${kind}`;
}

interface Asked {
  refusal: { outcome: string; policy: string; retry_after_seconds: number } | null;
  failure: string | null;
}

async function ask(connection: postgres.ISql, key: string, take = true, kind = 'sender'): Promise<Asked> {
  const [asked] = await connection<Asked[]>`select * from private.ask_limit(${kind}, ${key}, ${take})`;
  if (asked === undefined) throw new Error('no answer');
  return asked;
}

/** Somebody found every part of a bucket held, and pauses before it tries again. */
async function untilSomebodyTries(): Promise<void> {
  await expect
    .poll(
      () => sql`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
      {
        timeout: 20_000,
        interval: 1,
      },
    )
    .toHaveLength(1);
}

interface Answer {
  outcome: string;
  policy?: string;
  quota?: number;
  window_seconds?: number;
  retry_after_seconds?: number;
}

/** What the webhook endpoint does with a verified request of this sender; `PT429` where the call was undone. */
async function receive(
  connection: postgres.ISql,
  sender: string | null,
  id: string = randomUUID(),
  body: object = envelope({ reportId }),
): Promise<Answer> {
  try {
    const [row] = await connection<{ answer: Answer }[]>`
      select public.apply_report_event(
        p_event_id => ${id}, p_channel => 'webhook', p_body => ${JSON.stringify(body)}, p_endpoint_id => 'prelim-report',
        p_sender => ${sender}, p_cap_per_minute => 60) as answer`;
    if (row === undefined) throw new Error('no answer');
    return row.answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'PT429') return { outcome: 'PT429' };
    throw error;
  }
}

describe('a bucket that 16 connections draw on at once', () => {
  it.each([
    { tokens_per_minute: 3000, burst: 40, parts: 8 },
    { tokens_per_minute: 600, burst: 8, parts: 8 },
    { tokens_per_minute: 1200, burst: 10, parts: 1 },
  ])('gives in no window more than burst and rate allow, and no less: %o', async (rate) => {
    await limit('sender', rate);
    const key = randomUUID();
    const { admitted, calls, lasted } = await underPressure(
      sql,
      { callers: CALLERS, seconds: 3 },
      async (connection) => {
        const { refusal, failure } = await ask(connection, key);
        // What a limiter lets through that fails is not counted: it has tests of its own.
        return refusal === null && failure === null;
      },
    );
    const perSecond = rate.tokens_per_minute / 60;
    // The clock is read in microseconds.
    expect(excess(admitted, rate.burst, perSecond)).toBeLessThan(0.001);
    // A part has less than a token left at the end.
    expect(admitted.length).toBeGreaterThan(rate.burst + perSecond * lasted * 0.9 - rate.parts);
    expect(calls).toBeGreaterThan(admitted.length);
  });

  it('lets no more events through, and keeps none of those that it refuses', async () => {
    await limit('sender', { tokens_per_minute: 600, burst: 8, parts: 8 });
    const sender = randomUUID();
    // What a connection does for the first time takes long, under the lock of a part too.
    await underPressure(sql, { callers: CALLERS, seconds: 0.5 }, async (connection) => {
      await receive(connection, randomUUID());
      return true;
    });
    const reports = await Promise.all(Array.from({ length: CALLERS }, () => createReport(sql)));
    const outcomes = new Map<string, string>();
    const { admitted } = await underPressure(
      sql,
      { callers: CALLERS, seconds: 3 },
      async (connection, caller) => {
        const id = randomUUID();
        const own = reports[caller]?.reportId ?? '';
        const { outcome } = await receive(connection, sender, id, envelope({ reportId: own }));
        outcomes.set(id, outcome);
        const failed = await connection`
          select from public.webhook_audit where event_id = ${id} and error_message like 'could not check the rate limit%'`;
        return outcome === 'applied' && failed.length === 0;
      },
    );
    expect(excess(admitted, 8, 10)).toBeLessThan(0.001);
    expect(admitted.length).toBeGreaterThan(20);
    const applied = [...outcomes].filter(([, outcome]) => outcome === 'applied').map(([id]) => id);
    const refused = [...outcomes.values()].filter((outcome) => outcome !== 'applied');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter((outcome) => outcome !== 'rate_limited' && outcome !== 'PT429')).toEqual([]);
    const events = await sql<{ id: string }[]>`
      select id from public.report_events where id in ${sql([...outcomes.keys()])}`;
    expect(events.map(({ id }) => id).sort()).toEqual(applied.sort());
  });
});

describe('a bucket', () => {
  it('whose last token another takes meanwhile undoes the event', async () => {
    await limit('sender', { tokens_per_minute: 1, burst: 1, parts: 1 });
    const sender = randomUUID();
    await sql`insert into private.rate_buckets (kind, key, part, full_at) values ('sender', ${sender}, 0, now())`;
    const id = randomUUID();
    let outcome: Promise<Answer> | undefined;
    await sql.begin(async (other) => {
      expect((await ask(other, sender)).refusal).toBeNull();
      outcome = receive(sql, sender, id);
      await untilSomebodyTries();
    });
    expect(await outcome).toEqual({ outcome: 'PT429' });
    expect(await sql`select from public.report_events where id = ${id}`).toHaveLength(0);
    expect(await sql`select from public.webhook_audit where event_id = ${id}`).toHaveLength(0);
  });

  it('is that of its key, and says when it has the next token', async () => {
    await limit('sender', { tokens_per_minute: 6, burst: 2, parts: 2 });
    const key = randomUUID();
    expect(await ask(sql, key, false)).toEqual({ refusal: null, failure: null });
    for (let token = 0; token < 2; token += 1)
      expect(await ask(sql, key)).toEqual({ refusal: null, failure: null });
    const refusal = { outcome: 'rate_limited', policy: 'sender', quota: 2, window_seconds: 20 };
    for (const take of [false, true]) {
      const asked = await ask(sql, key, take);
      expect(asked).toMatchObject({ refusal, failure: null });
      // One of two parts, each of which has a token every 20 s.
      expect(asked.refusal?.retry_after_seconds).toBeGreaterThan(15);
      expect(asked.refusal?.retry_after_seconds).toBeLessThanOrEqual(20);
    }
    expect(await ask(sql, randomUUID())).toEqual({ refusal: null, failure: null });
  });

  it('gets back what a transaction took that rolls back', async () => {
    await limit('sender', { tokens_per_minute: 1, burst: 1, parts: 1 });
    const key = randomUUID();
    const undone = sql.begin(async (transaction) => {
      expect((await ask(transaction, key)).refusal).toBeNull();
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect((await ask(sql, key)).refusal).toBeNull();
    expect((await ask(sql, key)).refusal).not.toBeNull();
  });

  it('has its new size from the next request on', async () => {
    const key = randomUUID();
    await limit('sender', { tokens_per_minute: 1, burst: 1, parts: 1 });
    await ask(sql, key);
    expect((await ask(sql, key)).refusal).not.toBeNull();
    await limit('sender', { tokens_per_minute: 1, burst: 4, parts: 4 });
    for (let token = 0; token < 3; token += 1) expect((await ask(sql, key)).refusal).toBeNull();
    expect((await ask(sql, key)).refusal).not.toBeNull();
    await limit('sender', { tokens_per_minute: null, burst: 4, parts: 4 });
    expect(await ask(sql, key)).toEqual({ refusal: null, failure: null });
    expect(await ask(sql, key, false)).toEqual({ refusal: null, failure: null });
  });

  it.each([1, 2, 5, 30])(
    'refuses a minute longer at most when the rate is raised, after %i tokens at the old one',
    async (tokens) => {
      const key = randomUUID();
      await limit('report', { tokens_per_minute: 1, burst: tokens, parts: 1 });
      for (let taken = 0; taken < tokens; taken += 1) {
        expect((await ask(sql, key, true, 'report')).refusal).toBeNull();
      }
      expect((await ask(sql, key, true, 'report')).refusal).not.toBeNull();
      await limit('report', { tokens_per_minute: 1_000_000, burst: 1_000_000, parts: 1 });
      const { refusal } = await ask(sql, key, false, 'report');
      expect(refusal?.retry_after_seconds ?? 0).toBeLessThanOrEqual(60);
      await sql`update private.rate_buckets set full_at = full_at - interval '1 minute' where key = ${key}`;
      expect((await ask(sql, key, true, 'report')).refusal).toBeNull();
    },
  );

  it('begins anew after the clock was set back, or where its row makes no sense', async () => {
    await limit('sender', { tokens_per_minute: 60, burst: 2, parts: 1 });
    for (const fullAt of ['tomorrow', 'infinity', '-infinity']) {
      const key = randomUUID();
      await sql`insert into private.rate_buckets (kind, key, part, full_at) values ('sender', ${key}, 0, ${fullAt}::text::timestamptz)`;
      expect(await ask(sql, key, false)).toEqual({ refusal: null, failure: null });
      for (let token = 0; token < 2; token += 1)
        expect(await ask(sql, key)).toEqual({ refusal: null, failure: null });
      expect((await ask(sql, key)).refusal).not.toBeNull();
    }
  });

  it('is removed by retention once it is full since an hour, by an index', async () => {
    await limit('sender', { tokens_per_minute: 60, burst: 1, parts: 1 });
    const [old, used] = [randomUUID(), randomUUID()];
    await sql`
      insert into private.rate_buckets (kind, key, part, full_at)
      values ('sender', ${old}, 0, now() - interval '3 hours'), ('sender', ${used}, 0, now())`;
    await store.prune();
    const kept = await sql`select key from private.rate_buckets where key in (${old}, ${used})`;
    expect([...kept]).toEqual([{ key: used }]);
    // So that taking a token changes no index, and needs no new page.
    const heap = async () => {
      const [row] = await sql<{ updated: number; hot: number }[]>`
        select n_tup_upd::int as updated, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = 'rate_buckets'`;
      return row ?? { updated: 0, hot: 0 };
    };
    await limit('sender', { tokens_per_minute: 1000, burst: 200, parts: 1 });
    const connection = await sql.reserve();
    try {
      await connection`select pg_stat_force_next_flush()`;
      const before = await heap();
      for (let token = 0; token < 100; token += 1) await ask(connection, used);
      await connection`select pg_stat_force_next_flush()`;
      await connection`select 1`;
      const after = await heap();
      // What other connections wrote before may be counted late.
      const updated = after.updated - before.updated;
      expect(updated).toBeGreaterThanOrEqual(100);
      expect(after.hot - before.hot).toBeGreaterThan(0.9 * updated);
    } finally {
      connection.release();
    }
    const plan = await sql.begin(async (transaction) => {
      await transaction`set local enable_seqscan = off`;
      return transaction<{ 'QUERY PLAN': string }[]>`
        explain select from private.rate_buckets where hour < now() order by hour limit 100`;
    });
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('rate_buckets_hour');
  });
});

describe('an event', () => {
  const roomy = { tokens_per_minute: 1_000_000, burst: 1_000_000, parts: 1 };
  beforeEach(async () => {
    await limit('sender', roomy);
    await limit('report', roomy);
  });

  beforeEach(async () => {
    // Refusals that are audited: the cap of this minute is the test's own.
    await sql`delete from public.webhook_refusals where minute is not null`;
  });
  const audits = (id: string) => sql`
    select outcome, response_status, error_message, body_bytes from public.webhook_audit where event_id = ${id}`;

  it('takes a token of its report, where there is such a report', async () => {
    await limit('report', { tokens_per_minute: 1, burst: 2, parts: 1 });
    const sender = randomUUID();
    for (const outcome of ['applied', 'applied', 'rate_limited']) {
      const id = randomUUID();
      expect(await receive(sql, sender, id)).toMatchObject({ outcome });
      expect(await audits(id)).toMatchObject([{ outcome }]);
    }
    const nowhere = envelope({ reportId: randomUUID() });
    for (let request = 0; request < 4; request += 1)
      expect(await receive(sql, sender, randomUUID(), nowhere)).toMatchObject({
        outcome: 'report_not_found',
      });
    const [{ buckets } = { buckets: -1 }] = await sql<{ buckets: number }[]>`
      select count(*)::int as buckets from private.rate_buckets where key like ${`%${nowhere.data.report_id}`}`;
    expect(buckets).toBe(0);
  });

  it('that is refused leaves a capped audit row, and nothing else', async () => {
    await limit('sender', { tokens_per_minute: 1, burst: 1, parts: 1 });
    const sender = randomUUID();
    const id = randomUUID();
    await receive(sql, sender);
    expect(await receive(sql, sender, id)).toEqual({
      outcome: 'rate_limited',
      policy: 'sender',
      quota: 1,
      window_seconds: 60,
      retry_after_seconds: expect.any(Number) as number,
    });
    expect(await audits(id)).toMatchObject([
      { outcome: 'rate_limited', response_status: 429, error_message: 'over the rate of its sender' },
    ]);
    expect(await sql`select from public.report_events where id = ${id}`).toHaveLength(0);
  });

  it('of ours arrives under its lease, however noisy the sender is; after it, like any other', async () => {
    await limit('sender', { tokens_per_minute: 1, burst: 1, parts: 1 });
    const sender = randomUUID();
    await receive(sql, sender);
    expect(await receive(sql, sender)).toMatchObject({ outcome: 'rate_limited' });
    const held = async () => {
      const { run } = await store.request(reportId);
      const { delivery } = await store.complete(run.job_id, run.lease_token, randomUUID());
      if (delivery === undefined) throw new Error('nothing to send');
      return delivery;
    };
    const [one, other] = [await held(), await held()];
    await limit('report', { tokens_per_minute: 1, burst: 1, parts: 1 });
    const bodyOf = ({ body }: typeof one) => JSON.parse(body) as object;
    expect(await receive(sql, sender, one.event_id, bodyOf(one))).toMatchObject({ outcome: 'applied' });
    await store.record(one, 'delivered', [{ status: 200, authentic: true }]);
    await sql`
      update public.webhook_deliveries set lease_expires_at = now() - interval '1 second' where id = ${other.delivery_id}`;
    expect(await receive(sql, sender, other.event_id, bodyOf(other))).toMatchObject({
      outcome: 'rate_limited',
    });
    // Another id for its job is another's event.
    const stolen = { ...bodyOf(other) };
    expect(await receive(sql, sender, randomUUID(), stolen)).toMatchObject({ outcome: 'rate_limited' });
    await store.record(other, 'failed');
  });

  it('of functions that name no sender is not limited', async () => {
    await limit('report', { tokens_per_minute: 1, burst: 1, parts: 1 });
    await receive(sql, randomUUID());
    expect(await receive(sql, randomUUID())).toMatchObject({ outcome: 'rate_limited' });
    // As version 0.2.0 calls it.
    for (let request = 0; request < 3; request += 1) {
      const [row] = await sql<{ outcome: string }[]>`
        select public.apply_report_event(
          p_event_id => ${randomUUID()}, p_body => ${JSON.stringify(envelope({ reportId }))},
          p_endpoint_id => 'prelim-report', p_body_sha256 => 'a', p_body_bytes => 1, p_elapsed_ms => 1) ->> 'outcome' as outcome`;
      expect(row).toEqual({ outcome: 'applied' });
    }
  });
});

describe('a limiter that fails lets the event through and says so in its audit row', () => {
  beforeEach(async () => {
    await limit('sender', { tokens_per_minute: 1, burst: 8, parts: 8 });
    await limit('report', { tokens_per_minute: 1, burst: 1, parts: 1 });
  });

  async function letThrough(connection: postgres.ISql, sender: string, reason: RegExp): Promise<void> {
    const id = randomUUID();
    expect(await receive(connection, sender, id)).toMatchObject({ outcome: 'applied' });
    const [audit] = await connection<{ outcome: string; error_message: string | null }[]>`
      select outcome, error_message from public.webhook_audit where event_id = ${id}`;
    expect(audit?.outcome).toBe('applied');
    expect(audit?.error_message).toMatch(/^could not check the rate limit: /);
    expect(audit?.error_message).toMatch(reason);
  }

  class Undo extends Error {}
  async function broken(
    statements: string,
    test: (connection: postgres.TransactionSql) => Promise<void>,
  ): Promise<void> {
    const undone = sql.begin(async (transaction) => {
      await transaction.unsafe(statements);
      await test(transaction);
      throw new Undo();
    });
    await expect(undone).rejects.toThrow(Undo);
  }

  it.each([
    ['its buckets are gone', 'drop table private.rate_buckets', /rate_buckets.* does not exist/],
    ['its limits are gone', 'drop table private.rate_limits cascade', /rate_limits.* does not exist/],
    ['a limit is gone', "delete from private.rate_limits where kind = 'sender'", /no rows/],
    [
      'a limit makes no sense',
      `alter table private.rate_limits alter column step drop expression;
       update private.rate_limits set step = null where kind = 'report'`,
      /null value in column "full_at"/,
    ],
  ])('because %s', async (_, statements, reason) => {
    const sender = randomUUID();
    // In a session that has asked before, and in its plans.
    await receive(sql, sender);
    ({ reportId } = await createReport(sql));
    await broken(statements, (connection) => letThrough(connection, sender, reason));
  });

  async function senderOfEightParts(): Promise<string> {
    const sender = randomUUID();
    await sql`
      insert into private.rate_buckets (kind, key, part, full_at)
      select 'sender', ${sender}, part, now() from generate_series(0, 7) part`;
    return sender;
  }

  it('because others hold every part of the bucket', async () => {
    const sender = await senderOfEightParts();
    await sql.begin(async (holder) => {
      await holder`select from private.rate_buckets where key = ${sender} for update`;
      await letThrough(sql, sender, /every part of the rate bucket is locked/);
    });
    // The token was not taken; the limit of the report was asked.
    expect(await receive(sql, sender)).toMatchObject({ outcome: 'rate_limited', policy: 'report' });
  });

  it('which callers do not while one of them is stuck, however many come', async () => {
    const sender = await senderOfEightParts();
    await limit('sender', { tokens_per_minute: 60_000, burst: 8000, parts: 8 });
    await sql.begin(async (stuck) => {
      await stuck`select from private.rate_buckets where key = ${sender} and part = 3 for update`;
      const failures = await Promise.all(
        Array.from({ length: 160 }, () =>
          sql.begin(async (caller) => {
            const { failure, refusal } = await ask(caller, sender);
            await caller`select pg_sleep(0.003)`;
            return failure ?? refusal?.outcome;
          }),
        ),
      );
      expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
    });
  });

  it('which parts that nobody has used yet are not', async () => {
    await limit('sender', { tokens_per_minute: 60_000, burst: 8, parts: 8 });
    const sender = randomUUID();
    await sql`
      insert into private.rate_buckets (kind, key, part, full_at)
      select 'sender', ${sender}, part, now() from generate_series(0, 1) part`;
    await sql.begin(async (holder) => {
      await holder`select from private.rate_buckets where key = ${sender} for update`;
      const asked = [];
      for (let call = 0; call < 6; call += 1) asked.push(await ask(sql, sender));
      expect(asked).toEqual(Array.from({ length: 6 }, () => ({ refusal: null, failure: null })));
    });
  });

  it('which a single part held does not', async () => {
    const sender = await senderOfEightParts();
    await sql.begin(async (holder) => {
      await holder`select from private.rate_buckets where key = ${sender} and part = 3 for update`;
      const id = randomUUID();
      await receive(sql, sender, id);
      const audit = await sql`select error_message from public.webhook_audit where event_id = ${id}`;
      expect([...audit]).toEqual([{ error_message: null }]);
    });
  });
});

describe('the audit', () => {
  it('counts refusals in several rows a minute, and cuts off at the sum of them', async () => {
    const record = (outcome: string) => sql`
      select public.record_webhook_request(
        ${sql.json({ id: randomUUID(), outcome, endpoint: 'prelim-report', status: 401 })}, false, 10)`;
    await sql`delete from public.webhook_refusals where minute is not null`;
    const outcome = `refused-${randomUUID()}`;
    for (let request = 0; request < 60; request += 1) await record(outcome);
    const [found] = await sql<{ rows: number; parts: number; requests: number; minutes: number }[]>`
      select (select count(*)::int from public.webhook_audit where outcome = ${outcome}) as rows,
        count(distinct part)::int as parts, sum(requests)::int as requests, count(distinct minute)::int as minutes
      from public.webhook_refusals`;
    expect(found?.requests).toBe(60);
    expect(found?.parts).toBeGreaterThan(4);
    expect(found?.rows).toBe(10 * (found?.minutes ?? 0));
  });

  it.each([
    [-5000, 0],
    [1e15, 999_999_999.999],
    [12.5, 12.5],
    [null, null],
  ])('keeps a duration of %s ms as %s', async (given, kept) => {
    const id = randomUUID();
    await sql`select private.add_audit('in', 'applied', p_id => ${id}, p_duration_ms => ${given})`;
    const [row] = await sql<{ duration: number | null }[]>`
      select duration_ms::float8 as duration from public.webhook_audit where id = ${id}`;
    expect(row).toEqual({ duration: kept });
  });

  it('counts no refused sender as a failure of ours', async () => {
    const { userId } = await createReport(sql);
    await sql`insert into public.operators (user_id) values (${userId})`;
    const received = async () => {
      const [row] = await sql.begin(async (transaction) => {
        await transaction`
          select set_config('request.jwt.claims', ${JSON.stringify({ sub: userId, role: 'authenticated' })}, true),
            set_config('role', 'authenticated', true)`;
        return transaction<{ figures: { total: number; failed: number }; limited: number | null }[]>`
          select said -> 'received' as figures,
            jsonb_path_query_first(said, '$.by_outcome[*] ? (@.outcome == "rate_limited").count')::int as limited
          from public.webhook_statistics('hour') said`;
      });
      return row;
    };
    const before = await received();
    await limit('sender', { tokens_per_minute: 1, burst: 1, parts: 1 });
    await sql`delete from public.webhook_refusals where minute is not null`;
    const sender = randomUUID();
    await receive(sql, sender);
    for (let request = 0; request < 5; request += 1) await receive(sql, sender);
    const after = await received();
    expect(after?.figures.total).toBe((before?.figures.total ?? 0) + 1);
    expect(after?.figures.failed).toBe(before?.figures.failed);
    expect(after?.limited).toBe((before?.limited ?? 0) + 5);
  });
});
