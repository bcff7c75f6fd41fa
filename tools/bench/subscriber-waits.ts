import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { functionEnv } from '../local/function-env.ts';
import { addReports, startGround } from './bed.ts';
import { quantile } from './measure.ts';
import { newEvent, postEvent } from './sender.ts';

const WARM_EVENTS = 100;
/** The scenes alternate, so that other work on the machine affects all of them alike. */
const ROUNDS = 12;
const EVENTS_A_ROUND = 50;
/** The first of each scene meet what the change of scenes leaves to do. */
const SETTLING_EVENTS = 5;
const PAUSE_MS = 100;
const BACKLOG = 100_000;

/** Durations of an event in milliseconds: until its webhook is answered, and until the quiet subscriber has received it. */
interface Times {
  answered: number[];
  arrived: number[];
}

interface Scene {
  name: string;
  /** The subscriber that is active in this scene only. */
  beside?: string;
  /** Whether the quiet subscriber rejects the events of one report. */
  refused?: boolean;
}

/**
 * The second half of `npm run bench -- subscribers`: how long a subscriber with few events waits for them, alone and beside
 * other subscribers that are busy, that hang, or that reject the events of one report.
 * @returns whether the goals were reached
 */
export async function benchSubscriberWaits(
  signal: AbortSignal,
  step: (text: string) => void,
): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await startGround(step));
  const { sql, secrets, supabaseUrl } = ground;
  const env = functionEnv({ ...secrets, url: supabaseUrl }, secrets);
  const host = await ground.host(['api/webhooks/prelim-report.ts', 'api/cron/sweep.ts']);
  const { url } = host.state();

  const arrivals = new Map<string, () => void>();
  const poisoned = new Set<string>();
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const id = String(request.headers['webhook-id']);
      if (request.url === '/hangs') return;
      if (request.url === '/quiet') {
        if (poisoned.has(id)) {
          response.writeHead(500).end();
          return;
        }
        arrivals.get(id)?.();
      }
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  // Safe: a server that listens on a port has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const add = (path: string, events: object) =>
    addSubscriber(sql, env['ENDPOINT_SECRETS_KEY'] ?? '', `http://127.0.0.1:${port}/${path}`, events);

  async function measure(reports: readonly string[], events: number, waits: boolean): Promise<Times> {
    const times: Times = { answered: [], arrived: [] };
    for (let count = 0; count < events; count += 1) {
      signal.throwIfAborted();
      const event = newEvent(reports, 6 * 1024);
      const { promise, resolve } = Promise.withResolvers<undefined>();
      arrivals.set(event.id, () => resolve(undefined));
      const begun = performance.now();
      await postEvent(url, secrets.webhookSecret, event, 'applied');
      times.answered.push(performance.now() - begun);
      if (waits) {
        await promise;
        times.arrived.push(performance.now() - begun);
      }
      await sleep(PAUSE_MS);
    }
    return times;
  }

  const reports = await addReports(sql, 64);
  step('warming up');
  await measure(reports, WARM_EVENTS, false);

  const without: number[] = [];
  const with20: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    step(`webhooks without and with 20 subscribers: round ${round + 1} of ${ROUNDS}`);
    without.push(...(await measure(reports, EVENTS_A_ROUND, false)).answered);
    const added: string[] = [];
    for (let count = 0; count < 20; count += 1) added.push(await add('other', {}));
    await measure(reports, SETTLING_EVENTS, false);
    with20.push(...(await measure(reports, EVENTS_A_ROUND, false)).answered);
    for (const id of added) await sql`select public.move_endpoint(${id}, 'removed', 'bench')`;
    await untilNothingIsSent(sql, signal);
    await measure(reports, SETTLING_EVENTS, false);
  }

  const quiet = await add('quiet', {});
  const busy = await add('busy', { types: ['report.deleted'] });
  await backlog(sql, busy);
  const hanging = await add('hangs', {});
  const move = (id: string, state: string) => sql`select public.move_endpoint(${id}, ${state}, 'bench')`;
  await move(busy, 'paused');
  await move(hanging, 'paused');

  /** In every scene a second report has events too, which the quiet subscriber accepts, or rejects if `refused` is set. */
  async function scene({ beside, refused }: Scene): Promise<Times> {
    const [other = ''] = await addReports(sql, 1);
    if (beside) await move(beside, 'active');
    const sending = (async () => {
      for (let count = 0; count < EVENTS_A_ROUND / 5; count += 1) {
        const event = newEvent([other], 6 * 1024);
        if (refused) poisoned.add(event.id);
        await postEvent(url, secrets.webhookSecret, event, 'applied');
        await sleep(5 * PAUSE_MS);
      }
    })();
    await measure(reports, SETTLING_EVENTS, true);
    const times = await measure(reports, EVENTS_A_ROUND, true);
    await sending;
    if (beside) await move(beside, 'paused');
    poisoned.clear();
    await untilNothingIsSent(sql, signal);
    return times;
  }
  const scenes: Scene[] = [
    { name: 'alone' },
    { name: `beside ${BACKLOG} that wait for another`, beside: busy },
    { name: 'beside one that hangs', beside: hanging },
    { name: 'beside a report whose events fail', refused: true },
  ];
  const arrived = scenes.map((): number[] => []);
  const stop = keepSweeping(url, secrets.cronSecret);
  for (let round = 0; round < ROUNDS; round += 1) {
    step(`round ${round + 1} of ${ROUNDS}`);
    for (let turn = 0; turn < scenes.length; turn += 1) {
      const index = (turn + round) % scenes.length;
      const times = await scene(scenes[index] ?? { name: '' });
      arrived[index]?.push(...times.arrived);
    }
  }
  await stop();

  const [kept] = await sql`
    select count(*)::int as count from public.webhook_deliveries where endpoint_id = ${quiet} and status = 'success'`;
  step(`${String(kept?.['count'])} deliveries to the quiet subscriber are confirmed`);

  const p = (values: readonly number[], share: number) =>
    quantile(
      [...values].sort((one, other) => one - other),
      share,
    );
  console.log('\nuntil the quiet subscriber has an event, ms       p50       p99');
  scenes.forEach(({ name }, index) => {
    const times = arrived[index] ?? [];
    console.log(
      `${name.padEnd(45)}${p(times, 0.5).toFixed(1).padStart(9)}${p(times, 0.99).toFixed(1).padStart(10)}`,
    );
  });
  console.log(`webhooks without subscribers, p50: ${p(without, 0.5).toFixed(2)} ms`);
  const [alone = [], besideBusy = [], besideHanging = [], besidePoison = []] = arrived;
  const goals: [string, number, number][] = [
    ['p99 beside a backlog, of p99 alone', p(besideBusy, 0.99) / p(alone, 0.99), 1.2],
    ['p99 beside one that hangs, of p99 alone', p(besideHanging, 0.99) / p(alone, 0.99), 1.2],
    ['p99 beside a poisoned report, of p99 alone', p(besidePoison, 0.99) / p(alone, 0.99), 1.1],
    ['p50 of a webhook with 20 subscribers, of p50 without', p(with20, 0.5) / p(without, 0.5), 1.1],
  ];
  for (const [name, value, goal] of goals) {
    console.log(`${value <= goal ? 'reached' : 'MISSED '}  ${name}: ${value.toFixed(2)} (goal ${goal})`);
  }
  return goals.every(([, value, goal]) => value <= goal);
}

