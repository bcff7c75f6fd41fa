import { plural } from './format.ts';
import { STATUS_COUNTED, type ConsoleStatus, type EndpointStatus } from '../../contracts/console-status.ts';
import { internalEndpoint } from '../../contracts/endpoints.ts';
import { THRESHOLDS } from '../../contracts/console-statistics.ts';

/** A time in a sentence is shown as a distance. */
export type Part = string | { at: string };

interface Verdict {
  tone: 'good' | 'warn' | 'bad';
  /** What it is, and since when. */
  title: Part[];
  /** What waits, and what happens next: a sentence each. */
  details: Part[][];
  /** Where the rows behind it are. */
  href: string | null;
}

export const ALERTS_HREF = '/alerts';

/** Sweeps come every minute: one that is this late is missing. */
export const SWEEP_MS = 3 * 60_000;

/** Whether results arrive, worst first: an endpoint that is down, alerts, one that fails at times, what nobody works at. */
export function verdictOf({ endpoints, ...rest }: ConsoleStatus): Verdict {
  // Whether we work: how each subscriber stands is said by its own view and alerts.
  const status = {
    ...rest,
    endpoints: endpoints.filter(({ endpoint_id }) => internalEndpoint.safeParse(endpoint_id).success),
  };
  const alerts = firingAlerts(status);
  const verdicts = [
    ...status.endpoints.filter(isDown).map(downOf),
    ...noSweep(status),
    ...alerts.filter(({ tone }) => tone === 'bad'),
    ...status.endpoints.filter((each) => !isDown(each) && failsAtTimes(each)).map(shakyOf),
    ...overdueJobs(status),
    ...deadLetters(status),
    ...alerts.filter(({ tone }) => tone === 'warn'),
  ];
  const [first, ...others] = verdicts;
  if (first === undefined) return healthy(status);
  return { ...first, details: [...first.details, ...others.map(({ title }) => [...title, '.'])] };
}

function isDown({ circuit, last_success, last_failure }: EndpointStatus): boolean {
  if (circuit !== 'closed') return true;
  return (
    last_failure !== null && (last_success === null || Date.parse(last_failure) > Date.parse(last_success))
  );
}

function downOf(endpoint: EndpointStatus): Verdict {
  const { endpoint_id, circuit, opened_at, failing_since, last_success, last_failure } = endpoint;
  const since =
    failing_since !== null
      ? timeOf(', first failure ', failing_since)
      : opened_at !== null
        ? timeOf(', circuit opened ', opened_at)
        : timeOf(', last failure ', last_failure);
  return {
    tone: 'bad',
    title: [`${endpoint_id} is ${circuit === 'closed' ? 'failing' : 'down'}`, ...since],
    details: [
      last_success === null ? ['No success on record.'] : ['Last success ', { at: last_success }, '.'],
      endpoint.waiting === 0
        ? []
        : [
            `${countOf(endpoint.waiting, 'delivery waits', 'deliveries wait')}; every applied result is already in its report.`,
          ],
      nextOf(endpoint),
    ].filter((detail) => detail.length > 0),
    href: `/deliveries?${new URLSearchParams({ endpoint: endpoint_id }).toString()}`,
  };
}

function nextOf({ circuit, probe_after, next_attempt }: EndpointStatus): Part[] {
  if (circuit === 'half_open') return ['Next: the following delivery is the probe.'];
  if (circuit === 'open' && probe_after !== null) return ['Next: a probe ', { at: probe_after }, '.'];
  return next_attempt === null ? [] : ['Next attempt ', { at: next_attempt }, '.'];
}

function failsAtTimes({ recent, recent_failed }: EndpointStatus): boolean {
  return recent > 0 && 1 - recent_failed / recent < THRESHOLDS.successRate;
}

function shakyOf({ endpoint_id, recent, recent_failed }: EndpointStatus): Verdict {
  return {
    tone: 'warn',
    title: [`${recent_failed} of ${plural(recent, 'attempt')} to ${endpoint_id} failed in 5 minutes`],
    details: [['Failed attempts are retried on schedule.']],
    href: `/audit?${new URLSearchParams({ direction: 'out', outcome: 'failed', since: 'quarter' }).toString()}`,
  };
}

function noSweep({ last_sweep, as_of }: ConsoleStatus): Verdict[] {
  if (last_sweep !== null && Date.parse(as_of) - Date.parse(last_sweep) < SWEEP_MS) return [];
  return [
    {
      tone: 'bad',
      title: last_sweep === null ? ['No sweep has run yet'] : ['The last sweep ran ', { at: last_sweep }],
      details: [['Nothing is retried or taken over until the cron calls /api/cron/sweep again.']],
      href: null,
    },
  ];
}

function overdueJobs({ jobs: { overdue, oldest } }: ConsoleStatus): Verdict[] {
  if (overdue === 0) return [];
  return [
    {
      tone: 'warn',
      title: [
        countOf(overdue, 'job is overdue', 'jobs are overdue'),
        ...timeOf(overdue === 1 ? ': it was due ' : ': the oldest was due ', oldest),
      ],
      details: [['The next sweep takes them over.']],
      href: '/jobs?state=overdue',
    },
  ];
}

function deadLetters({ dead }: ConsoleStatus): Verdict[] {
  if (dead === 0) return [];
  return [
    {
      tone: 'warn',
      title: [countOf(dead, 'dead letter waits for an operator', 'dead letters wait for an operator')],
      details: [['Fix the cause, then redrive.']],
      href: '/deliveries?status=dead',
    },
  ];
}

function firingAlerts({ alerts: { firing } }: ConsoleStatus): Verdict[] {
  const [oldest] = [...firing].sort((a, b) => Date.parse(a.fired_at) - Date.parse(b.fired_at));
  if (oldest === undefined) return [];
  return [
    {
      tone: firing.some(({ severity }) => severity === 'critical') ? 'bad' : 'warn',
      title: [
        countOf(firing.length, 'alert is firing', 'alerts are firing'),
        ...timeOf(firing.length === 1 ? ': it fired ' : ': the oldest fired ', oldest.fired_at),
      ],
      details: [],
      href: ALERTS_HREF,
    },
  ];
}

function healthy({ endpoints }: ConsoleStatus): Verdict {
  const times = endpoints.flatMap(({ healthy_since }) => (healthy_since === null ? [] : [healthy_since]));
  const since = times.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
  const successes = endpoints.flatMap(({ last_success }) => (last_success === null ? [] : [last_success]));
  const last = successes.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
  const waiting = endpoints.reduce((sum, each) => sum + each.waiting, 0);
  if (last === undefined) {
    return { tone: 'good', title: ['Nothing has been sent yet'], details: [], href: null };
  }
  return {
    tone: 'good',
    title: ['Healthy', ...timeOf(', recovered ', since)],
    details: [
      ['Last success ', { at: last }, '.'],
      ...(waiting === 0
        ? []
        : [[`${countOf(waiting, 'delivery waits', 'deliveries wait')} for the next attempt.`]]),
    ],
    href: null,
  };
}

function timeOf(words: string, at: string | null): Part[] {
  return at === null ? [] : [words, { at }];
}

function countOf(count: number, one: string, many: string): string {
  return count > STATUS_COUNTED ? `More than ${plural(STATUS_COUNTED, one, many)}` : plural(count, one, many);
}
