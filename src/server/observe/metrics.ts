import { metricFacts, type MetricFacts } from '../../contracts/metrics.ts';
import type { Store } from '../store/store.ts';
import { bearerToken, isOneOf, type BearerKeys } from '../http/bearer.ts';
import { problem } from '../http/problem.ts';
import { CONTENT_TYPES, expose, formatFor, type Metric, type Sample } from './exposition.ts';

/** Bounds of the histogram, in seconds: from a fast webhook to the longest time-out. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];
const BUCKET_WIDTH = 1.05;

/** `GET /api/metrics` for a monitoring system. Without METRICS_TOKEN, nobody is accepted. */
export function createMetrics(
  services: () => Store & { metricsTokens: BearerKeys | null },
): (request: Request) => Promise<Response> {
  return async ({ headers }) => {
    const { rpc, metricsTokens } = services();
    const token = bearerToken(headers);
    if (token === null || metricsTokens === null || !isOneOf(token, metricsTokens)) {
      return problem('unauthorized');
    }
    const facts = await rpc('metrics', {}, metricFacts);
    const format = formatFor(headers.get('accept'));
    return new Response(expose(describe(facts), format), {
      headers: { 'content-type': CONTENT_TYPES[format], 'cache-control': 'no-store', vary: 'Accept' },
    });
  };
}

/**
 * Converts the facts to metrics. Labels have few values (endpoints, outcomes, states, roles), never an id of a report, job or
 * event.
 */
