import type { DatabaseClient } from '../../src/services/database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  THRESHOLDS,
  type StatisticsQuery,
  type WebhookStatistics,
} from '../../src/contracts/console-statistics.ts';
import { cronAnswer } from '../../src/contracts/retry.ts';
import { getWebhookStatistics } from '../../src/services/polarisReportsService.ts';
import { consoleClient, dataOf, errorOf } from '../support/console.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let operator: DatabaseClient;
let owner: DatabaseClient;
let stranger: DatabaseClient;
beforeAll(async () => {
  system = await startTestSystem({ functions: ['api/cron/sweep.ts'] });
  operator = await consoleClient(system, await system.createOperator());
  owner = await consoleClient(system, await system.createUser());
  stranger = await consoleClient(system);
  await system.sql`select setseed(0.42)`;
  // Of every kind, over nine days: counted or not, with a report type or none, measured or not.
  await system.sql`
    insert into public.webhook_audit (
      direction, endpoint_id, report_table, actor, outcome, response_status, duration_ms, request_payload, created_at)
    select
      direction,
      (array['prelim-report', 'final-report', 'somebody-else', null])[1 + (n / 3) % 4],
      (array['org_reports', 'greeting_reports', 'requirement_reports', null])[1 + n % 4],
      case when n % 17 = 0 then 'cron' end,
      case direction when 'out' then (array['delivered', 'delivered', 'delivered', 'failed', 'unknown', 'skipped'])[1 + n % 6]
        else (array['applied', 'duplicate', 'superseded', 'invalid_signature', null])[1 + n % 5] end,
      200,
      case when n % 6 <> 5 then exp(random() * 12 - 3) end,
      jsonb_build_object('type', case when n % 11 < 3 then 'report.final.failed' else 'report.final.completed' end),
      now() - interval '9 days' * (random() ^ 3)
    from (select n, (array['in', 'out'])[1 + (n / 7) % 2] as direction from generate_series(1, 6000) n) rows`;
});
afterAll(() => system.stop());

const WINDOWS = { quarter: 30, hour: 60, day: 900, week: 7200 } as const;
const SPANS = { quarter: 900, hour: 3600, day: 86_400, week: 604_800 } as const;

interface Recounted {
  /** Null: of the whole window. */
  at: Date | null;
  direction: 'in' | 'out';
  total: number;
  succeeded: number;
  /** News of a failed generation that arrived. */
  reported: number;
  skipped: number;
  /** 50th, 95th and 99th percentile. */
  p: number[] | null;
}

/** The same figures from the audit itself, exactly. */
function recounted(from: string, to: string, seconds: number) {
  return system.sql<Recounted[]>`
    select at, direction, total::int, succeeded::int, reported::int, skipped::int, p from (
      select
        date_bin(interval '1 second' * ${seconds}::int, created_at, 'epoch') as at, direction,
        count(*) filter (where outcome <> 'skipped') as total,
        count(*) filter (where outcome in ('delivered', 'applied', 'duplicate', 'superseded')
          and request_payload ->> 'type' = 'report.final.completed') as succeeded,
        count(*) filter (where outcome in ('delivered', 'applied', 'duplicate', 'superseded')
          and request_payload ->> 'type' = 'report.final.failed') as reported,
        count(*) filter (where outcome = 'skipped') as skipped,
        percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms::float8) as p
      from public.webhook_audit
      where outcome is not null and created_at >= ${from}::text::timestamptz and created_at < ${to}::text::timestamptz
        and endpoint_id is not null and (direction = 'out' or actor is null)
      group by grouping sets ((1, 2), (2))) counted
    order by at nulls first, direction`;
}

const near = (exact: number | undefined | null, given: number | null) => {
  if (exact == null) expect(given).toBeNull();
  // Half a bucket, and what rounding adds to the shortest.
  else expect(Math.abs((given ?? 0) / exact - 1)).toBeLessThan(0.026);
};

