import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { COMPRESSIONS, type Compression } from '../../src/contracts/compression.ts';
import type { Filter } from '../../src/contracts/filters.ts';
import { compileFilter } from '../../src/server/deliver/filters/compile.ts';
import {
  mintReadToken,
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { patiently } from './patiently.ts';
import { createRandom, type Random } from './random.ts';
import { pause, type Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

/** What is looked at of an event: columns only, so that the account needs no SQL of ours to say what matches. */
interface EventRow {
  id: string;
  type: string;
  stage: string;
  status: string;
  channel: string;
  effect: 'applied' | 'superseded';
  report_id: string;
  position: number;
  settings_revision: number | null;
  erased: boolean;
  report_is_gone: boolean;
}

/** Settings, and the same said in TypeScript. */
interface Choice {
  events: Record<string, string[] | boolean>;
  filter: Filter | null;
  takes: (event: EventRow) => boolean;
}
const applied = ({ effect }: EventRow) => effect === 'applied';
/** A deletion goes to whoever may have heard of the report before, whatever stage and filter say. */
const isDeletion = ({ type }: EventRow) => type === 'report.deleted';
const CHOICES: readonly Choice[] = [
  { events: {}, filter: null, takes: applied },
  {
    events: { stages: ['final'] },
    filter: null,
    takes: (event) => applied(event) && (event.stage === 'final' || isDeletion(event)),
  },
  { events: { superseded: true }, filter: null, takes: () => true },
  {
    events: { types: ['report.final.completed', 'report.deleted'] },
    filter: null,
    takes: (event) => applied(event) && ['report.final.completed', 'report.deleted'].includes(event.type),
  },
  {
    events: {},
    filter: { not: { exact: { channel: 'direct' } } },
    takes: (event) => applied(event) && (event.channel !== 'direct' || isDeletion(event)),
  },
  {
    events: {},
    filter: { all: [{ suffix: { type: '.completed' } }, { exact: { stage: 'prelim' } }] },
    takes: (event) =>
      applied(event) &&
      ((event.type.endsWith('.completed') && event.stage === 'prelim') || isDeletion(event)),
  },
];

type Manner = 'well' | 'slow' | 'fails' | 'busy' | 'hangs' | 'redirects' | 'resets' | 'nonsense' | 'refuses';
const MANNERS: readonly Manner[] = [
  ...Array<Manner>(8).fill('well'),
  'slow',
  'fails',
  'busy',
  'hangs',
  'redirects',
  'resets',
  'nonsense',
  'refuses',
];

interface Subscriber {
  id: string;
  path: string;
  secrets: string[];
  mode: 'every' | 'latest';
  body: 'full' | 'thin';
  compression: Compression;
  formatVersion: number;
  rate: number | null;
  manner: Manner;
  /** By revision: what it takes from then on. Null: nothing yet. */
  revisions: Map<number, Choice | null>;
  /** It began with past events. */
  startsInThePast: boolean;
}

interface Arrival {
  subscriber: Subscriber;
  eventId: string;
  position: number;
  isFirstDelivery: boolean;
  isAccepted: boolean;
}

export interface Subscribers {
  kinds: Record<string, Happening>;
  /** From now on all behave, and whatever was given up is redriven. */
  calm(): Promise<void>;
  /** Says what became of every matching pair. */
  account(): Promise<{ faults: string[]; figures: [string, number][] }>;
  stop(): Promise<void>;
}

/** Other systems that hear of results, on one local server: each behaves in turns well and badly. */
export async function startSubscribers(
  system: ChaosSystem,
  seed: number,
  count: number,
): Promise<Subscribers> {
  const random = createRandom(seed, 'subscribers');
  const byPath = new Map<string, Subscriber>();
  const arrivals: Arrival[] = [];
  let strange = 0;
  const server = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // It listens on a port.
  const { port } = server.address() as AddressInfo;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const subscriber = byPath.get(request.url ?? '');
    const text = Buffer.concat(chunks).toString();
    const { headers } = request;
    if (subscriber === undefined || !isSigned(subscriber, text, headers)) {
      strange += subscriber === undefined ? 1 : 0;
      response.writeHead(401).end();
      return;
    }
    const arrival: Arrival = {
      subscriber,
      eventId: String(headers['webhook-id']),
      position: Number(headers['polaris-position']),
      isFirstDelivery: headers['polaris-replay'] === undefined && headers['polaris-redrive'] === undefined,
      isAccepted: false,
    };
    arrivals.push(arrival);
    switch (subscriber.manner) {
      case 'slow':
        await sleep(300);
        break;
      case 'fails':
        response.writeHead(500).end('broken');
        return;
      case 'busy':
        response.writeHead(503, { 'retry-after': '1' }).end();
        return;
      case 'hangs':
        return;
      case 'redirects':
        response.writeHead(302, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
        return;
      case 'resets':
        response.destroy();
        return;
      case 'refuses':
        response.writeHead(400).end('{"code":"invalid_body"}');
        return;
      case 'nonsense':
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(Buffer.alloc(64 * 1024, 'x'));
        arrival.isAccepted = true;
        return;
      case 'well':
        break;
    }
    arrival.isAccepted = true;
    response.writeHead(204).end();
  }

  const { endpointKeys } = system;
  const keys = parseEndpointKeys(endpointKeys);
  async function add(name: string, startAt: string | null): Promise<Subscriber> {
    const subscriber: Subscriber = {
      id: `ep-${name}`,
      path: `/${name}`,
      secrets: [mintSecret()],
      mode: startAt === null && random.fraction() < 0.25 ? 'latest' : 'every',
      body: random.fraction() < 0.3 ? 'thin' : 'full',
      compression: random.pick(COMPRESSIONS),
      formatVersion: random.whole(0, 2),
      rate: random.fraction() < 0.2 ? 30 : null,
      manner: 'well',
      revisions: new Map(),
      startsInThePast: startAt !== null,
    };
    byPath.set(subscriber.path, subscriber);
    const choice = random.pick(CHOICES);
    const settings = settingsOf(subscriber, choice, port);
    await system.sql`
      select public.create_endpoint(
        ${randomUUID()}, ${system.sql.json(settings)}, ${subscriber.id},
        ${sealSecret(keys, subscriber.id, subscriber.secrets[0] ?? '')}, ${mintReadToken().sha256}, 'chaos',
        ${choice.filter && compileFilter(choice.filter)}, ${startAt})`;
    const [begun] = await system.sql`
      select public.begin_endpoint_check(${subscriber.id}, ${subscriber.id}, 'chaos') ->> 'check_id' as id`;
    await system.sql`select public.record_endpoint_check(${begun?.['id'] as string}, true, '[]')`;
    const rows = await system.sql`
      select id::int, takes_events from private.endpoint_revisions where endpoint_id = ${subscriber.id} order by id`;
    for (const { id, takes_events } of rows) {
      subscriber.revisions.set(id as number, takes_events === true || startAt !== null ? choice : null);
    }
    return subscriber;
  }
  const everyone: Subscriber[] = [];
  for (let number = 0; number < count; number += 1) everyone.push(await add(`${number}`, null));

  let isCalm = false;
  const moods = startMoods(random, everyone, () => isCalm);
  const move = (subscriber: Subscriber, state: 'paused' | 'active') =>
    system.sql`select public.move_endpoint(${subscriber.id}, ${state}, 'chaos')`;

  const kinds: Record<string, Happening> = {
    'subscribers paused for a while': async (ended) => {
      const subscriber = random.pick(everyone);
      await move(subscriber, 'paused');
      try {
        await pause(random.whole(2_000, 6_000), ended);
      } finally {
        await patiently(() => move(subscriber, 'active'));
      }
      return 1;
    },
    'settings of subscribers changed': async () => {
      // Of one that starts in the past, nobody could say which events its plan had brought by which settings.
      const subscriber = random.pick(everyone.filter(({ startsInThePast }) => !startsInThePast));
      const choice = random.pick(CHOICES);
      const [answer] = await system.sql`
        select public.change_endpoint(
          ${subscriber.id}, (select id from private.endpoint_revisions where endpoint_id = ${subscriber.id} and superseded_by is null),
          ${system.sql.json(settingsOf(subscriber, choice, port))}, 'changed', 'chaos', ${choice.filter && compileFilter(choice.filter)}
        ) as answer`;
      const { outcome, endpoint } = answer?.['answer'] as { outcome: string; endpoint: { revision: number } };
      if (outcome !== 'changed') return 0;
      subscriber.revisions.set(endpoint.revision, choice);
      return 1;
    },
    'secrets of subscribers replaced': async () => {
      const subscriber = random.pick(everyone);
      const secret = mintSecret();
      // Known before it is used: what is signed meanwhile has the one before it too.
      subscriber.secrets.push(secret);
      await system.sql`
        select public.replace_endpoint_secret(${subscriber.id}, ${sealSecret(keys, subscriber.id, secret)}, 60, 'chaos')`;
      return 1;
    },
    'subscribers gone (410) and resumed': async (ended) => {
      const subscriber = random.pick(everyone);
      await patiently(
        () => system.sql`
        select private.set_subscriber_state(${subscriber.id}, 'paused', 'gone', 'chaos')`,
      );
      await pause(2_000, ended);
      await patiently(() => move(subscriber, 'active'));
      return 1;
    },
    'subscribers that start in the past': async () => {
      everyone.push(await add(`late-${everyone.length}`, new Date(Date.now() - 3_600_000).toISOString()));
      return 1;
    },
    replays: async () => {
      const subscriber = random.pick(everyone);
      const [answer] = await system.sql`
        select public.request_plan(${randomUUID()}, 'replay', 'chaos', 'chaos',
          ${system.sql.json({ endpoint_ids: [subscriber.id] })}, 'chaos') -> 'plan' ->> 'id' as id`;
      await system.sql`select public.apply_plan(${answer?.['id'] as number}, 'chaos')`;
      return 1;
    },
  };

  return {
    kinds,
    async calm() {
      isCalm = true;
      for (const subscriber of everyone) {
        subscriber.manner = 'well';
        await patiently(() => move(subscriber, 'active'));
      }
      await patiently(() => system.sql`select public.redrive_deliveries('{}', 'chaos', 100000)`);
    },
    async account() {
      const result = await drawAccount(system, everyone, arrivals);
      if (strange > 0) result.faults.push(`${strange} requests went to no subscriber`);
      return result;
    },
    async stop() {
      isCalm = true;
      await moods;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function settingsOf(subscriber: Subscriber, { events, filter }: Choice, port: number) {
  return {
    url: `http://127.0.0.1:${port}${subscriber.path}`,
    description: `chaos ${randomUUID()}`,
    events,
    // A filter is JSON.
    filter: filter as never,
    format_version: subscriber.formatVersion,
    body: subscriber.body,
    mode: subscriber.mode,
    rate_per_second: subscriber.rate,
    compression: subscriber.compression,
  };
}

function isSigned(subscriber: Subscriber, text: string, headers: IncomingMessage['headers']): boolean {
  return subscriber.secrets.some((secret) => {
    try {
      new Webhook(secret).verify(text, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  });
}

/** Each behaves in its manner for a while, then in another. */
async function startMoods(
  random: Random,
  everyone: readonly Subscriber[],
  isCalm: () => boolean,
): Promise<void> {
  while (!isCalm()) {
    await sleep(300);
    if (isCalm()) break;
    random.pick(everyone).manner = random.pick(MANNERS);
  }
}

interface DeliveryRow {
  endpoint_id: string;
  event_id: string;
  plan: number;
  status: string;
  dead_reason: string | null;
  has_later: boolean;
}

async function drawAccount(
  system: ChaosSystem,
  everyone: readonly Subscriber[],
  arrivals: readonly Arrival[],
): Promise<{ faults: string[]; figures: [string, number][] }> {
  const faults: string[] = [];
  const events = await system.sql<EventRow[]>`
    select event.id, event.type, event.stage, event.status, event.channel, event.effect, event.report_id,
      event.position::int, event.settings_revision::int, event.erased_at is not null as erased, report.id is null as report_is_gone
    from public.report_events event left join public.org_reports report on report.id = event.report_id
    where event.effect is not null and event.channel <> 'import' and not event.bulk`;
  const deliveries = await system.sql<DeliveryRow[]>`
    select endpoint_id, event_id, plan, status, dead_reason, exists (
      select from public.webhook_deliveries later
      where later.endpoint_id = delivery.endpoint_id and later.report_id = delivery.report_id and later.plan = 0
        and later.position > delivery.position) as has_later
    from public.webhook_deliveries delivery where position is not null`;
  // They come first: one of them explains hundreds of pairs.
  const plans = await system.sql<
    { id: number; kind: string; endpoint: string; status: string; error: string }[]
  >`
    select id, kind, status, coalesce(filter ->> 'endpoint_id', filter ->> 'endpoint_ids') as endpoint, coalesce(last_error, '') as error
    from public.plans where kind in ('replay', 'start') and status <> 'done'`;
  for (const { id, kind, endpoint, status, error } of plans) {
    faults.push(`plan ${id}, a ${kind} of ${endpoint}, is ${status}: ${error}`);
  }
  const byPair = Map.groupBy(deliveries, ({ endpoint_id, event_id }) => `${endpoint_id} ${event_id}`);
  const accepted = new Set(
    arrivals
      .filter(({ isAccepted }) => isAccepted)
      .map(({ subscriber, eventId }) => `${subscriber.id} ${eventId}`),
  );
  const byEvent = new Map(events.map((event) => [event.id, event]));
  let matching = 0;
  let confirmed = 0;
  let explained = 0;
  for (const subscriber of everyone) {
    for (const event of events) {
      const pair = `${subscriber.id} ${event.id}`;
      const all = byPair.get(pair) ?? [];
      const first = subscriber.startsInThePast ? all : all.filter(({ plan }) => plan === 0);
      const takes = choiceFor(subscriber, event)?.takes(event) ?? false;
      if (!takes) {
        if (first.length > 0 && !subscriber.startsInThePast) faults.push(`${pair}: nobody asked for it`);
        continue;
      }
      // What was erased before a start in the past is not sent.
      if (first.length === 0 && subscriber.startsInThePast && event.erased) continue;
      matching += 1;
      const [delivery] = first;
      if (delivery === undefined || (first.length > 1 && !subscriber.startsInThePast)) {
        faults.push(`${pair}: ${first.length} deliveries`);
      } else if (first.some(({ status }) => status === 'success') && accepted.has(pair)) {
        confirmed += 1;
      } else if (isExplained(subscriber, event, delivery)) {
        explained += 1;
      } else {
        faults.push(
          `${pair}: ${delivery.status} ${delivery.dead_reason ?? ''}, ${accepted.has(pair) ? '' : 'not '}accepted`,
        );
      }
    }
  }
  let disordered = 0;
  const last = new Map<string, number>();
  for (const { subscriber, eventId, position, isFirstDelivery } of arrivals) {
    const event = byEvent.get(eventId);
    if (event === undefined || !isFirstDelivery) continue;
    const report = `${subscriber.id} ${event.report_id}`;
    const before = last.get(report) ?? 0;
    if (position < before) {
      disordered += 1;
      faults.push(`${subscriber.id}: position ${position} of ${event.report_id} came after ${before}`);
    }
    last.set(report, Math.max(before, position));
    if (position !== event.position)
      faults.push(`${subscriber.id} ${eventId}: position ${position}, not ${event.position}`);
  }
  return {
    faults,
    figures: [
      ['pairs of subscribers and events that match', matching],
      ['of them confirmed', confirmed],
      ['of them explained', explained],
      ['out of order', disordered],
      ['requests to subscribers', arrivals.length],
      ['of them not accepted', arrivals.filter(({ isAccepted }) => !isAccepted).length],
    ],
  };
}

/** The newest of its revisions that the event has seen. */
function choiceFor(subscriber: Subscriber, event: EventRow): Choice | null {
  // Whatever is not live comes from its plan, by the settings that are in force then: they do not change meanwhile.
  if (subscriber.startsInThePast) return [...subscriber.revisions.values()].at(-1) ?? null;
  const seen = [...subscriber.revisions.keys()].filter((id) => id <= (event.settings_revision ?? 0));
  return subscriber.revisions.get(Math.max(...seen)) ?? null;
}

function isExplained(subscriber: Subscriber, event: EventRow, delivery: DeliveryRow): boolean {
  switch (delivery.status) {
    case 'superseded':
      return event.erased || (subscriber.mode === 'latest' && delivery.has_later);
    case 'cancelled':
      return event.erased || event.report_is_gone;
    default:
      return false;
  }
}
