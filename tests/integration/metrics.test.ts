import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { subscriberClient } from '../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const TOKEN = 'm'.repeat(32);
const OTHER_TOKEN = 'n'.repeat(32);

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/metrics.ts'],
    env: { METRICS_TOKEN: `${TOKEN} ${OTHER_TOKEN}` },
  });
});
afterAll(() => system.stop());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const get = (headers: Record<string, string> = bearer(TOKEN), method = 'GET') =>
  fetch(system.url('/api/metrics'), { method, headers });

async function scrape(): Promise<Map<string, number>> {
  const text = await (await get()).text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))] as const;
    }),
  );
}

/** An attempt of ours that the audit has, `minutesAgo`. */
async function audit(minutesAgo: number, outcome: string, durationMs: number): Promise<void> {
  await system.sql`
    insert into public.webhook_audit (
      direction, endpoint_id, outcome, duration_ms, created_at)
    values ('out', 'final-report', ${outcome}, ${durationMs},
      now() - make_interval(mins => ${minutesAgo}))`;
}

const REQUESTS = (outcome: string) =>
  `polaris_webhook_requests_total{direction="out",endpoint="final-report",outcome="${outcome}"}`;
const UP_TO = (bound: string) =>
  `polaris_webhook_duration_seconds_bucket{direction="out",endpoint="final-report",le="${bound}"}`;

describe('who may read the metrics', () => {
  it('nobody without a token of METRICS_TOKEN', async () => {
    const refused = [
      {},
      ...['x'.repeat(32), system.supabase.secretKey, system.secrets.cronSecret].map(bearer),
    ];
    for (const headers of refused) {
      const response = await get(headers);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 'unauthorized' });
    }
  });

  it('holders of each token, while one is exchanged for another', async () => {
    expect((await get(bearer(TOKEN))).status).toBe(200);
    expect((await get(bearer(OTHER_TOKEN))).status).toBe(200);
  });

  it('and only with GET', async () => {
    expect((await get(undefined, 'POST')).status).toBe(405);
  });
});

