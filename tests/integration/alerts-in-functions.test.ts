import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callSweep } from '../../tools/local/sweeper.ts';
import { alertEvent } from '../../src/contracts/alerts.ts';
import { alertsOf } from '../support/alerts.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let pager: Receiver;
let watch: Receiver;
let system: TestSystem;
let alerts: ReturnType<typeof alertsOf>;
beforeAll(async () => {
  [pager, watch] = await Promise.all([startReceiver(), startReceiver()]);
  system = await startTestSystem({
    functions: ['api/cron/sweep.ts', 'api/ping.ts', 'api/webhooks/retry.ts', 'api/reportJobsDb.ts'],
    env: {
      ALERT_URLS: pager.baseUrl,
      ALERT_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      HEARTBEAT_URL: watch.baseUrl,
    },
  });
  alerts = alertsOf(system.sql);
});
afterAll(async () => {
  await system.stop();
  await pager[Symbol.asyncDispose]();
  await watch[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await alerts.quiet();
  await system.sql`update private.watch_state set evaluated_at = null where only_row`;
  for (const receiver of [pager, watch]) {
    receiver.behave({ kind: 'answer', status: 204 });
    receiver.requests.length = 0;
  }
});

const sweep = () => callSweep(system.functions.url, system.secrets.cronSecret);
const heard = () =>
  pager.requests.map(({ body }) => {
    const { type, data } = alertEvent.parse(JSON.parse(body.toString()));
    return `${type} ${data.rule}:${data.subject}`;
  });
const noSweepComes = () =>
  system.sql`update private.heartbeats set last_at = now() - interval '6 minutes' where source = 'sweep'`;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}

describe('a sweep', () => {
  it('pings our own address every five minutes, and keeps what came of it', async () => {
    const { host } = new URL(system.functions.url);
    const pings = async () => [
      ...(await system.sql`select address, ok, status, error from private.ping_results`),
    ];
    await system.sql`update private.watch_state set next_ping_at = now() where only_row`;
    await sweep();
    await sweep();
    expect(await pings()).toEqual([{ address: host, ok: true, status: 200, error: null }]);
    const [next] = await system.sql`
      select round(extract(epoch from next_ping_at - now()) / 60)::int as minutes from private.watch_state`;
    expect(next).toEqual({ minutes: 5 });
    await system.sql`update private.watch_state set next_ping_at = 'infinity' where only_row`;
  });

  it('verifies a slice, and tells the outside watch that it was good', async () => {
    await system.sql`update private.verify_progress set part = null, finished_at = null where only_row`;
    await sweep();
    expect(watch.requests).toHaveLength(1);
    const [progress] =
      await system.sql`select finished_at is not null or part is not null as moved from private.verify_progress`;
    expect(progress).toEqual({ moved: true });
  });

  it('of which a part failed tells the outside watch nothing', async () => {
    await system.sql`revoke execute on function public.verify_slice() from service_role`;
    try {
      const { errors } = await sweep();
      expect(errors).toEqual([expect.stringMatching(/^verification: /)]);
      expect(watch.requests).toHaveLength(0);
    } finally {
      await system.sql`grant execute on function public.verify_slice() to service_role`;
    }
  });

  it('is not worse for an outside watch that is down', async () => {
    watch.behave({ kind: 'reset' });
    expect((await sweep()).errors).toEqual([]);
    await until(() =>
      system.functions.logs.some((line) => line.includes('could not report a sweep to HEARTBEAT_URL')),
    );
  });

  it('by an operator is none to the outside watch: it would hide that the cron never comes', async () => {
    const operator = await system.createOperator();
    const response = await fetch(system.url('/api/cron/sweep'), {
      headers: { authorization: `Bearer ${operator.accessToken}` },
    });
    expect(response.status).toBe(200);
    expect(watch.requests).toHaveLength(0);
  });

  it('sends what fires, and what has resolved, and notes the fingerprints of the secrets', async () => {
    await system.sql`update private.alert_rules set threshold = 1 where rule = 'circuit_open'`;
    await system.sql`
      update public.webhook_circuits set opened_at = now() - interval '1 minute', probe_after = now() + interval '1 hour'
      where endpoint_id = 'final-report'`;
    expect(await sweep()).toMatchObject({ alerts: 1 });
    expect(heard()).toEqual(['alert.firing circuit_open:final-report']);
    await system.sql`update public.webhook_circuits set opened_at = null, probe_after = null`;
    await sweep();
    await alerts.pass('1 minute');
    expect(await sweep()).toMatchObject({ alerts: 1 });
    expect(heard()).toEqual([
      'alert.firing circuit_open:final-report',
      'alert.resolved circuit_open:final-report',
    ]);
    await system.sql`update private.alert_rules set threshold = 600 where rule = 'circuit_open'`;
    const names =
      await system.sql`select name from private.secret_fingerprints where is_current order by name`;
    expect(names.map(({ name }) => String(name))).toEqual([
      'ALERT_SECRET',
      'ENDPOINT_SECRETS_KEY',
      'WEBHOOK_SECRET',
    ]);
  });
});

describe('while no sweep comes', () => {
  it('the next request that any function serves evaluates and sends, also one that is refused', async () => {
    await noSweepComes();
    // The first request of this function's process.
    expect((await fetch(system.url('/api/webhooks/retry'))).status).toBe(401);
    await until(() => heard().includes('alert.firing no_sweep:'));
    // When sweeps run again, the alert is resolved.
    await sweep();
    await alerts.pass('1 minute');
    await sweep();
    expect(heard()).toEqual(['alert.firing no_sweep:', 'alert.resolved no_sweep:']);
  });
});
