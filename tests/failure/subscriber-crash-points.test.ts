import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { createCrashBed } from '../support/crash-bed.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let bed: Awaited<ReturnType<typeof createCrashBed>>;
let system: TestSystem;
let server: Server;
let endpointId: string;
/** What the subscriber has taken, in the order of arrival. */
const received: { eventId: string; replay: string | undefined }[] = [];

beforeAll(async () => {
  bed = await createCrashBed();
  await bed.plan('');
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      received.push({
        eventId: String(request.headers['webhook-id']),
        replay: request.headers['polaris-replay'] as string | undefined,
      });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  system = await startTestSystem({
    functions: ['api/webhooks/final-report.ts', 'api/cron/sweep.ts'],
    preload: bed.preload,
    env: { ...bed.env, WEBHOOK_TIMEOUT_MS: '5000' },
  });
  // It listens on a port.
  const { port } = server.address() as AddressInfo;
  const subscribers = subscriberClient(system.sql);
  ({ endpointId } = await subscribers.create({ url: `http://127.0.0.1:${port}/subscriber` }));
  const keys = parseEndpointKeys(system.env['ENDPOINT_SECRETS_KEY'] ?? '');
  await system.sql`
    update private.endpoint_secrets set sealed = ${sealSecret(keys, endpointId, mintSecret())} where endpoint_id = ${endpointId}`;
  await subscribers.verify(endpointId);
});
afterAll(async () => {
  await system.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await bed[Symbol.asyncDispose]();
});

interface Life {
  reportId: string;
  eventId: string;
  plan?: number;
}

const envelope = ({ reportId, eventId }: Life) => ({
  type: 'report.final.completed',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: {
    job_id: `job-${eventId}`,
    report_id: reportId,
    report_type: 'org',
    research_status: 'completed',
    research_report: 'text',
    requested_at: '2026-01-01T00:00:00.000Z',
  },
});

/** As another system's sender does: until it is answered 200, or somebody was killed. */
async function post(life: Life): Promise<void> {
  const body = Buffer.from(JSON.stringify(envelope(life)));
  for (let tries = 0; tries < 50; tries += 1) {
    const response = await fetch(system.url('/api/webhooks/final-report'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...sign(parseWebhookSecret(system.secrets.webhookSecret), life.eventId, Date.now(), body),
      },
      body,
    }).catch(() => undefined);
    if (response?.status === 200 || (await bed.wasKilled())) return;
    await sleep(50);
  }
}
const apply = (life: Life) => storeClient(system.sql).apply(life.eventId, envelope(life), 'final-report');
const sweep = () =>
  fetch(system.url('/api/cron/sweep'), {
    headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
  }).then(
    (response) => response.text(),
    () => undefined,
  );

async function statuses({ eventId, plan }: Life): Promise<string[]> {
  const rows = await system.sql`
    select status from public.webhook_deliveries
    where event_id = ${eventId} and endpoint_id = ${endpointId} and plan = ${plan ?? 0}`;
  return rows.map(({ status }) => status as string);
}

/** Until somebody was killed, or it is delivered and recorded and nobody takes a step any more. */
async function untilQuiet(life: Life): Promise<void> {
  let seen = -1;
  let since = Date.now();
  while (!(await bed.wasKilled()) && Date.now() - since < 10_000) {
    const { length } = await bed.stepsTaken();
    if (length !== seen) since = Date.now();
    seen = length;
    if (Date.now() - since > 1_000 && (await statuses(life))[0] === 'success') return;
    await sleep(20);
  }
}

/** Repeats the sweep: the first may meet a dying process, and a plan waits for the transactions of other tests. */
async function sweepUntilSent(life: Life): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && !(await bed.wasKilled())) {
    await sweep();
    if ((await statuses(life))[0] === 'success') break;
    await system.sql`update public.plans set next_slice_at = now() where status = 'running'`;
  }
  await untilQuiet(life);
}

/** What a sweep does besides plans, subscribers and deliveries has its own test. */
const BESIDES =
  /\/(record_sweep|evaluate_alerts|claim_alert_delivery|claim_ping|record_ping_results|verify_slice|erase_due|roll_up_webhooks|import_reports|prune_expired|due_report_jobs|release_deliveries) #/;