describe('the metrics', () => {
  it('count on when audit rows are rolled up, and when they are pruned', async () => {
    const before = await scrape();
    const grown = async () => {
      const after = await scrape();
      return [REQUESTS('delivered'), REQUESTS('server_error'), UP_TO('0.5'), UP_TO('+Inf')].map(
        (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0),
      );
    };
    await audit(0, 'delivered', 100);
    await audit(40, 'delivered', 700);
    await audit(3 * 24 * 60, 'server_error', 20);
    expect(await grown()).toEqual([2, 1, 2, 3]);
    await system.sql`select public.roll_up_webhooks(1000)`;
    expect(await grown()).toEqual([2, 1, 2, 3]);
    await system.sql`select public.prune_expired(1, 30, 30, 1000)`;
    const [left] = await system.sql`
      select count(*)::int as rows from public.webhook_audit where outcome = 'server_error'`;
    expect(left?.['rows']).toBe(0);
    // As if so much time had passed that no window shows them.
    await system.sql`delete from public.webhook_counts where true`;
    await system.sql`delete from public.webhook_latencies where true`;
    expect(await grown()).toEqual([2, 1, 2, 3]);
    await audit(0, 'delivered', 100);
    expect(await grown()).toEqual([3, 1, 3, 4]);
  });

  it('have a series for each subscriber, which ends when it is removed', async () => {
    const subscribers = subscriberClient(system.sql);
    const { endpointId } = await subscribers.active();
    await system.sql`
      insert into public.webhook_audit (direction, endpoint_id, outcome, duration_ms)
      values ('out', ${endpointId}, 'delivered', 100)`;
    const seriesOf = async () =>
      [...(await scrape()).keys()].filter((name) => name.includes(`endpoint="${endpointId}"`));
    expect(await seriesOf()).toEqual(
      expect.arrayContaining([
        `polaris_deliveries_waiting{endpoint="${endpointId}"}`,
        `polaris_webhook_requests_total{direction="out",endpoint="${endpointId}",outcome="delivered"}`,
        `polaris_webhook_success_ratio{direction="out",endpoint="${endpointId}"}`,
      ]),
    );
    await subscribers.move(endpointId, 'removed');
    expect(await seriesOf()).toEqual([]);
    // Also what is rolled up into the totals.
    await system.sql`select public.roll_up_webhooks(1000)`;
    expect(await seriesOf()).toEqual([]);
  });

  it('tell the success of the last 15 minutes, and no ratio of nothing', async () => {
    const ratio = 'polaris_webhook_success_ratio{direction="out",endpoint="prelim-report"}';
    expect((await scrape()).has(ratio)).toBe(false);
    await system.sql`
      insert into public.webhook_audit (direction, endpoint_id, outcome, created_at)
      select 'out', 'prelim-report', outcome, now() - ago
      from (values ('delivered', interval '1 minute'), ('server_error', '2 minutes'), ('delivered', '20 minutes'),
        ('skipped', '1 minute')) attempt (outcome, ago)`;
    expect((await scrape()).get(ratio)).toBe(0.5);
  });

  it('tell the failed queue, dead letters, circuits, jobs and signs of life', async () => {
    const metrics = await scrape();
    for (const name of [
      'polaris_deliveries_waiting{endpoint="final-report"}',
      'polaris_deliveries_failed{endpoint="final-report"}',
      'polaris_deliveries_due{endpoint="prelim-report"}',
      'polaris_dead_letters{endpoint="final-report"}',
      'polaris_delivery_oldest_seconds{endpoint="final-report"}',
      'polaris_circuit_open{endpoint="final-report"}',
      'polaris_jobs{status="running"}',
      'polaris_jobs_overdue',
      'polaris_heartbeats_total{source="sweep"}',
    ]) {
      expect(metrics.get(name), name).toBe(0);
    }
    await system.sql`
      update public.webhook_circuits set opened_at = now(), probe_after = now() where endpoint_id = 'final-report'`;
    await system.sql`select public.record_sweep(${randomUUID()})`;
    const changed = await scrape();
    expect(changed.get('polaris_circuit_open{endpoint="final-report"}')).toBe(1);
    expect(changed.get('polaris_heartbeats_total{source="sweep"}')).toBe(1);
    expect(changed.get('polaris_heartbeat_age_seconds{source="sweep"}')).toBeLessThan(600);
    await system.sql`
      update public.webhook_circuits set opened_at = null, probe_after = null where endpoint_id = 'final-report'`;
  });

  it('count what waits and what is dead by endpoint, up to 10,000 that wait', async () => {
    const add = (from: number, to: number) =>
      system.sql.begin(async (sql) => {
        // No event is behind these.
        await sql`set local session_replication_role = replica`;
        await sql`
        insert into public.webhook_deliveries (
          event_id, endpoint_id, report_type, report_id, status, next_attempt, dead_at, dead_reason, lease_expires_at, created_at)
        select 'counted_' || n, 'final-report', 'org', gen_random_uuid(), coalesce(status, 'pending'),
            case when status is null then now() + interval '2 hours' else next_attempt end,
          dead_at, dead_reason, lease, coalesce(created_at, now() - interval '1 hour')
        from generate_series(${from}::int, ${to}::int) n
        left join (values
          (1, 'pending', now(), null::timestamptz, null, now() + interval '1 minute', now() - interval '1 day'),
          (2, 'failed', now(), null, null, null, null),
          (3, 'failed', now() + interval '1 hour', null, null, null, null),
          (4, 'failed', null, now(), 'refused', null, now() - interval '9 days'),
          (5, 'failed', null, now(), 'attempts_exhausted', null, null),
          -- Nobody can do anything about this one.
          (6, 'failed', null, now(), 'report_deleted', null, null),
          (7, 'success', null, null, null, null, null)
        ) known (n, status, next_attempt, dead_at, dead_reason, lease, created_at) using (n)`;
      });
    const queue = async () => {
      const metrics = await scrape();
      const of = (name: string) => metrics.get(`polaris_${name}{endpoint="final-report"}`);
      expect(metrics.get('polaris_deliveries_waiting{endpoint="prelim-report"}')).toBe(0);
      return {
        waiting: of('deliveries_waiting'),
        failed: of('deliveries_failed'),
        due: of('deliveries_due'),
        dead: of('dead_letters'),
        days: Math.round((of('delivery_oldest_seconds') ?? 0) / 86_400),
      };
    };
    await add(1, 7);
    expect(await queue()).toEqual({ waiting: 3, failed: 2, due: 1, dead: 2, days: 1 });
    // Those whose time comes first are among those that are counted.
    await add(8, 10_010);
    expect(await queue()).toEqual({ waiting: 10_000, failed: 2, due: 1, dead: 2, days: 1 });
    await system.sql`delete from public.webhook_deliveries where event_id like 'counted_%'`;
  });

  it('tell the connections by role and what they wait for', async () => {
    const holder = await system.sql.reserve();
    try {
      await holder`select pg_advisory_lock(77)`;
      const waiting = system.sql`select pg_advisory_lock(77), pg_advisory_unlock(77)`.execute();
      await expect
        .poll(async () =>
          (await scrape()).get('polaris_database_connections{role="postgres",state="active",wait="Lock"}'),
        )
        .toBeGreaterThanOrEqual(1);
      await holder`select pg_advisory_unlock(77)`;
      await waiting;
    } finally {
      holder.release();
    }
    expect((await scrape()).get('polaris_database_connections_limit')).toBeGreaterThan(10);
  });

  it('tell which alerts fire, and how the last ping went', async () => {
    const firing = 'polaris_alerts{rule="queue_age",state="firing"}';
    expect((await scrape()).get(firing)).toBe(0);
    await system.sql`
      insert into public.alerts (rule, state, severity, fired_at, last_value, affected)
      values ('queue_age', 'firing', 'critical', now(), 1, 1)`;
    await system.sql`select public.record_ping_results(
      '[{"address": "a.example", "ok": true, "duration_ms": 250, "status": 200, "error": null}]')`;
    const metrics = await scrape();
    expect(metrics.get(firing)).toBe(1);
    expect(metrics.get('polaris_alerts{rule="queue_age",state="pending"}')).toBe(0);
    expect(metrics.get('polaris_ping_success{address="a.example"}')).toBe(1);
    expect(metrics.get('polaris_ping_duration_seconds{address="a.example"}')).toBe(0.25);
    await system.sql`delete from public.alerts where rule = 'queue_age'`;
  });

  it('tell what the instances of a function have used, which they report after an answer', async () => {
    const of = (metric: string) => `polaris_function_${metric}{function="metrics"}`;
    await expect.poll(async () => (await scrape()).get(of('invocations_total'))).toBe(1);
    const used = await scrape();
    expect(used.get(of('cpu_seconds_total'))).toBeGreaterThan(0.05);
    expect(used.get(of('memory_bytes'))).toBeGreaterThan(20e6);
    const report = (invocations: number, cpuMs: number, memoryBytes: number) =>
      system.sql`select public.report_usage('plans', ${invocations}, ${cpuMs}, ${memoryBytes})`;
    await report(3, 500, 700);
    await report(2, 250, 600);
    const two = await scrape();
    expect(two.get('polaris_function_invocations_total{function="plans"}')).toBe(5);
    expect(two.get('polaris_function_cpu_seconds_total{function="plans"}')).toBe(0.75);
    expect(two.get('polaris_function_memory_bytes{function="plans"}')).toBe(700);
    // The highest was long ago.
    await system.sql`update private.function_usage set memory_at = now() - interval '16 minutes' where name = 'plans'`;
    expect((await scrape()).has('polaris_function_memory_bytes{function="plans"}')).toBe(false);
    await report(1, 0, 400);
    expect((await scrape()).get('polaris_function_memory_bytes{function="plans"}')).toBe(400);
    await expect(system.sql`select public.report_usage('no function 1', 1, 1, 1)`).rejects.toThrow(
      'usage_names_a_function',
    );
  });

  it('name nothing that grows with the data: endpoints, outcomes, states, roles, rules and functions are', async () => {
    const labels = new Set(
      [...(await scrape()).keys()].flatMap((name) => [...name.matchAll(/(\w+)=/g)].map(([, label]) => label)),
    );
    expect([...labels].sort()).toEqual(
      [
        'address',
        'direction',
        'endpoint',
        'function',
        'le',
        'outcome',
        'role',
        'rule',
        'source',
        'state',
        'status',
        'wait',
      ].sort(),
    );
  });

  it('come as OpenMetrics to who asks for it', async () => {
    const response = await get({
      ...bearer(TOKEN),
      accept: 'application/openmetrics-text;version=1.0.0',
    });
    expect(response.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    expect(await response.text()).toMatch(/\n# EOF\n$/);
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
describe.skipIf(!hasPromtool)("promtool (of Debian's package prometheus)", () => {
  it('finds nothing to say about the metrics', async () => {
    const input = await (await get()).text();
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    expect({ said: stdout + stderr, status }).toEqual({ said: '', status: 0 });
  });

  it('sees each example rule fire in an outage, and none before it', () => {
    const { stdout, stderr, status } = spawnSync(
      'promtool',
      ['test', 'rules', 'examples/monitoring/rules_test.yml'],
      {
        cwd: projectRoot,
        encoding: 'utf8',
      },
    );
    expect(status, stdout + stderr).toBe(0);
  });
});

describe('the examples for Prometheus and Grafana', () => {
  it('ask only for metrics that there are', async () => {
    const text = await (await get()).text();
    const known = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name));
    const asked = ['rules.yml', 'grafana-dashboard.json'].flatMap((file) => [
      ...readFileSync(join(projectRoot, 'examples/monitoring', file), 'utf8').matchAll(/\bpolaris_\w+/g),
    ]);
    const unknown = asked.map(([name]) => name.replace(/_bucket$/, '')).filter((name) => !known.has(name));
    expect(asked.length).toBeGreaterThan(20);
    expect(unknown).toEqual([]);
  });

  it('know each metric that docs/operations.md names, and the other way round', async () => {
    const text = await (await get()).text();
    const known = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name);
    const page = readFileSync(join(projectRoot, 'docs/operations.md'), 'utf8');
    const section = page.slice(page.indexOf('\n## Metrics\n'), page.indexOf('\n## A fourth report type\n'));
    const named = [...section.matchAll(/`(polaris_\w+)`/g)].map(([, name = '']) => name);
    expect(named.sort()).toEqual(known.sort());
  });
});
