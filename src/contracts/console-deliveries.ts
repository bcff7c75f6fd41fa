import { z } from 'zod';
import { CHANNELS, DEAD_REASONS, DELIVERY_STATUSES } from './constants.ts';
import { cappedCount, isoTime, pageOf, pageRequest, rowTime } from './paging.ts';
import { reportType, stage } from './webhooks.ts';
import { endpointId } from './endpoints.ts';

/** An HTTP status, or `none`: no answer came. */
export const responseStatus = z.union([z.int().min(100).max(599), z.literal('none')]);

/** What the list of open deliveries is filtered by: a delivery's status, or `dead`. `failed` means not dead yet. */
export const openStatus = z.enum(['pending', 'sent', 'failed', 'retrying', 'dead']);

/**
 * Deliveries that have not succeeded: all of them where no status is given. With status `dead` the times are those of
 * `dead_at`, as a redrive's filter takes them; else they are those of `created_at`.
 */
export const deliveryQuery = z.strictObject({
  status: openStatus.optional(),
  report_type: reportType.optional(),
  stage: stage.optional(),
  dead_reason: z.enum(DEAD_REASONS).optional(),
  endpoint_id: endpointId.optional(),
  /** HTTP status of the last answer; `none`: an attempt was made, and no answer came. */
  response_status: responseStatus.optional(),
  /** A cause of `deliveryCauses`, whole. */
  cause: z.string().min(1).max(200).optional(),
  /** Part of the last error, as it is written. */
  error: z.string().min(1).max(200).optional(),
  /** Not before this. */
  after: isoTime.optional(),
  /** Before this. */
  before: isoTime.optional(),
  ...pageRequest,
});
export type DeliveryQuery = z.input<typeof deliveryQuery>;

export const openDelivery = z.object({
  /** Orders deliveries: a number, as text. */
  id: z.string(),
  event_id: z.string(),
  job_id: z.string().nullable(),
  report_type: reportType,
  report_id: z.guid(),
  endpoint_id: endpointId,
  /** Null: its report was deleted, which is of no stage. */
  stage: stage.nullable(),
  status: z.enum(DELIVERY_STATUSES),
  attempts: z.int().min(0),
  created_at: rowTime,
  last_attempt: rowTime.nullable(),
  /** Null: none is scheduled. */
  next_attempt: rowTime.nullable(),
  /** Set: this is a dead letter. */
  dead_at: rowTime.nullable(),
  dead_reason: z.enum(DEAD_REASONS).nullable(),
  error: z.string().nullable(),
  /** HTTP status of the last answer; null: none came. */
  response_status: z.int().nullable(),
  /** The beginning of the last answer. */
  response_excerpt: z.string().nullable(),
  /** What its event has done. Null: nothing yet. */
  channel: z.enum(CHANNELS).nullable(),
  effect: z.enum(['applied', 'superseded']).nullable(),
});
export type OpenDelivery = z.infer<typeof openDelivery>;

/** Newest first. */
export const deliveryPage = pageOf(openDelivery).extend({ total: cappedCount });
export type DeliveryPage = z.infer<typeof deliveryPage>;

/** Deliveries that failed alike and are not confirmed yet. */
const deliveryCause = z.object({
  endpoint_id: endpointId,
  /** HTTP status of the last answer; null: none came. */
  response_status: z.int().nullable(),
  /** The error without ids, numbers and addresses, which are `…`. */
  cause: z.string(),
  deliveries: z.int(),
  /** Dead letters among them. */
  dead: z.int(),
  /** When the first of their events was committed. */
  first_at: rowTime,
  /** When the last attempt was made. */
  last_at: rowTime.nullable(),
});
export type DeliveryCause = z.infer<typeof deliveryCause>;

/** The largest group first. `truncated`: there are more groups, or more deliveries than were read. */
export const deliveryCauses = z.object({ causes: z.array(deliveryCause), truncated: z.boolean() });
export type DeliveryCauses = z.infer<typeof deliveryCauses>;
