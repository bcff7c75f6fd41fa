import { z } from 'zod';
import { CHANNELS, DEAD_REASONS, DELIVERY_STATUSES } from './constants.ts';
import { cappedCount, isoTime, pageOf, pageRequest, rowTime } from './paging.ts';
import { reportType, stage } from './webhooks.ts';
import { endpointId } from './endpoints.ts';

/** An HTTP status, or `none`: no answer. */
export const responseStatus = z.union([z.int().min(100).max(599), z.literal('none')]);

/** Filter values for open deliveries: a delivery's status, or `dead`. `failed` excludes dead letters. */
export const openStatus = z.enum(['pending', 'sent', 'failed', 'retrying', 'dead']);

/**
 * Deliveries that have not succeeded; all of them without a status. With status `dead`, `from` and `to` apply to `dead_at`,
 * as in a redrive's filter; otherwise to `created_at`.
 */
export const deliveryQuery = z.strictObject({
  status: openStatus.optional(),
  report_type: reportType.optional(),
  stage: stage.optional(),
  dead_reason: z.enum(DEAD_REASONS).optional(),
  endpoint_id: endpointId.optional(),
  /** HTTP status of the last answer; `none`: an attempt got no answer. */
  response_status: responseStatus.optional(),
  /** A complete cause as `deliveryCauses` returns it. */
  cause: z.string().min(1).max(200).optional(),
  /** A substring of the last error. */
  error: z.string().min(1).max(200).optional(),
  /** Not before this. */
  after: isoTime.optional(),
  /** Before this. */
  before: isoTime.optional(),
  ...pageRequest,
});
export type DeliveryQuery = z.input<typeof deliveryQuery>;

export const openDelivery = z.object({
  /** The sort key of deliveries: a number, as text. */
  id: z.string(),
  event_id: z.string(),
  job_id: z.string().nullable(),
  report_type: reportType,
  report_id: z.guid(),
  endpoint_id: endpointId,
  /** Null for the deletion of a report, which belongs to no stage. */
  stage: stage.nullable(),
  status: z.enum(DELIVERY_STATUSES),
  attempts: z.int().min(0),
  created_at: rowTime,
  last_attempt: rowTime.nullable(),
  /** Null: no attempt is scheduled. */
  next_attempt: rowTime.nullable(),
  /** Set: this is a dead letter. */
  dead_at: rowTime.nullable(),
  dead_reason: z.enum(DEAD_REASONS).nullable(),
  error: z.string().nullable(),
  /** HTTP status of the last answer; null: no answer. */
  response_status: z.int().nullable(),
  /** The beginning of the last answer. */
  response_excerpt: z.string().nullable(),
  /** The effect of its event; null: none yet. */
  channel: z.enum(CHANNELS).nullable(),
  effect: z.enum(['applied', 'superseded']).nullable(),
});
export type OpenDelivery = z.infer<typeof openDelivery>;

/** Newest first. */
export const deliveryPage = pageOf(openDelivery).extend({ total: cappedCount });
export type DeliveryPage = z.infer<typeof deliveryPage>;

/** Unconfirmed deliveries that failed for the same cause. */
const deliveryCause = z.object({
  endpoint_id: endpointId,
  /** HTTP status of the last answer; null: no answer. */
  response_status: z.int().nullable(),
  /** The error with `…` in place of ids, numbers and addresses. */
  cause: z.string(),
  deliveries: z.int(),
  /** How many of them are dead letters. */
  dead: z.int(),
  /** When the first of their events was committed. */
  first_at: rowTime,
  /** Time of the last attempt. */
  last_at: rowTime.nullable(),
});
export type DeliveryCause = z.infer<typeof deliveryCause>;

/** The largest group first. `truncated`: there are more groups, or more deliveries than were read. */
export const deliveryCauses = z.object({ causes: z.array(deliveryCause), truncated: z.boolean() });
export type DeliveryCauses = z.infer<typeof deliveryCauses>;