async function checkWindow(window: keyof typeof WINDOWS): Promise<void> {
  const statistics = await dataOf(getWebhookStatistics(operator, window));
  expect(statistics).toMatchObject({ window, bucket_seconds: WINDOWS[window] });
  const span = Date.parse(statistics.as_of) - Date.parse(statistics.from);
  expect(span).toBeLessThanOrEqual(SPANS[window] * 1000);
  expect(span).toBeGreaterThanOrEqual((SPANS[window] - WINDOWS[window]) * 1000);
  expect(statistics.series).toHaveLength(SPANS[window] / WINDOWS[window]);
  expect(statistics.to).toBe(statistics.as_of);
  await checkFigures(statistics, 10);
}

/** `more`: than so many buckets have traffic. */
async function checkFigures(statistics: WebhookStatistics, more: number): Promise<void> {
  const rows = await recounted(statistics.from, statistics.to, statistics.bucket_seconds);
  const buckets = new Map(statistics.series.map((bucket) => [Date.parse(bucket.at), bucket]));
  let compared = 0;
  for (const { at, direction, total, succeeded, reported, skipped, p } of rows) {
    const bucket = at === null ? statistics : buckets.get(at.getTime());
    const figures = direction === 'out' ? bucket?.sent : bucket?.received;
    const failed = total - succeeded - reported;
    expect(figures).toMatchObject({ total, succeeded, reported_failures: reported, failed });
    if (direction === 'out') expect(bucket?.sent.skipped).toBe(skipped);
    expect(figures?.success_rate).toEqual(
      total === reported ? null : expect.closeTo(succeeded / (total - reported), 5),
    );
    near(p?.[0], figures?.p50_ms ?? null);
    near(p?.[1], figures?.p95_ms ?? null);
    near(p?.[2], figures?.p99_ms ?? null);
    compared += 1;
  }
  expect(compared).toBeGreaterThan(more);
  const sum = (direction: 'sent' | 'received') =>
    statistics.series.reduce((so_far, bucket) => so_far + bucket[direction].total, 0);
  expect(sum('sent')).toBe(statistics.sent.total);
  expect(sum('received')).toBe(statistics.received.total);
  const outcomes = await system.sql`
    select direction, outcome, count(*)::int as count,
      count(*) filter (where request_payload ->> 'type' = 'report.final.failed'
        and outcome in ('delivered', 'applied', 'duplicate', 'superseded'))::int as reported_failures
    from public.webhook_audit
    where outcome is not null and created_at >= ${statistics.from}::text::timestamptz
      and created_at < ${statistics.to}::text::timestamptz
      and endpoint_id is not null and (direction = 'out' or actor is null)
    group by 1, 2 order by direction desc, count desc, outcome`;
  expect(statistics.by_outcome).toEqual([...outcomes]);
  expect(statistics.by_status.success).toBe(statistics.sent.succeeded + statistics.sent.reported_failures);
  const types = await system.sql`
    select type.report_type, count(audit)::int as total,
      count(*) filter (where outcome = 'delivered' and request_payload ->> 'type' = 'report.final.completed')::int as succeeded
    from public.report_types type
    left join public.webhook_audit audit on audit.report_table = type.table_name
      and direction = 'out' and outcome <> 'skipped' and endpoint_id is not null
      and created_at >= ${statistics.from}::text::timestamptz and created_at < ${statistics.to}::text::timestamptz
    group by 1 order by 1`;
  expect(
    statistics.by_report_type.map(({ report_type, total, succeeded }) => ({ report_type, total, succeeded })),
  ).toEqual([...types]);
}

const checkAll = async () => {
  for (const window of ['hour', 'day', 'week'] as const) await checkWindow(window);
};

const slots = async () => {
  const counts =
    await system.sql`select * from public.webhook_counts order by slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure`;
  const latencies =
    await system.sql`select * from public.webhook_latencies order by slot_minutes, slot, direction, endpoint_id, bucket`;
  return [[...counts], [...latencies]];
};