async function addSubscriber(sql: postgres.Sql, keys: string, url: string, events: object): Promise<string> {
  const id = `ep-${randomUUID().slice(0, 18)}`;
  const settings = {
    url,
    description: 'bench',
    events,
    filter: null,
    format_version: 2,
    body: 'full',
    mode: 'every',
    rate_per_second: null,
    compression: 'none',
  };
  await sql`
    select public.create_endpoint(
      ${randomUUID()}, ${sql.json(settings as postgres.JSONValue)}, ${id},
      ${sealSecret(parseEndpointKeys(keys), id, mintSecret())}, ${randomUUID()}, 'bench')`;
  const [begun] = await sql`select public.begin_endpoint_check(${id}, ${id}, 'bench') ->> 'check_id' as id`;
  await sql`select public.record_endpoint_check(${begun?.['id'] as string}, true, '[]')`;
  await sql`update private.subscribers set limited_at = now() - interval '1 hour' where endpoint_id = ${id}`;
  return id;
}

/** A scene's last calls, which may hang until they time out, would run into the next one. */
async function untilNothingIsSent(sql: postgres.Sql, signal: AbortSignal): Promise<void> {
  for (let quiet = 0; quiet < 5;) {
    signal.throwIfAborted();
    const [sent] = await sql`
      select exists (
        select from public.webhook_deliveries where lease_expires_at > now() and status <> 'success') as sent`;
    quiet = sent?.['sent'] === true ? 0 : quiet + 1;
    await sleep(200);
  }
}

/** Inserts the deliveries that fan-out would make, one event per report. */
async function backlog(sql: postgres.Sql, endpointId: string): Promise<void> {
  await sql`
    insert into public.report_events (
      id, type, report_type, report_id, stage, requested_at, digest, channel, effect, position, applied_at)
    select 'waiting-' || number, 'report.prelim.completed', 'org', gen_random_uuid(), 'prelim', now(), 'none', 'import', 'applied', 1,
      now()
    from generate_series(1, ${BACKLOG}) number`;
  await sql`
    insert into private.report_contents (event_id, research_report, research_metadata)
    select id, repeat('text ', 1000), '{}' from public.report_events where id like 'waiting-%'`;
  await sql`
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, position, format_version, created_xid)
    select id, ${endpointId}, 'org', report_id, 1, 2, pg_current_xact_id() from public.report_events where id like 'waiting-%'`;
  await sql`vacuum analyze public.webhook_deliveries`;
}

/** Runs sweeps one after the other with a pause of one second. */
function keepSweeping(url: string, cronSecret: string): () => Promise<void> {
  const ended = new AbortController();
  const running = (async () => {
    while (!ended.signal.aborted) {
      await fetch(`${url}/api/cron/sweep`, {
        headers: { authorization: `Bearer ${cronSecret}` },
        signal: ended.signal,
      }).then(
        (response) => response.text(),
        () => undefined,
      );
      await sleep(1000, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  return async () => {
    ended.abort();
    await running;
  };
}
