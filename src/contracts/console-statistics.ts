import { z } from 'zod';
import { direction } from './console-audit.ts';
import { isoTime, rowTime } from './paging.ts';
import { reportType } from './webhooks.ts';
import { endpointId } from './endpoints.ts';

export const statisticsWindow = z.enum(['quarter', 'hour', 'day', 'week']);

/** The last quarter of an hour (hour, day, week), or any range within the last 16 days. */
export const statisticsQuery = z.union([statisticsWindow, z.object({ after: isoTime, before: isoTime })]);
export type StatisticsQuery = z.infer<typeof statisticsQuery>;

/** Limits beyond which a figure needs attention. */
export const THRESHOLDS = { successRate: 0.95, latencyMs: 2000, queueDepth: 100 } as const;

const count = z.int().min(0);

/**
 * In milliseconds, at most 2.5 % from the exact value: durations are counted in buckets 5 % wide, and a percentile is the
 * middle of its bucket. Null: there are no measurements.
 */
const latency = z.object({
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  p99_ms: z.number().nullable(),
});

const traffic = latency.extend({
  /** Attempts made, or requests received: the sum of `succeeded`, `failed` and `reported_failures`. */
  total: count,
  succeeded: count,
  failed: count,
  /** Delivered, but reporting a failed generation: neither a result nor a failure of the webhook. */
  reported_failures: count,
  /** 0 to 1, of those that succeeded or failed; null if there are none. */
  success_rate: z.number().min(0).max(1).nullable(),
});
export type Traffic = z.infer<typeof traffic>;

/** Our attempts. `skipped` ones were not made because the circuit was open, and count in no other figure. */
const sentTraffic = traffic.extend({ skipped: count });

export const webhookStatistics = z.object({
  /** Null: the figures are for the requested range. */
  window: statisticsWindow.nullable(),
  /** The database's time. */
  as_of: rowTime,
  /** Start of the range: the start of its first bucket. */
  from: rowTime,
  /** End of the range: the end of its last bucket, or now. */
  to: rowTime,
  /** Length of a bucket in seconds: 30, 60, 900 or 7200. */
  bucket_seconds: z.int(),
  sent: sentTraffic,
  /** Requests to the webhook endpoints, including refused ones. */
  received: traffic,
  /** Every bucket of the range, empty ones too, oldest first; the last one is still filling. */
  series: z.array(z.object({ at: rowTime, sent: sentTraffic, received: traffic })),
  by_outcome: z.array(z.object({ direction, outcome: z.string(), count, reported_failures: count })),
  /** Current states of deliveries. `success`: confirmed attempts in the range. */
  by_status: z.object({
    pending: count,
    sent: count,
    retrying: count,
    failed: count,
    dead: count,
    success: count,
  }),
  by_report_type: z.array(
    z.object({
      report_type: reportType,
      /** Attempts in the window. */
      total: count,
      succeeded: count,
      failed: count,
      reported_failures: count,
      success_rate: z.number().min(0).max(1).nullable(),
      /** Deliveries that wait now. */
      waiting: count,
      dead: count,
    }),
  ),
  queue: z.object({
    /** Deliveries that have neither succeeded nor become dead letters. */
    depth: count,
    /** How many of them are due. */
    due: count,
    /** When the oldest waiting one was created. */
    oldest_waiting: rowTime.nullable(),
  }),
  circuits: z.array(
    z.object({
      endpoint_id: endpointId,
      state: z.enum(['closed', 'open', 'half_open']),
      opened_at: rowTime.nullable(),
      /** When a probe may be sent. */
      probe_after: rowTime.nullable(),
    }),
  ),
  jobs: z.object({
    /** Current jobs: under a lease, waiting for a result from elsewhere, and due to be taken over or ended. */
    running: count,
    waiting: count,
    overdue: count,
    /** When the oldest unfinished job that generates was requested. */
    oldest: rowTime.nullable(),
    /** In the window. */
    failed: count,
    cancelled: count,
    /** Jobs that ended in the range, and those still running. */
    taken_over: count,
  }),
  /** Figures from before this time come from the roll-up. Null: nothing has been rolled up yet. */
  rolled_up_until: rowTime.nullable(),
});
export type WebhookStatistics = z.infer<typeof webhookStatistics>;
