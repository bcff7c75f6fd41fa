import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { alertEvent, type AlertEvent } from '../../src/contracts/alerts.ts';
import { parseAlertAddresses } from '../../src/contracts/env-values.ts';
import { systemClock } from '../../src/server/clock.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sendHeartbeat } from '../../src/server/observe/alerts/heartbeat.ts';
import { sendAlerts, type AlertSender } from '../../src/server/observe/alerts/send-alerts.ts';
import { createWatch } from '../../src/server/observe/alerts/watch-alerts.ts';
import { createRestStore } from '../../src/server/store/rest-store.ts';
import { alertsOf } from '../support/alerts.ts';
import { testClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startTestSupabase, type TestSupabase } from '../support/supabase.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let database: TestDatabase;
let supabase: TestSupabase;
let sql: postgres.Sql;
let alerts: ReturnType<typeof alertsOf>;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  alerts = alertsOf(sql);
  supabase = await startTestSupabase(database.url);
});
afterAll(async () => {
  await supabase.stop();
  await database.drop();
});

let first: Receiver;
let second: Receiver;
let logged: { message: string; details: Record<string, unknown> }[] = [];
beforeEach(async () => {
  await alerts.quiet();
  [first, second] = await Promise.all([startReceiver(), startReceiver()]);
  for (const receiver of [first, second]) receiver.behave({ kind: 'answer', status: 204 });
  logged = [];
});
afterEach(async () => {
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

/** A sender to both receivers, unless it is told to which. */
function sender(urls = `${first.baseUrl} ${second.baseUrl}`): AlertSender {
  return {
    ...createRestStore({ url: supabase.url, secretKey: supabase.secretKey, fetch }),
    ...systemClock,
    fetch,
    log: (_level, message, details = {}) => logged.push({ message, details }),
    alertAddresses: parseAlertAddresses(urls),
    alertKeys: parseWebhookSecret(SECRET),
    consoleUrl: 'https://polaris.example',
  };
}
const send = (urls?: string) => sendAlerts(sender(urls), systemClock.monotonicNow() + 60_000);

/** No sweep comes: one alert fires, and is to be sent. */
async function fire(): Promise<void> {
  await sql`update private.heartbeats set last_at = now() - interval '6 minutes' where source = 'sweep'`;
  await alerts.evaluate();
}
async function resolve(): Promise<void> {
  await alerts.sweepNow();
  await alerts.evaluate();
  await alerts.pass('1 minute');
  await alerts.evaluate();
}

const eventsOf = ({ requests }: Receiver): AlertEvent[] =>
  requests.map(({ body }) => alertEvent.parse(JSON.parse(body.toString())));

const deliveries = async () => {
  const rows = await sql`
    select transition, attempts, delivered_at is not null as delivered, dead_at is not null as dead, error, host,
      round(extract(epoch from next_attempt - now()))::int as seconds
    from public.alert_deliveries order by created_at, transition`;
  return rows.map((row) => ({ ...row }));
};

describe('an alert', () => {
  it('is sent as JSON that says it all, signed so that other libraries verify it', async () => {
    await fire();
    await send();
    const [request] = first.requests;
    if (request === undefined) throw new Error('nothing came');
    const headers = {
      'webhook-id': String(request.headers['webhook-id']),
      'webhook-timestamp': String(request.headers['webhook-timestamp']),
      'webhook-signature': String(request.headers['webhook-signature']),
    };
    expect(() => new Webhook(SECRET).verify(request.body.toString(), headers)).not.toThrow();
    const [event] = eventsOf(first);
    expect(event).toMatchObject({
      type: 'alert.firing',
      data: {
        rule: 'no_sweep',
        subject: '',
        severity: 'critical',
        title: 'No sweep runs',
        summary: 'The last sweep ran 6 min ago (limit 5 min).',
        lost: null,
        resolved_at: null,
        affected: 1,
        url: `https://polaris.example/alerts?alert=${event?.data.alert_id ?? ''}`,
        runbook: 'docs/operations.md#no_sweep',
      },
    });
    expect(headers['webhook-id']).toBe(`alert_${event?.data.alert_id.replaceAll('-', '') ?? ''}_firing`);
    // The host alone: the rest of an address may be what admits us.
    expect(await deliveries()).toMatchObject([
      { transition: 'firing', attempts: 1, delivered: true, host: new URL(first.baseUrl).host },
    ]);
    // Once.
    await send();
    expect(first.requests).toHaveLength(1);
    expect(second.requests).toHaveLength(0);
  });

  it('says when it is over, and what was lost', async () => {
    await fire();
    await send();
    await resolve();
    await send();
    const [firing, resolved] = eventsOf(first);
    expect(resolved).toMatchObject({
      type: 'alert.resolved',
      data: { alert_id: firing?.data.alert_id, lost: expect.stringMatching(/^Nothing was lost/) as string },
    });
    expect(resolved?.timestamp).toBe(resolved?.data.resolved_at);
  });

  it('goes to Slack in its form, unsigned, with what Slack would read as its own escaped', async () => {
    await sql`insert into private.ping_results (address, at, ok, duration_ms)
      select 'a<!channel>&b', now() - n * interval '1 minute', false, 5 from generate_series(1, 2) n`;
    await alerts.evaluate();
    await sql`delete from private.ping_results where true`;
    await send(`slack+${first.baseUrl}`);
    const [request] = first.requests;
    expect(request?.headers['webhook-signature']).toBeUndefined();
    // Safe: what is missing fails the test.
    const message = JSON.parse(request?.body.toString() ?? '{}') as { text: string; blocks: object[] };
    expect(message.text).toBe('CRITICAL The webhook path is broken: a&lt;!channel&gt;&amp;b');
    expect(JSON.stringify(message)).not.toContain('<!channel>');
    expect(JSON.stringify(message.blocks)).toContain('|Open in the console>');
  });
});

describe('the next address is used when the first', () => {
  it.each<[string, Parameters<Receiver['behave']>[0], string]>([
    ['fails', { kind: 'answer', status: 500, body: 'CANARY' }, 'was answered 500'],
    ['resets the connection', { kind: 'reset' }, 'no answer'],
    [
      'redirects',
      { kind: 'answer', status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      'was answered 307',
    ],
    ['does not admit us', { kind: 'answer', status: 403 }, 'was answered 403'],
  ])('%s', async (_name, behaviour) => {
    first.behave(behaviour);
    await fire();
    await send();
    expect(first.requests).toHaveLength(1);
    expect(eventsOf(second)).toMatchObject([{ type: 'alert.firing' }]);
    expect(await deliveries()).toMatchObject([
      { delivered: true, attempts: 1, host: new URL(second.baseUrl).host },
    ]);
    expect(logged).toEqual([]);
  });

  it('hangs, and only the first alert waits for it', async () => {
    first.behave({ kind: 'hang' });
    await fire();
    await resolve();
    await send();
    // Its end is sent after its beginning, by then to the second address first.
    expect(eventsOf(second).map(({ type }) => type)).toEqual(['alert.firing', 'alert.resolved']);
    expect(first.requests).toHaveLength(1);
  });
});

describe('what no address takes', () => {
  it('is sent again with the same id and the same bytes, on a schedule, and says why in our own words', async () => {
    for (const receiver of [first, second]) receiver.behave({ kind: 'answer', status: 502, body: 'CANARY' });
    await fire();
    const seconds: unknown[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      await send();
      const [delivery] = await deliveries();
      expect(delivery).toMatchObject({ delivered: false, attempts: attempt });
      seconds.push(delivery?.['seconds']);
      expect(delivery?.['error']).toMatch(
        /^127\.0\.0\.1:\d+ was answered 502; 127\.0\.0\.1:\d+ was answered 502$/,
      );
      // Not before its time.
      await send();
      expect(first.requests).toHaveLength(attempt);
      await alerts.pass('5 minutes');
    }
    expect(seconds).toEqual([30, 60, 120, 240, 300, 300]);
    const ids = new Set([...first.requests, ...second.requests].map(({ headers }) => headers['webhook-id']));
    const bodies = new Set([...first.requests, ...second.requests].map(({ body }) => body.toString()));
    expect([ids.size, bodies.size]).toEqual([1, 1]);
    expect(logged.map(({ message }) => message)).toContain(
      'an alert was not delivered; the next sweep retries it',
    );
    expect(JSON.stringify(logged)).not.toContain('CANARY');
    first.behave({ kind: 'answer', status: 200 });
    await send();
    expect(await deliveries()).toMatchObject([{ delivered: true, error: null }]);
  });

  it('is dead after a day, which the log says, and keeps the end of the alert back no longer', async () => {
    for (const receiver of [first, second]) receiver.behave({ kind: 'answer', status: 502 });
    await fire();
    await send();
    await alerts.pass('24 hours 1 minute');
    await resolve();
    first.behave({ kind: 'answer', status: 200 });
    first.requests.length = 0;
    await send();
    expect(await deliveries()).toMatchObject([
      { transition: 'firing', dead: true, delivered: false },
      { transition: 'resolved', delivered: true },
    ]);
    expect(eventsOf(first)).toMatchObject([{ type: 'alert.resolved' }]);
    expect(logged.map(({ message }) => message)).toContain(
      'an alert was not delivered within a day; it is not retried any more',
    );
    const [facts] = await sql`select public.deployment_facts() -> 'alerts' as alerts`;
    expect(facts?.['alerts']).toMatchObject({ dead: 1, undelivered: 0, firing: 0, worst: null });
  });

  it('is told in the health of the deployment while it is tried', async () => {
    for (const receiver of [first, second]) receiver.behave({ kind: 'answer', status: 502 });
    await fire();
    await send();
    const [facts] = await sql`select public.deployment_facts() -> 'alerts' as alerts`;
    expect(facts?.['alerts']).toEqual({
      firing: 1,
      pending: 0,
      worst: 'critical',
      rules: ['no_sweep'],
      undelivered: 1,
      dead: 0,
    });
  });
});

describe('nothing keeps an alert back', () => {
  it('not one whose delivery is locked, nor a circuit that is open', async () => {
    await sql`update public.webhook_circuits set opened_at = now(), probe_after = now() + interval '1 hour'`;
    await fire();
    await sql`update private.alert_rules set threshold = 1 where rule = 'circuit_open'`;
    await sql`update public.webhook_circuits set opened_at = now() - interval '1 minute'`;
    await alerts.evaluate();
    await sql.begin(async (other) => {
      await other`select from public.alert_deliveries where alert ->> 'rule' = 'no_sweep' for update`;
      await send();
      expect(eventsOf(first).map(({ data }) => data.rule)).toEqual(['circuit_open', 'circuit_open']);
    });
    await send();
    expect(eventsOf(first).map(({ data }) => data.rule)).toEqual([
      'circuit_open',
      'circuit_open',
      'no_sweep',
    ]);
    await sql`update private.alert_rules set threshold = 600 where rule = 'circuit_open'`;
    await sql`update public.webhook_circuits set opened_at = null, probe_after = null`;
  });

  it('not a sender that died with it: its lease runs out', async () => {
    await fire();
    await sql`select public.claim_alert_delivery(30, ${randomUUID()})`;
    await send();
    expect(first.requests).toHaveLength(0);
    await alerts.pass('31 seconds');
    await send();
    expect(first.requests).toHaveLength(1);
  });

  it('not one that cannot be read', async () => {
    await fire();
    await sql`update public.alert_deliveries set alert = '{}'`;
    await sql`update private.heartbeats set last_at = now() where source = 'sweep'`;
    await alerts.evaluate({ secrets: { WEBHOOK_SECRET: ['aaaa'] } });
    await sql`update private.secret_fingerprints set first_seen_at = now() - interval '40 days'`;
    await alerts.evaluate();
    await send();
    expect(eventsOf(first)).toMatchObject([{ data: { rule: 'secret_age', subject: 'WEBHOOK_SECRET aaaa' } }]);
    await sql`delete from private.secret_fingerprints where true`;
  });
});

describe('a claim', () => {
  const claim = async (id: string) => {
    const [row] = await sql`select public.claim_alert_delivery(30, ${id}) -> 'delivery' as delivery`;
    // Safe: that is what the function answers.
    return row?.['delivery'] as { id: string; lease_token: number } | null;
  };

  it('that is repeated gets the same delivery, another one none', async () => {
    await fire();
    const id = randomUUID();
    const claimed = await claim(id);
    expect(claimed).not.toBeNull();
    expect(await claim(id)).toEqual(claimed);
    expect(await claim(randomUUID())).toBeNull();
  });

  it('that lost its lease may no longer say that it failed, but that it arrived', async () => {
    await fire();
    const old = await claim(randomUUID());
    await alerts.pass('31 seconds');
    await claim(randomUUID());
    if (old === null) throw new Error('nothing to claim');
    await sql`select public.record_alert_attempt(${old.id}, ${old.lease_token}, false, 'odd')`;
    expect(await deliveries()).toMatchObject([{ attempts: 0 }]);
    await sql`select public.record_alert_attempt(${old.id}, ${old.lease_token}, true)`;
    expect(await deliveries()).toMatchObject([{ attempts: 1, delivered: true }]);
  });

  it('of sixteen senders at once sends it once', async () => {
    await fire();
    await Promise.all(Array.from({ length: 16 }, () => send()));
    expect(first.requests).toHaveLength(1);
  });
});

describe('the next request', () => {
  function watcher(clock = testClock(Date.now())) {
    const work: Promise<unknown>[] = [];
    const calls: string[] = [];
    const base = sender(first.baseUrl);
    const watch = createWatch(
      {
        ...base,
        ...clock,
        rpc: (name, parameters, answer) => {
          calls.push(name);
          return base.rpc(name, parameters, answer);
        },
        secretFingerprints: {},
        waitUntil: (promise) => work.push(promise),
      },
      'ping',
    );
    return { watch, clock, calls, settle: () => Promise.all(work) };
  }

  it('evaluates and sends when no sweep came for three minutes', async () => {
    await sql`update private.watch_state set evaluated_at = null`;
    await sql`update private.heartbeats set last_at = now() - interval '6 minutes' where source = 'sweep'`;
    const { watch, settle } = watcher();
    watch();
    await settle();
    expect(eventsOf(first)).toMatchObject([{ data: { rule: 'no_sweep' } }]);
    expect(logged).toMatchObject([{ message: 'an alert fires', details: { rule: 'no_sweep' } }]);
  });

  it('costs one call of the database a minute where sweeps come', async () => {
    const { watch, clock, calls, settle } = watcher();
    for (let request = 0; request < 100; request += 1) watch();
    await settle();
    expect(calls).toEqual(['report_usage']);
    clock.pass(59_999);
    watch();
    expect(calls).toHaveLength(1);
    clock.pass(1);
    watch();
    await settle();
    expect(calls).toEqual(['report_usage', 'report_usage']);
    expect(first.requests).toHaveLength(0);
  });

  it('evaluates although what it has used cannot be recorded', async () => {
    await sql`update private.watch_state set evaluated_at = null`;
    await sql`update private.heartbeats set last_at = now() - interval '6 minutes' where source = 'sweep'`;
    await sql`revoke execute on function public.report_usage(text, int, bigint, bigint) from service_role`;
    try {
      const { watch, settle } = watcher();
      watch();
      await settle();
      expect(eventsOf(first)).toMatchObject([{ data: { rule: 'no_sweep' } }]);
    } finally {
      await sql`grant execute on function public.report_usage(text, int, bigint, bigint) to service_role`;
    }
  });

  it('is answered as usual while the database is unavailable', async () => {
    const { watch, settle } = watcher();
    await supabase.kill();
    try {
      watch();
      await settle();
      expect(logged.map(({ message }) => message)).toEqual([
        'could not record the usage of the function',
        'could not evaluate alerts after a request',
      ]);
    } finally {
      await supabase.start();
    }
  });
});

describe('the outside watch', () => {
  const beat = (heartbeatUrl: string | undefined) => sendHeartbeat({ ...sender(), heartbeatUrl });

  it('is called, and nothing is said of it', async () => {
    await beat(`${first.baseUrl}/uuid?key=a`);
    expect(first.requests).toMatchObject([{ path: '/api/webhooks/uuid?key=a' }]);
    await beat(undefined);
    expect(first.requests).toHaveLength(1);
    expect(logged).toEqual([]);
  });

  it('that fails is only logged, without its address', async () => {
    first.behave({ kind: 'answer', status: 500 });
    await beat(`${first.baseUrl}/key`);
    first.behave({ kind: 'reset' });
    await beat(`${first.baseUrl}/key`);
    expect(logged).toMatchObject([
      { message: 'could not report a sweep to HEARTBEAT_URL', details: { error: 'answered 500' } },
      { details: { error: expect.stringContaining('no answer') as string } },
    ]);
    expect(JSON.stringify(logged)).not.toContain('/key');
  });
});
