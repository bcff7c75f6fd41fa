import { afterAll, beforeAll, expect, it } from 'vitest';
import { fullHealth } from '../../src/contracts/health.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope, webhookClient } from '../support/webhook-client.ts';

/** Functions with STORE_DATABASE_URL: while the pool works, and while the breaker keeps calls from it. */

let proxy: TcpProxy;
let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/health.ts', 'api/ping.ts', 'api/webhooks/prelim-report.ts'],
    async directStore(url) {
      proxy = await startTcpProxy(Number(new URL(url).port));
      return Object.assign(new URL(url), { port: String(proxy.port) }).href;
    },
  });
});
afterAll(async () => {
  await system.stop();
  await proxy.stop();
});

async function health() {
  const response = await fetch(system.url('/api/health'), {
    headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
  });
  const { status, store, findings } = fullHealth.parse(await response.json());
  return { status, store, finding: findings.find(({ check }) => check === 'store') };
}

async function post(): Promise<string> {
  const { reportId } = await system.createReport();
  await webhookClient(system, system.secrets.webhookSecret).post(envelope({ reportId }));
  const [row] = await system.sql`select research_status from public.org_reports where id = ${reportId}`;
  return String(row?.['research_status']);
}

it('call SQL functions by the pool, and by REST while the pool cannot connect', async () => {
  expect(await health()).toMatchObject({
    status: 'up',
    store: { configured: true, next: 'direct', pool: { role: 'polaris_store', road: 'direct' } },
    finding: { level: 'ok' },
  });
  expect(await post()).toBe('completed');
  // Each of the functions has connections of its own.
  const [sessions] = await system.sql`
    select count(*)::int as count from pg_stat_activity
    where usename = 'polaris_store' and application_name = 'polaris' and datname = current_database()`;
  expect(sessions?.['count']).toBeGreaterThan(0);

  proxy.set({ kind: 'reset' });
  expect(await post()).toBe('completed');
  expect(await health()).toMatchObject({
    status: 'up',
    store: { configured: true, next: 'rest', pool: null },
    finding: { level: 'warning' },
  });
  const told = () =>
    system.functions.logs.filter((line) => line.includes('the pool of STORE_DATABASE_URL')).length;
  expect(told()).toBeGreaterThan(0);

  proxy.set({ kind: 'whole' });
  await expect
    .poll(async () => (await health()).store?.next, { timeout: 20_000, interval: 500 })
    .toBe('direct');
  expect(await post()).toBe('completed');
  expect(system.functions.logs.join('\n')).toContain('the pool of STORE_DATABASE_URL works again');
  expect(system.functions.logs.join('\n')).not.toContain(new URL(system.databaseUrl).password);
});