const lives: Record<string, (life: Life) => Promise<void>> = {
  'applied by a webhook, and sent at once': async (life) => {
    await post(life);
    await untilQuiet(life);
  },
  'left to the sweep': async (life) => {
    await apply(life);
    await sweepUntilSent(life);
  },
  'applied while the subscriber is paused, and sent after it is resumed': async (life) => {
    const subscribers = subscriberClient(system.sql);
    await subscribers.move(endpointId, 'paused');
    await post(life);
    // Until the process that applied it has found that nothing can be sent.
    let taken = -1;
    while (taken !== (await bed.stepsTaken()).length) {
      taken = (await bed.stepsTaken()).length;
      await sleep(1_000);
    }
    await subscribers.move(endpointId, 'active');
    await sweepUntilSent(life);
  },
  'replayed by a plan': async (life) => {
    await apply(life);
    await system.sql`
      update public.webhook_deliveries set status = 'success', next_attempt = null, last_attempt = now() - interval '2 days'
      where event_id = ${life.eventId} and endpoint_id = ${endpointId}`;
    const [row] = await system.sql`
      select public.request_plan(${randomUUID()}, 'replay', 'again', 'a test',
        ${system.sql.json({ endpoint_ids: [endpointId], report_id: life.reportId })}, 'tester') -> 'plan' ->> 'id' as id`;
    life.plan = Number(row?.['id']);
    await system.sql`select public.apply_plan(${life.plan}, 'tester')`;
    // One sweep makes the deliveries, another may send them.
    await sweepUntilSent(life);
  },
};

/** Independent of the test: senders retry, leases run out, the cron sweeps. */
async function recover(life: Life, isPosted: boolean): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await bed.plan('');
    if (isPosted) await post(life);
    await system.sql`
      update public.webhook_deliveries set lease_expires_at = now() - interval '1 second'
      where report_id = ${life.reportId} and lease_expires_at is not null`;
    await system.sql`
      update public.webhook_deliveries set next_attempt = now()
      where report_id = ${life.reportId} and position is not null and status in ('pending', 'failed', 'sent', 'retrying') and dead_at is null`;
    await system.sql`update public.plans set next_slice_at = now() where status = 'running'`;
    if ((await statuses(life))[0] === 'success') return;
    await sweep();
  }
}

describe.each(Object.entries(lives))('an event that is %s', (name, live) => {
  it('reaches the subscriber, at whatever step a process is killed', async () => {
    const newLife = async (): Promise<Life> => ({
      reportId: (await system.createReport()).reportId,
      eventId: `evt_${randomUUID()}`,
    });
    const undisturbed = await newLife();
    await bed.plan('');
    await live(undisturbed);
    expect(await statuses(undisturbed)).toEqual(['success']);
    const steps = await bed.deaths(
      // How often sweeps repeat a call depends on the transactions of other tests, for which a plan waits.
      (step) => !BESIDES.test(step) && step.endsWith('#1'),
    );
    // To claim, to send and to record.
    expect(steps.length).toBeGreaterThanOrEqual(6);
    for (const step of steps) {
      let life: Life;
      let lived = 0;
      do {
        life = await newLife();
        await bed.plan(step);
        await live(life);
        lived += 1;
        // On a busy machine a call may run into its time-out, and the life takes another road.
      } while (!(await bed.wasKilled()) && lived < 3);
      expect(
        await bed.wasKilled(),
        `nobody was killed at ${step}, but these came: ${(await bed.stepsTaken()).join('; ')}`,
      ).toBe(true);
      await recover(life, name.includes('webhook') || name.includes('paused'));
      expect(await statuses(life), `killed at: ${step}`).toEqual(['success']);
      const arrivals = received.filter(
        ({ eventId, replay }) => eventId === life.eventId && replay === life.plan?.toString(),
      );
      expect(arrivals.length, `killed at: ${step}`).toBeGreaterThanOrEqual(1);
    }
    console.log(`an event that is ${name}: killed at each of its ${steps.length} steps`);
  }, 300_000);
});
