import { z } from 'zod';

const count = z.int().nonnegative();

/** Answer of the SQL function `metrics()`. */
export const metricFacts = z.object({
  /** Since the first request; these only grow. */
  counts: z.array(
    z.object({ direction: z.string(), endpoint_id: z.string(), outcome: z.string(), requests: count }),
  ),
  /** Bucket n: durations over 1.05^(n - 1) and up to 1.05^n milliseconds. */
  latencies: z.array(
    z.object({ direction: z.string(), endpoint_id: z.string(), bucket: z.int(), requests: count }),
  ),
  /** Of the last 15 minutes. */
  recent: z.array(
    z.object({ direction: z.string(), endpoint_id: z.string(), total: count, succeeded: count }),
  ),
  deliveries: z.array(
    z.object({
      endpoint_id: z.string(),
      /** Up to 10,000, earliest due first; the next three figures are of these. */
      waiting: count,
      failed: count,
      due: count,
      oldest_seconds: z.number(),
      dead: count,
      circuit_is_open: z.boolean(),
    }),
  ),
  jobs: z.object({ queued: count, running: count, overdue: count, oldest_seconds: z.number() }),
  /** Of the last 15 minutes, by status. */
  finished_jobs: z.record(z.string(), count),
  /** Unauthenticated requests of the last 15 minutes. */
  refused: count,
  heartbeats: z.array(z.object({ source: z.string(), beats: count, seconds_ago: z.number().nullable() })),
  alerts: z.array(z.object({ rule: z.string(), firing: count, pending: count })),
  /** The last ping to each address within the last 15 minutes. */
  pings: z.array(z.object({ address: z.string(), ok: z.boolean(), duration_ms: z.number() })),
  functions: z.array(
    z.object({
      name: z.string(),
      /** Since the first invocation; these only grow. */
      invocations: count,
      cpu_ms: count,
      /** The largest memory of any instance; null: none has reported in the last 15 minutes. */
      memory_bytes: count.nullable(),
    }),
  ),
  connections: z.array(
    z.object({ role: z.string(), state: z.string(), wait: z.string(), connections: count }),
  ),
  most_connections: count,
  reports_to_import: count,
});
export type MetricFacts = z.infer<typeof metricFacts>;
