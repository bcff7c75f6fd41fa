import { z } from 'zod';
import { openStatus } from './console-deliveries.ts';
import { DEAD_REASONS, OUTWARD_EVENT_TYPES, PLAN_STATUSES } from './constants.ts';
import { endpointId } from './endpoints.ts';
import { formatVersion, versionDate, versionNumber } from './format-versions.ts';
import { pageOf, rowTime } from './paging.ts';
import { MAX_RATE_PER_SECOND, subscriberId } from './subscribers.ts';
import { storableText } from './text.ts';
import { timestamp } from './timestamp.ts';
import { eventId, reportId, reportType } from './webhooks.ts';

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

/** Body of `POST /api/plans` for what waits or is a dead letter. */
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

/** Which past events are sent again to which subscribers. What a subscriber's settings do not admit today is not sent. */
export const replayFilter = z.strictObject({
  endpoint_ids: z
    .array(subscriberId)
    .min(1)
    .max(20)
    .refine((ids) => new Set(ids).size === ids.length, { error: 'must name each endpoint once' }),
  /** Effects from then on. */
  from: timestamp.optional(),
  /** Effects before then; left out: up to when the plan is applied. */
  to: timestamp.optional(),
  report_type: reportType.optional(),
  report_id: reportId.optional(),
  types: z.array(z.enum(OUTWARD_EVENT_TYPES)).min(1).max(OUTWARD_EVENT_TYPES.length).optional(),
  event_ids: z.array(eventId).min(1).max(1000).optional(),
  /** Left out: the version of each endpoint. */
  format_version: formatVersion.optional(),
  /** How many deliveries of it a second become due, of all its endpoints together. */
  rate_per_second: z.int().min(1).max(MAX_RATE_PER_SECOND).optional(),
});
export type ReplayFilter = z.infer<typeof replayFilter>;

/** Body of `POST /api/plans` for a replay. It is proposed, with what it would do; `PATCH` applies it. */
export const replayRequest = planRequest.extend({ kind: z.literal('replay'), filter: replayFilter });
export type ReplayRequest = z.infer<typeof replayRequest>;

/** Body of `POST /api/plans`. */
export const anyPlanRequest = z.discriminatedUnion('kind', [planRequest, replayRequest]);

/** Query of `PATCH` and `DELETE /api/plans`. */
export const planQuery = z.strictObject({ plan: z.coerce.number().int().min(1).max(2_147_483_647) });

/** Body of `PATCH /api/plans?plan=`. */
export const applyPlanRequest = z.strictObject({ apply: z.literal(true) });

/** The filter of a replay as SQL keeps it, where a version is a number. */
export function storedFilter({ format_version, ...filter }: ReplayFilter) {
  return {
    ...filter,
    ...(format_version !== undefined && { format_version: versionNumber(format_version) }),
  };
}

function shownFilter(filter: Record<string, unknown>): Record<string, unknown> {
  const { format_version: version } = filter;
  return typeof version === 'number' ? { ...filter, format_version: versionDate(version) } : filter;
}

/** What a replay would have done when it was proposed. */
export const replayPreview = z.object({
  /** False: only the first 20,000 pairs of an event and an endpoint were looked at, and each count is "at least". */
  is_whole: z.boolean(),
  events: z.int(),
  deliveries: z.int(),
  /** Events whose content is erased: they are not sent. */
  erased: z.int(),
  bytes: z.int(),
  /** Deliveries of events that the subscriber has confirmed already. */
  confirmed: z.int(),
  expected_seconds: z.int(),
  samples: z.array(
    z.object({
      event_id: z.string(),
      endpoint_id: z.string(),
      type: z.string(),
      report_type: z.string(),
      report_id: z.string(),
      applied_at: rowTime,
    }),
  ),
});
export type ReplayPreview = z.infer<typeof replayPreview>;

/** `start`: made with a subscriber that begins with past events. */
export const anyPlanKind = z.enum([...PLAN_KINDS, 'replay', 'start']);

/** A plan, and how far it is. */
export const plan = z.object({
  /** A number, as text where it is a row of a list. */
  id: z.coerce.string(),
  kind: anyPlanKind,
  name: z.string(),
  reason: z.string(),
  filter: z.record(z.string(), z.unknown()).transform(shownFilter).meta({ type: 'object' }),
  /** The operator who asked. */
  actor: z.string(),
  created_at: rowTime,
  status: z.enum(PLAN_STATUSES),
  /** Of a replay. */
  preview: replayPreview.nullable().default(null),
  /** When a replay was applied, or a start began. */
  applied_at: rowTime.nullable().default(null),
  /** How many deliveries matched when it was requested; null: not counted. */
  total: z.int().nullable(),
  /** `held` and `error` are of the present pass: they are tried again. */
  outcomes: z.object({
    redriven: z.int().default(0),
    brought_forward: z.int().default(0),
    changed: z.int().default(0),
    held: z.int().default(0),
    error: z.int().default(0),
    /** Of a replay: deliveries made, and events that were not sent because their content is erased. */
    planned: z.int().default(0),
    content_erased: z.int().default(0),
  }),
  passes: z.int(),
  last_error: z.string().nullable(),
  cancelled_by: z.string().nullable(),
  finished_at: rowTime.nullable(),
});
export type Plan = z.infer<typeof plan>;

/** Answer of `POST` (202), `PATCH` and `DELETE` (200) of `/api/plans`. */
export const planAnswer = z.object({ plan });
export type PlanAnswer = z.infer<typeof planAnswer>;

/** Newest first. */
export const planPage = pageOf(plan);
export type PlanPage = z.infer<typeof planPage>;
