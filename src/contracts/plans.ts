import { z } from 'zod';
import { openStatus } from './console-deliveries.ts';
import { DEAD_REASONS, PLAN_STATUSES } from './constants.ts';
import { endpointId } from './endpoints.ts';
import { pageOf, rowTime } from './paging.ts';
import { storableText } from './text.ts';
import { timestamp } from './timestamp.ts';
import { eventId, reportType } from './webhooks.ts';

/**
 * What is done with each delivery. `redrive`: dead letters begin their schedule again. `retry`: so they do, and what waits for
 * its slot is due now.
 */
export const PLAN_KINDS = ['redrive', 'retry'] as const;

/** Which deliveries a plan is about; an empty filter is about all of its kind. */
export const planFilter = z.strictObject({
  event_ids: z.array(eventId).min(1).max(1000).optional(),
  status: openStatus.optional(),
  report_type: reportType.optional(),
  endpoint_id: endpointId.optional(),
  dead_reason: z.enum(DEAD_REASONS).optional(),
  /** Status of the last answer, as text; `none`: no answer came. */
  response_status: z
    .string()
    .regex(/^([1-5]\d\d|none)$/)
    .optional(),
  /** A cause of `delivery_causes()`, whole. */
  cause: storableText.min(1).max(200).optional(),
  /** Part of the last error. */
  error: storableText.min(1).max(200).optional(),
  created_after: timestamp.optional(),
  created_before: timestamp.optional(),
  dead_after: timestamp.optional(),
  dead_before: timestamp.optional(),
});
export type PlanFilter = z.infer<typeof planFilter>;

/** Body of `POST /api/plans`. */
export const planRequest = z.strictObject({
  /** Minted by the caller: the same request again answers the same plan. */
  request_id: z.uuid(),
  kind: z.enum(PLAN_KINDS),
  name: storableText.trim().min(1).max(200),
  /** Why it is done, for whoever reads it later. */
  reason: storableText.trim().min(1).max(1000),
  filter: planFilter,
});
export type PlanRequest = z.infer<typeof planRequest>;

/** A plan, and how far it is. */
export const plan = z.object({
  /** A number, as text where it is a row of a list. */
  id: z.coerce.string(),
  kind: z.enum(PLAN_KINDS),
  name: z.string(),
  reason: z.string(),
  filter: z.record(z.string(), z.unknown()),
  /** The operator who asked. */
  actor: z.string(),
  created_at: rowTime,
  status: z.enum(PLAN_STATUSES),
  /** How many deliveries matched when it was requested; null: not counted. */
  total: z.int().nullable(),
  /** `held` and `error` are of the present pass: they are tried again. */
  outcomes: z.object({
    redriven: z.int().default(0),
    brought_forward: z.int().default(0),
    changed: z.int().default(0),
    held: z.int().default(0),
    error: z.int().default(0),
  }),
  passes: z.int(),
  last_error: z.string().nullable(),
  cancelled_by: z.string().nullable(),
  finished_at: rowTime.nullable(),
});
export type Plan = z.infer<typeof plan>;

/** Answer of `POST` (202) and `DELETE` (200) of `/api/plans`. */
export const planAnswer = z.object({ plan });
export type PlanAnswer = z.infer<typeof planAnswer>;

/** Newest first. */
export const planPage = pageOf(plan);
export type PlanPage = z.infer<typeof planPage>;
