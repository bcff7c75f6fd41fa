import { z } from 'zod';
import { DEAD_REASONS } from './constants.ts';
import { storableText } from './text.ts';
import { timestamp } from './timestamp.ts';
import { endpointId, internalEndpoint } from './endpoints.ts';
import { eventId, reportId, reportType } from './webhooks.ts';

/** Body of `POST /api/webhooks/retry`: the delivery of this event, else the report's latest delivery (of that type). */
export const retryRequest = z.strictObject({
  report_type: reportType,
  report_id: reportId,
  webhook_type: internalEndpoint.optional(),
  event_id: eventId.optional(),
});
export type RetryRequest = z.infer<typeof retryRequest>;

/**
 * Body of `POST /api/webhooks/redrive`: the dead letters of the listed events (at all endpoints or at one), or all that match the
 * filter. An empty filter matches all.
 */
export const redriveRequest = z.union([
  z.strictObject({ event_ids: z.array(eventId).min(1).max(1000), endpoint_id: endpointId.optional() }),
  z.strictObject({
    filter: z.strictObject({
      report_type: reportType.optional(),
      webhook_type: internalEndpoint.optional(),
      dead_reason: z.enum(DEAD_REASONS).optional(),
      /** A substring of the last error. */
      error: storableText.min(1).max(200).optional(),
      dead_after: timestamp.optional(),
      dead_before: timestamp.optional(),
    }),
  }),
]);

/** Answer of `POST /api/webhooks/redrive`: the number of dead letters put back on schedule. */
export const redriveAnswer = z.object({ redriven: z.int() });
export type RedriveAnswer = z.infer<typeof redriveAnswer>;

/** Answer 200 of `POST /api/webhooks/retry`; `already_succeeded`: nothing was sent. */
export const retryAnswer = z.object({
  success: z.literal(true),
  outcome: z.enum(['applied', 'duplicate', 'superseded', 'already_succeeded']),
});
export type RetryAnswer = z.infer<typeof retryAnswer>;

/** Answer of a sweep of deliveries: `GET /api/webhooks/retry`. */
export const sweepAnswer = z.object({
  processed: z.int(),
  successes: z.int(),
  failures: z.int(),
  /** How many of the failures became dead letters. */
  dead: z.int(),
  errors: z.array(z.string()),
});
export type SweepAnswer = z.infer<typeof sweepAnswer>;

/** `due` stops counting here: there may be more. */
export const BACKLOG_COUNTED = 20_000;

/** The backlog of sweeps. */
export const deliveryBacklog = z.object({
  /** Deliveries that are due and can be sent now. */
  due: z.int(),
  /** Deliveries confirmed within the last minute. */
  confirmed: z.int(),
});
export type DeliveryBacklog = z.infer<typeof deliveryBacklog>;

/**
 * Minutes that the due deliveries will take at the pace of the last minute, rounded up.
 * @returns null if nothing was delivered in that minute
 */
export function minutesLeft({ due, confirmed }: DeliveryBacklog): number | null {
  if (due === 0) return 0;
  return confirmed === 0 ? null : Math.ceil(due / confirmed);
}

/** Answer of the cron's `GET /api/cron/sweep`. */
export const cronAnswer = sweepAnswer.extend({
  /** Jobs with an expired lease whose take-over was started. */
  taken_over: z.int(),
  /** Jobs that failed for good: taken over too often, or without a result from elsewhere by their deadline. */
  given_up: z.int(),
  /** Deliveries that plans made due. */
  redriven: z.int(),
  /** Deleted reports and accounts whose content was erased. */
  erased: z.int(),
  /** Reports from before the events that were imported. */
  imported: z.int(),
  /** Rows that retention deleted or emptied. */
  pruned: z.int(),
  /** Alerts that began to fire or were resolved. */
  alerts: z.int(),
});
export type CronAnswer = z.infer<typeof cronAnswer>;