describe('getWebhookStatistics', () => {
  it('equals a recount of the audit before anything is rolled up, half-way, and after', async () => {
    expect((await dataOf(getWebhookStatistics(operator, 'week'))).rolled_up_until).toBeNull();
    await checkAll();
    await system.sql`select public.roll_up_webhooks(100)`;
    const half = await dataOf(getWebhookStatistics(operator, 'week'));
    expect(half.rolled_up_until).not.toBeNull();
    await checkAll();
    // By the sweep, to the end.
    const response = await fetch(system.url('/api/cron/sweep'), {
      headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
    });
    cronAnswer.parse(await response.json());
    const whole = await dataOf(getWebhookStatistics(operator, 'week'));
    expect(Date.parse(whole.rolled_up_until ?? '')).toBeGreaterThan(Date.parse(half.rolled_up_until ?? ''));
    expect(Date.parse(whole.as_of) - Date.parse(whole.rolled_up_until ?? '')).toBeLessThan(80 * 60_000);
    await checkAll();
  });

  it('counts nothing twice, however often and however many at once it is rolled up', async () => {
    const before = await slots();
    await system.sql`select public.roll_up_webhooks(100)`;
    expect(await slots()).toEqual(before);
    await system.sql`delete from public.webhook_counts`;
    await system.sql`delete from public.webhook_latencies`;
    await system.sql`update public.webhook_roll_up set rolled_up_until = '-infinity'`;
    let left = true;
    while (left) {
      const rounds = await Promise.all(
        Array.from({ length: 6 }, () => system.sql`select public.roll_up_webhooks(40) as quarters`),
      );
      left = rounds.some(([row]) => Number(row?.['quarters']) > 0);
    }
    expect(await slots()).toEqual(before);
    await checkAll();
  });

  it('leaves a quarter of an hour alone until no transaction can still write into it', async () => {
    const [row] = await system.sql`
      select rolled_up_until <= now() - interval '5 minutes' as closed from public.webhook_roll_up`;
    expect(row).toEqual({ closed: true });
  });

  it('keeps no slot that no window shows', async () => {
    await system.sql`
      insert into public.webhook_counts values (15, now() - interval '3 days', 'out', 'prelim-report', 'org', 'delivered', 1),
        (120, now() - interval '17 days', 'out', 'prelim-report', 'org', 'delivered', 1)`;
    await system.sql`
      insert into public.webhook_latencies values (15, now() - interval '3 days', 'out', 'prelim-report', 1, 1),
        (120, now() - interval '17 days', 'out', 'prelim-report', 1, 1)`;
    await system.sql`select public.roll_up_webhooks(1)`;
    const [row] = await system.sql`
      select (select count(*)::int from public.webhook_counts
          where slot < now() - interval '1 minute' * slot_minutes * 192) as counts,
        (select count(*)::int from public.webhook_latencies
          where slot < now() - interval '1 minute' * slot_minutes * 192) as latencies,
        (select min(slot) < now() - interval '7 days' from public.webhook_counts) as week`;
    expect(row).toEqual({ counts: 0, latencies: 0, week: true });
  });

  it.each([
    // As fine as it is kept: of quarters and hours every row, of the last two days quarters of an hour, else two hours.
    { name: 'a quarter of an hour', hoursAgo: 20, minutes: 15, seconds: 30, buckets: [30, 31] },
    { name: 'an hour, two days ago', hoursAgo: 50, minutes: 60, seconds: 60, buckets: [60, 61] },
    { name: 'half a day', hoursAgo: 30, minutes: 720, seconds: 900, buckets: [48, 49] },
    { name: 'a day that is longer ago', hoursAgo: 72, minutes: 1440, seconds: 7200, buckets: [12, 13] },
    { name: 'five days', hoursAgo: 190, minutes: 7200, seconds: 7200, buckets: [60, 61] },
  ])('equals a recount of $name, in whole buckets', async ({ hoursAgo, minutes, seconds, buckets }) => {
    const begins = Date.now() - hoursAgo * 3_600_000;
    const after = new Date(begins).toISOString();
    const before = new Date(begins + minutes * 60_000).toISOString();
    const statistics = await dataOf(getWebhookStatistics(operator, { after, before }));
    expect(statistics).toMatchObject({ window: null, bucket_seconds: seconds });
    expect(buckets).toContain(statistics.series.length);
    const [from, to] = [Date.parse(statistics.from), Date.parse(statistics.to)];
    expect([from % (seconds * 1000), to % (seconds * 1000)]).toEqual([0, 0]);
    expect(Date.parse(after) - from).toBeLessThan(seconds * 1000);
    expect(to - Date.parse(before)).toBeLessThan(seconds * 1000);
    await checkFigures(statistics, 3);
  });

  it.each(['quarter', 'hour', 'day', 'week'] as const)(
    'shows the same figures for the last %s and for its times',
    async (window) => {
      const last = await dataOf(getWebhookStatistics(operator, window));
      const pinned = await dataOf(getWebhookStatistics(operator, { after: last.from, before: last.to }));
      const { from, bucket_seconds, sent, received, series } = last;
      expect(pinned).toMatchObject({ from, bucket_seconds, sent, received, series });
    },
  );

  it('counts the jobs of that time, and what waits now', async () => {
    const time = { after: '2026-01-01T00:00:00Z', before: '2026-01-01T00:00:00Z' };
    const [row] = await system.sql<{ at: string }[]>`
      insert into private.job_runs (job_id, user_id, status, prompt, report_type, caller, error, created_at, started_at, completed_at)
      values (gen_random_uuid()::text, (select user_id from public.operators limit 1), 'failed', 'p', null, 'pipeline', 'e',
        now() - interval '3 days', now() - interval '3 days', now() - interval '3 days')
      returning to_char(completed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at`;
    const at = Date.parse(row?.at ?? '');
    const failedIn = async (from: number, to: number) => {
      time.after = new Date(at + from * 60_000).toISOString();
      time.before = new Date(at + to * 60_000).toISOString();
      return (await dataOf(getWebhookStatistics(operator, time))).jobs.failed;
    };
    expect([await failedIn(-30, 5), await failedIn(-35, -5), await failedIn(5, 30)]).toEqual([1, 0, 0]);
  });

  it('reads an hour whose audit rows are pruned from what was rolled up, and ends at now', async () => {
    const after = new Date(Date.now() - 8 * 24 * 3_600_000).toISOString();
    const hour = { after, before: new Date(Date.parse(after) + 3_600_000).toISOString() };
    expect((await dataOf(getWebhookStatistics(operator, hour))).bucket_seconds).toBe(60);
    await system.sql.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`delete from public.webhook_audit where created_at < ${after}::text::timestamptz`;
    });
    const rolledUp = await dataOf(getWebhookStatistics(operator, hour));
    expect(rolledUp.bucket_seconds).toBe(7200);
    const open = await dataOf(
      getWebhookStatistics(operator, { after, before: new Date(Date.now() + 3_600_000).toISOString() }),
    );
    expect(open.to).toBe(open.as_of);
  });

  it('shows what waits, what is dead, and how the circuits stand', async () => {
    const { reportId } = await system.createReport();
    await system.sql`
      insert into public.report_events (
        id, type, report_type, report_id, stage, requested_at, digest, error, channel, effect, applied_at, position)
      select 'evt_' || n, 'report.prelim.failed', 'org', ${reportId}, 'prelim', now(),
        private.content_digest(row(
            'report.prelim.failed', 'org', ${reportId}, 'prelim', null, null, null, null, null, 'e', null)::private.incoming_result), 'e', 'import', 'superseded', now(), n
      from generate_series(1, 10) n`;
    await system.sql`insert into private.report_contents (event_id, lost_at) select id, now() from public.report_events where id ~ '^evt_\\d+$'`;
    await system.sql`
      insert into public.webhook_deliveries (
        event_id, endpoint_id, report_type, report_id, status, next_attempt, dead_at, dead_reason, lease_expires_at, created_at,
        status_before_claim)
      select 'evt_' || n, 'prelim-report', 'org', ${reportId}, status, next_attempt, dead_at, dead_reason, lease, at,
        case status when 'retrying' then 'failed' end
      from (values
        (1, 'pending', now(), null, null, now() + interval '1 hour', '2026-01-02T00:00:00Z'::timestamptz),
        (2, 'sent', now(), null, null, null, '2026-01-03T00:00:00Z'),
        (3, 'failed', now() + interval '1 hour', null, null, null, '2026-01-03T00:00:00Z'),
        (4, 'retrying', now(), null, null, now() + interval '1 hour', '2026-01-03T00:00:00Z'),
        (5, 'failed', null, now(), 'refused', null, '2026-01-01T00:00:00Z'),
        (6, 'failed', null, now(), 'attempts_exhausted', null, '2026-01-01T00:00:00Z'),
        (7, 'success', null, null, null, null, '2026-01-01T00:00:00Z'),
        (8, 'failed', null, now(), 'report_deleted', null, '2026-01-01T00:00:00Z'),
        (9, 'failed', null, now(), 'unsendable', null, '2026-01-01T00:00:00Z'),
        -- Closed too, but its report can be requested again.
        (10, 'failed', null, now(), 'import', null, '2026-01-01T00:00:00Z')
      ) states (n, status, next_attempt, dead_at, dead_reason, lease, at)`;
    await system.sql`update public.org_reports set research_status = private.report_status('org', id) where id = ${reportId}`;
    await system.sql`
      update public.webhook_circuits set opened_at = now(), probe_after = now() + interval '1 hour'
      where endpoint_id = 'prelim-report'`;
    const statistics = await dataOf(getWebhookStatistics(operator));
    expect(statistics.by_status).toMatchObject({ pending: 1, sent: 1, retrying: 1, failed: 1, dead: 3 });
    expect(statistics.queue).toEqual({ depth: 4, due: 1, oldest_waiting: '2026-01-02T00:00:00+00:00' });
    expect(statistics.by_report_type).toMatchObject([
      { report_type: 'greeting', waiting: 0, dead: 0 },
      { report_type: 'org', waiting: 4, dead: 3 },
      { report_type: 'requirement', waiting: 0, dead: 0 },
    ]);
    expect(statistics.circuits).toMatchObject([
      { endpoint_id: 'prelim-report', state: 'open' },
      { endpoint_id: 'final-report', state: 'closed', opened_at: null },
    ]);
    await system.sql`update public.webhook_circuits set probe_after = now() where endpoint_id = 'prelim-report'`;
    expect((await dataOf(getWebhookStatistics(operator))).circuits[0]).toMatchObject({ state: 'half_open' });
    expect(THRESHOLDS.queueDepth).toBeGreaterThan(statistics.queue.depth);
  });

  it('is for operators, and refuses what is no window', async () => {
    expect(await errorOf(getWebhookStatistics(owner))).toMatchObject({ code: '42501' });
    expect(await errorOf(getWebhookStatistics(stranger))).toMatchObject({ code: '42501' });
    // Not of the type that it should have: that is the point.
    const window = 'year' as StatisticsQuery;
    expect(await errorOf(getWebhookStatistics(operator, window))).toMatchObject({ code: 'invalid_input' });
    await expect(system.sql`
      select private.is_operator(), public.webhook_statistics('year')`).rejects.toMatchObject({
      code: '42501',
    });
    const time = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    for (const [after, before] of [
      [time(-1), time(-2)],
      [time(-2), time(-2)],
      [time(1), time(2)],
      [time(-17 * 24), time(-16 * 24)],
    ] as const)
      expect(await errorOf(getWebhookStatistics(operator, { after, before }))).toMatchObject({
        code: '22023',
      });
  });
});
