import type { AlertEvent } from '../../src/contracts/alerts.ts';
import { PROBLEMS } from '../../src/contracts/problem.ts';
import { OUTSIDE_WATCH, type Bed } from './bed.ts';
import type { Drill, Promised } from './drill.ts';
import type { Behaviour } from './gate.ts';

const ENDPOINT = 'final-report';
/** The number of attempts that the rules need, even if a failed attempt has no quick retry. */
const RESULTS = 10;

/** Fires when the readings have been bad for a minute; a sweep comes once a minute. */
const successRate: Promised = {
  rule: 'success_rate',
  subject: ENDPOINT,
  withinMinutes: 3,
  // The circuit closes with the first answered probe. If it was not open, failed attempts count for five minutes.
  resolvedWithinMinutes: 9,
  fault: atLeast('attempts', RESULTS),
};

function atLeast(fact: string, least: number): (alert: AlertEvent['data']) => string | undefined {
  return ({ facts, affected }) =>
    Number(facts[fact]) >= least && affected > 0 ? undefined : `${fact} is not ${least} or more`;
}

/** An outage of one endpoint, which fails in the given way. */
function outage(name: string, fault: string, behaviour: Behaviour): Drill {
  return {
    name,
    fault,
    alerts: [successRate],
    break: breakRoad(behaviour, ENDPOINT),
    work: results(RESULTS),
  };
}

function breakRoad(behaviour: Behaviour, path: string): Drill['break'] {
  return async ({ road }) => {
    await road.behave(behaviour, path);
    return () => road.behave({ kind: 'pass' }, '/');
  };
}

function results(count: number): (bed: Bed) => Promise<void> {
  return async (bed) => {
    await bed.run(count, 'final');
  };
}

/** Moves the clock from slot to slot. */
async function untilDead(bed: Bed): Promise<void> {
  for (;;) {
    const [open] = await bed.editor<{ seconds: number }[]>`
      select ceil(extract(epoch from next_attempt - now()))::int as seconds from public.webhook_deliveries
      where status not in ('success', 'superseded', 'cancelled') and dead_at is null`;
    if (open === undefined) return;
    await bed.pass(Math.max(open.seconds, 1) + 1);
  }
}

