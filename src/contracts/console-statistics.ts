import { z } from 'zod';
import { direction } from './console-audit.ts';
import { isoTime, rowTime } from './paging.ts';
import { reportType } from './webhooks.ts';
import { endpointId } from './endpoints.ts';

export const statisticsWindow = z.enum(['quarter', 'hour', 'day', 'week']);

/** The last quarter of an hour (hour, day, week), or from one time of the last 16 days to another. */
export const statisticsQuery = z.union([statisticsWindow, z.object({ after: isoTime, before: isoTime })]);
export type StatisticsQuery = z.infer<typeof statisticsQuery>;

/** Where the figures call for a person. */
export const THRESHOLDS = { successRate: 0.95, latencyMs: 2000, queueDepth: 100 } as const;

const count = z.int().min(0);

/**
 * In milliseconds, at most 2.5 % away from the exact value: durations are counted in buckets 5 % wide, and a percentile is
 * the middle of its bucket. Null: nothing was measured.
 */
const latency = z.object({
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  p99_ms: z.number().nullable(),
});

const traffic = latency.extend({
  /** Attempts that were made, or requests that came: `succeeded`, `failed` and `reported_failures` together. */
  total: count,
  succeeded: count,
  failed: count,
  /** Arrived, with the news of a failed generation: no result, and no failure of the webhook. */
  reported_failures: count,
  /** 0 to 1, of what succeeded or failed; null where neither did. */
  success_rate: z.number().min(0).max(1).nullable(),
});
export type Traffic = z.infer<typeof traffic>;

/** Attempts of ours; `skipped` were not made because the circuit was open, and are in no other figure. */
const sentTraffic = traffic.extend({ skipped: count });

export const webhookStatistics = z.object({
  /** Null: the figures are of the time from `from` to `to` that was asked for. */
  window: statisticsWindow.nullable(),
  /** The database's time. */
  as_of: rowTime,
  /** Where the time begins: the beginning of its first bucket. */
  from: rowTime,
  /** Where it ends: the end of its last bucket, or now. */
  to: rowTime,
  /** 30, 60, 900 or 7200. */
  bucket_seconds: z.int(),
  sent: sentTraffic,
  /** Requests to the webhook endpoints, refused ones among them. */
  received: traffic,
  /** Every bucket of the window, empty ones too, oldest first; the last is still filling. */
  series: z.array(z.object({ at: rowTime, sent: sentTraffic, received: traffic })),
  by_outcome: z.array(z.object({ direction, outcome: z.string(), count, reported_failures: count })),
  /** Deliveries as they stand now; `success`: attempts of the window that were confirmed. */
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
    /** Deliveries that have neither succeeded nor died. */
    depth: count,
    /** Those whose time has come. */
    due: count,
    /** When the oldest of them was committed. */
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
    /** Now: under a lease, waiting for a result from elsewhere, and due to be taken over or ended. */
    running: count,
    waiting: count,
    overdue: count,
    /** When the oldest unfinished job that generates was requested. */
    oldest: rowTime.nullable(),
    /** In the window. */
    failed: count,
    cancelled: count,
    /** Those that ended in the window, and those that still run. */
    taken_over: count,
  }),
  /** Figures from before this come from the roll-up. Null: nothing is rolled up yet. */
  rolled_up_until: rowTime.nullable(),
});
export type WebhookStatistics = z.infer<typeof webhookStatistics>;