function describe(facts: MetricFacts): Metric[] {
  const byEndpoint = (value: (open: MetricFacts['deliveries'][number]) => number): Sample[] =>
    facts.deliveries.map((open) => ({ labels: { endpoint: open.endpoint_id }, value: value(open) }));
  return [
    counter(
      'polaris_webhook_requests',
      'Webhook calls by outcome: direction out is attempts of ours, in is requests received.',
      facts.counts.map(({ direction, endpoint_id, outcome, requests }) => ({
        labels: { direction, endpoint: endpoint_id, outcome },
        value: requests,
      })),
    ),
    {
      name: 'polaris_webhook_duration_seconds',
      type: 'histogram',
      help: 'Response times of webhook calls. Each is known to 5 percent.',
      samples: histograms(facts.latencies),
    },
    gauge(
      'polaris_webhook_success_ratio',
      'Share of the webhook calls of the last 15 minutes that succeeded. Absent where there was none.',
      facts.recent
        .filter(({ total }) => total > 0)
        .map(({ direction, endpoint_id, total, succeeded }) => ({
          labels: { direction, endpoint: endpoint_id },
          value: succeeded / total,
        })),
    ),
    gauge(
      'polaris_deliveries_waiting',
      'Deliveries that have not arrived yet, counted up to 10,000.',
      byEndpoint(({ waiting }) => waiting),
    ),
    gauge(
      'polaris_deliveries_failed',
      'Failed queue: deliveries whose last attempt failed and that will be tried again, of those that are counted as waiting.',
      byEndpoint(({ failed }) => failed),
    ),
    gauge(
      'polaris_deliveries_due',
      'Deliveries that the next sweep sends, counted up to 10,000.',
      byEndpoint(({ due }) => due),
    ),
    gauge(
      'polaris_dead_letters',
      'Deliveries that are not tried again until somebody redrives them.',
      byEndpoint(({ dead }) => dead),
    ),
    gauge(
      'polaris_delivery_oldest_seconds',
      'Age of the oldest delivery that is counted as waiting; 0 where none is.',
      byEndpoint(({ oldest_seconds }) => oldest_seconds),
    ),
    gauge(
      'polaris_circuit_open',
      'Whether the circuit of the endpoint is open or half-open.',
      byEndpoint(({ circuit_is_open }) => Number(circuit_is_open)),
    ),
    gauge('polaris_jobs', 'Jobs that have not finished.', [
      { labels: { status: 'queued' }, value: facts.jobs.queued },
      { labels: { status: 'running' }, value: facts.jobs.running },
    ]),
    gauge('polaris_jobs_overdue', 'Jobs whose runner is silent, or whose result did not come in time.', [
      { value: facts.jobs.overdue },
    ]),
    gauge('polaris_job_oldest_seconds', 'Age of the oldest job that has not finished; 0 where all have.', [
      { value: facts.jobs.oldest_seconds },
    ]),
    gauge(
      'polaris_jobs_finished_recently',
      'Jobs that finished in the last 15 minutes.',
      Object.entries(facts.finished_jobs).map(([status, value]) => ({ labels: { status }, value })),
    ),
    gauge('polaris_requests_refused_recently', 'Unverified requests of the last 15 minutes.', [
      { value: facts.refused },
    ]),
    counter(
      'polaris_heartbeats',
      'Signs of life: signed pings that arrived, and sweeps that the cron asked for.',
      facts.heartbeats.map(({ source, beats }) => ({ labels: { source }, value: beats })),
    ),
    gauge(
      'polaris_heartbeat_age_seconds',
      'Time since the last sign of life. Absent where none came yet.',
      facts.heartbeats.flatMap(({ source, seconds_ago }) =>
        seconds_ago === null ? [] : [{ labels: { source }, value: seconds_ago }],
      ),
    ),
    gauge(
      'polaris_alerts',
      'Alerts that fire, and that will unless the condition ends.',
      facts.alerts.flatMap(({ rule, firing, pending }) => [
        { labels: { rule, state: 'firing' }, value: firing },
        { labels: { rule, state: 'pending' }, value: pending },
      ]),
    ),
    gauge(
      'polaris_ping_success',
      'Whether the last signed ping to an address of ours was answered as it should. Absent where none was sent for 15 minutes.',
      facts.pings.map(({ address, ok }) => ({ labels: { address }, value: Number(ok) })),
    ),
    gauge(
      'polaris_ping_duration_seconds',
      'How long the last signed ping took.',
      facts.pings.map(({ address, duration_ms }) => ({ labels: { address }, value: duration_ms / 1000 })),
    ),
    counter(
      'polaris_function_invocations',
      'Requests that a function has answered. Each instance reports once a minute; what it did after its last report is missing.',
      facts.functions.map(({ name, invocations }) => ({ labels: { function: name }, value: invocations })),
    ),
    counter(
      'polaris_function_cpu_seconds',
      'CPU time of the instances of a function, with their start.',
      facts.functions.map(({ name, cpu_ms }) => ({ labels: { function: name }, value: cpu_ms / 1000 })),
    ),
    gauge(
      'polaris_function_memory_bytes',
      'The most memory that an instance of the function had, of those that reported in the last 15 minutes.',
      facts.functions.flatMap(({ name, memory_bytes }) =>
        memory_bytes === null ? [] : [{ labels: { function: name }, value: memory_bytes }],
      ),
    ),
    gauge(
      'polaris_database_connections',
      'Connections to the database by role, state and what they wait for.',
      facts.connections.map(({ role, state, wait, connections }) => ({
        labels: { role, state, wait },
        value: connections,
      })),
    ),
    gauge('polaris_database_connections_limit', 'Connections that callers may have together.', [
      { value: facts.most_connections },
    ]),
    gauge(
      'polaris_reports_to_import',
      'Reports of the first version that are not imported; counted up to 10,000.',
      [{ value: facts.reports_to_import }],
    ),
  ];
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'counter', help, samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

/** A duration counts for the first bound at or above the end of its bucket, so it is never reported as smaller than it was. */
function histograms(latencies: MetricFacts['latencies']): Sample[] {
  const series = Map.groupBy(latencies, ({ direction, endpoint_id }) =>
    JSON.stringify([direction, endpoint_id]),
  );
  return [...series.values()].flatMap((buckets) => {
    const [{ direction, endpoint_id } = { direction: '', endpoint_id: '' }] = buckets;
    const labels = { direction, endpoint: endpoint_id };
    const upTo = (bound: number) => sum(buckets.filter(({ bucket }) => upperSeconds(bucket) <= bound));
    const total = sum(buckets);
    return [
      ...BOUNDS.map((bound) => ({
        labels: { ...labels, le: Number.isInteger(bound) ? `${bound}.0` : `${bound}` },
        value: upTo(bound),
        suffix: '_bucket' as const,
      })),
      { labels: { ...labels, le: '+Inf' }, value: total, suffix: '_bucket' },
      { labels, value: total, suffix: '_count' },
      {
        labels,
        // Uses the middle of each bucket.
        value: buckets.reduce(
          (time, { bucket, requests }) => time + upperSeconds(bucket - 0.5) * requests,
          0,
        ),
        suffix: '_sum',
      },
    ];
  });
}

function upperSeconds(bucket: number): number {
  return BUCKET_WIDTH ** bucket / 1000;
}

function sum(buckets: readonly { requests: number }[]): number {
  return buckets.reduce((total, { requests }) => total + requests, 0);
}