export const ROAD_DRILLS: readonly Drill[] = [
  outage('endpoint-down', 'connections to one webhook endpoint are reset', { kind: 'reset' }),
  {
    name: 'endpoint-stays-down',
    fault: 'one webhook endpoint is down for more than ten minutes',
    alerts: [
      {
        rule: 'circuit_open',
        subject: ENDPOINT,
        withinMinutes: 12,
        resolvedWithinMinutes: 4,
        // One of them is being sent, as the probe.
        fault: atLeast('waiting', RESULTS - 1),
      },
      {
        rule: 'queue_age',
        subject: ENDPOINT,
        withinMinutes: 12,
        // The slot of one hour plus a fifth, and two sweeps.
        resolvedWithinMinutes: 75,
        fault: atLeast('waiting', RESULTS - 1),
      },
    ],
    also: ['success_rate'],
    break: breakRoad({ kind: 'answer', status: 502 }, ENDPOINT),
    work: results(RESULTS),
  },
  outage('endpoint-hangs', 'one webhook endpoint does not answer', { kind: 'hang' }),
  outage('answer-broken', 'the answers of one webhook endpoint end half-way', { kind: 'break' }),
  outage('proxy-asks', 'a proxy before one webhook endpoint asks for credentials', {
    kind: 'answer',
    status: 407,
  }),
  outage('endpoint-busy', 'one webhook endpoint answers 503 with Retry-After', {
    kind: 'answer',
    status: 503,
    headers: { 'retry-after': '60' },
  }),
  {
    name: 'queue-full',
    fault: 'more results than usual come while one webhook endpoint is down',
    alerts: [
      {
        rule: 'queue_depth',
        subject: ENDPOINT,
        withinMinutes: 3,
        resolvedWithinMinutes: 4,
        fault: atLeast('waiting', 101),
      },
    ],
    also: ['success_rate'],
    break: breakRoad({ kind: 'answer', status: 502 }, ENDPOINT),
    work: results(105),
  },
  {
    name: 'endpoint-slow',
    fault: 'one webhook endpoint takes 2.5 s for each answer',
    alerts: [
      {
        rule: 'latency',
        subject: ENDPOINT,
        withinMinutes: 4,
        // The slow attempts count for five minutes.
        resolvedWithinMinutes: 9,
        fault: ({ value }) => (value >= 2500 ? undefined : 'it took longer'),
      },
    ],
    break: breakRoad({ kind: 'delay', ms: 2500 }, ENDPOINT),
    work: results(RESULTS),
  },
  {
    name: 'dead-letter',
    fault: 'a delivery fails in each slot of its schedule',
    alerts: [
      {
        rule: 'dead_letters',
        subject: ENDPOINT,
        // The sum of all slots, each a fifth longer, is 37 h 33 min.
        withinMinutes: 38 * 60,
        // Dead letters count for 15 minutes.
        resolvedWithinMinutes: 18,
        fault: ({ affected, facts }) =>
          affected === 1 && Array.isArray(facts['event_ids']) && facts['event_ids'].length === 1
            ? undefined
            : 'it does not name the event',
      },
    ],
    also: ['queue_age'],
    workUnbroken: results(1),
    quietMinutes: 20,
    break: async (bed) => {
      await bed.road.behave({ kind: 'answer', status: 502 }, ENDPOINT);
      await bed.run(1, 'final');
      await untilDead(bed);
      return () => bed.road.behave({ kind: 'pass' }, '/');
    },
  },
  {
    name: 'endpoint-refuses',
    fault: 'a webhook endpoint answers that it can never accept an event',
    alerts: [
      {
        rule: 'dead_letters',
        subject: ENDPOINT,
        withinMinutes: 2,
        // Dead letters count for 15 minutes.
        resolvedWithinMinutes: 18,
        fault: ({ facts }) => (facts['refused'] === 1 ? undefined : 'it does not say that it was refused'),
      },
    ],
    break: breakRoad(
      { kind: 'answer', status: PROBLEMS.event_conflict.status, body: '{"code":"event_conflict"}' },
      ENDPOINT,
    ),
    work: results(1),
  },
  {
    name: 'database-away',
    fault: 'the REST layer of the database answers 503',
    alerts: [{ rule: OUTSIDE_WATCH, subject: '', withinMinutes: 7, resolvedWithinMinutes: 2 }],
    // A request may come before the first sweep.
    also: ['no_sweep'],
    break: async ({ database }) => {
      await database.behave({ kind: 'answer', status: 503 }, '/');
      return () => database.behave({ kind: 'pass' }, '/');
    },
  },
  {
    name: 'road-cut',
    fault: 'the address in WEBHOOK_BASE_URL cannot be reached, and no report comes',
    alerts: [
      {
        rule: 'ping_failing',
        subject: /^127\.0\.0\.1:\d+$/,
        withinMinutes: 12,
        resolvedWithinMinutes: 8,
        fault: ({ value }) => (value === 2 ? undefined : 'two pings failed'),
      },
    ],
    break: breakRoad({ kind: 'refuse' }, '/'),
  },
  {
    name: 'road-slow',
    fault: 'the address in WEBHOOK_BASE_URL answers after 2.5 s, and no report comes',
    alerts: [
      {
        rule: 'ping_slow',
        subject: /^127\.0\.0\.1:\d+$/,
        withinMinutes: 12,
        resolvedWithinMinutes: 8,
        fault: ({ value }) => (value >= 2500 ? undefined : 'it took longer'),
      },
    ],
    break: breakRoad({ kind: 'delay', ms: 2500 }, '/api/ping'),
  },
];
