import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let sql: postgres.Sql;
const operator = randomUUID();
const former = randomUUID();
const owner = randomUUID();
beforeAll(async () => {
  database = await createTestDatabase();
  ({ sql } = database);
  await sql`
    insert into auth.users (id, email) values
      (${operator}, 'ada@example.com'), (${former}, 'bob@example.com'), (${owner}, 'owner@example.com')`;
  await sql`insert into public.operators (user_id) values (${operator})`;
  for (const [actor, outcome] of [
    [former, 'redriven'],
    [operator, 'swept'],
    ['cron', 'swept'],
    [null, 'applied'],
  ] as const) {
    await sql`
      insert into public.webhook_audit (direction, outcome, actor) values ('in', ${outcome}, ${actor})`;
  }
  await sql`insert into public.webhook_audit (direction, outcome, endpoint_id) values ('out', 'delivered', 'prelim-report')`;
});
afterAll(() => database[Symbol.asyncDispose]());

async function as<T>(userId: string, query: string): Promise<T> {
  const { value } = await sql.begin(async (transaction) => {
    await transaction`
      select set_config('request.jwt.claims', ${JSON.stringify({ sub: userId, role: 'authenticated' })}, true),
        set_config('request.jwt.claim.sub', ${userId}, true), set_config('role', 'authenticated', true)`;
    const [row] = await transaction.unsafe<{ answer: T }[]>(`select public.${query} as answer`);
    if (row === undefined) throw new Error('no answer');
    return { value: row.answer };
  });
  return value;
}

it('names operators and people who acted, and nobody else', async () => {
  expect(await as(operator, 'list_actors()')).toEqual([
    { id: operator, email: 'ada@example.com', operator: true },
    { id: former, email: 'bob@example.com', operator: false },
  ]);
});

it('names operators also while the index of the audit is still to be built', async () => {
  await sql`drop index public.webhook_audit_actor`;
  expect(await as(operator, 'list_actors()')).toEqual([
    { id: operator, email: 'ada@example.com', operator: true },
  ]);
  await sql`select private.finish_table('webhook_audit', true)`;
});

it('is for operators alone', async () => {
  for (const call of [
    'list_actors()',
    'console_status()',
    "event_body('x')",
    'delivery_causes()',
    'list_plans()',
  ]) {
    await expect(as(owner, call), call).rejects.toMatchObject({ code: '42501' });
  }
});

it.each([
  ['a person', () => former, ['redriven']],
  ['the cron', () => 'cron', ['swept']],
  ['senders', () => 'sender', ['applied']],
])('filters the audit by %s', async (_name, actor, outcomes) => {
  const { rows } = await as<{ rows: { outcome: string }[] }>(
    operator,
    `list_webhook_audit(p_actor => '${actor()}')`,
  );
  expect(rows.map(({ outcome }) => outcome)).toEqual(outcomes);
});

interface Status {
  endpoints: ({ endpoint_id: string; recent: number; recent_failed: number } & Record<
    'last_success' | 'last_failure' | 'failing_since' | 'healthy_since',
    string | null
  >)[];
  dead: number;
  jobs: { overdue: number };
  last_sweep: string | null;
}

it('says since when an endpoint works, and since when it does not', async () => {
  const at = async (minutes: number, outcome: string) => {
    await sql`
      insert into public.webhook_audit (direction, outcome, endpoint_id, created_at)
      values ('out', ${outcome}, 'final-report', date_trunc('minute', now()) - ${minutes} * interval '1 minute')`;
  };
  const final = async () => {
    const status = await as<Status>(operator, 'console_status()');
    const found = status.endpoints.find(({ endpoint_id }) => endpoint_id === 'final-report');
    const minutes = (value: string | null | undefined) =>
      value == null ? null : Math.floor((Date.now() - Date.parse(value)) / 60_000);
    return {
      success: minutes(found?.last_success),
      failure: minutes(found?.last_failure),
      failing: minutes(found?.failing_since),
      healthy: minutes(found?.healthy_since),
      recent: [found?.recent_failed, found?.recent],
    };
  };
  expect(await final()).toEqual({
    success: null,
    failure: null,
    failing: null,
    healthy: null,
    recent: [0, 0],
  });
  for (const [minutes, outcome] of [
    [90, 'delivered'],
    [80, 'failed'],
    [70, 'unknown'],
    [65, 'skipped'],
    [60, 'rejected'],
  ] as const)
    await at(minutes, outcome);
  expect(await final()).toMatchObject({ success: 90, failure: 70, failing: 80, healthy: null });
  await at(50, 'delivered');
  await at(3, 'delivered');
  expect(await final()).toEqual({ success: 3, failure: 70, failing: null, healthy: 50, recent: [0, 1] });
});

it('counts the last quarter of an hour in buckets of 30 seconds', async () => {
  const statistics = await as<{ bucket_seconds: number; series: unknown[]; sent: { total: number } }>(
    operator,
    "webhook_statistics('quarter')",
  );
  expect(statistics.bucket_seconds).toBe(30);
  expect(statistics.series).toHaveLength(30);
  // Those of 3 minutes ago and of now; the others are older.
  expect(statistics.sent.total).toBe(2);
});
