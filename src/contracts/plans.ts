import { z } from 'zod';
import { openStatus } from './console-deliveries.ts';
import { DEAD_REASONS, OUTWARD_EVENT_TYPES, PLAN_STATUSES } from './constants.ts';
import { endpointId } from './endpoints.ts';
import { formatVersion, versionDate, versionNumber } from './format-versions.ts';
import { pageOf, rowTime } from './paging.ts';
import { MAX_RATE_PER_SECOND, subscriberId } from './subscribers.ts';
import { storableText } from './text.ts';
import { timestamp } from './timestamp.ts';
import { eventId, reportId, reportType, stage } from './webhooks.ts';

/**
 * What a plan does with each delivery. `redrive`: restarts the schedule of dead letters. `retry`: does the same, and makes
 * deliveries that wait for their slot due now.
 */
export const PLAN_KINDS = ['redrive', 'retry'] as const;

/** Selects the deliveries of a plan. An empty filter selects all deliveries of its kind. */
export const planFilter = z.strictObject({
  event_ids: z.array(eventId).min(1).max(1000).optional(),
  status: openStatus.optional(),
  report_type: reportType.optional(),
  stage: stage.optional(),
  endpoint_id: endpointId.optional(),
  dead_reason: z.enum(DEAD_REASONS).optional(),
  /** Status of the last answer, as text; `none`: no answer. */
  response_status: z
    .string()
    .regex(/^([1-5]\d\d|none)$/)
    .optional(),
  /** A complete cause of `delivery_causes()`. */
  cause: storableText.min(1).max(200).optional(),
  /** A substring of the last error. */
  error: storableText.min(1).max(200).optional(),
  created_after: timestamp.optional(),
  created_before: timestamp.optional(),
  dead_after: timestamp.optional(),
  dead_before: timestamp.optional(),
});
export type PlanFilter = z.infer<typeof planFilter>;

/** Body of `POST /api/plans` for waiting deliveries or dead letters. */
export const planRequest = z.strictObject({
  /** Chosen by the caller: a repeated request returns the same plan. */
  request_id: z.uuid(),
  kind: z.enum(PLAN_KINDS),
  name: storableText.trim().min(1).max(200),
  /** The reason, for later readers of the audit. */
  reason: storableText.trim().min(1).max(1000),
  filter: planFilter,
});
export type PlanRequest = z.infer<typeof planRequest>;

/**
 * Which past events are sent again to which subscribers. Events that the subscriber's current settings do not admit are not
 * sent.
 */
export const replayFilter = z.strictObject({
  endpoint_ids: z
    .array(subscriberId)
    .min(1)
    .max(20)
    .refine((ids) => new Set(ids).size === ids.length, { error: 'must name each endpoint once' }),
  /** Effects from then on. */
  from: timestamp.optional(),
  /** Effects before then. Default: up to when the plan is applied. */
  to: timestamp.optional(),
  report_type: reportType.optional(),
  report_id: reportId.optional(),
  types: z.array(z.enum(OUTWARD_EVENT_TYPES)).min(1).max(OUTWARD_EVENT_TYPES.length).optional(),
  event_ids: z.array(eventId).min(1).max(1000).optional(),
  /** Default: the version of each endpoint. */
  format_version: formatVersion.optional(),
  /** Deliveries that become due per second, over all of its endpoints. */
  rate_per_second: z.int().min(1).max(MAX_RATE_PER_SECOND).optional(),
});
export type ReplayFilter = z.infer<typeof replayFilter>;

/** Body of `POST /api/plans` for a replay. It is only proposed, with a preview; `PATCH` applies it. */
export const replayRequest = planRequest.extend({ kind: z.literal('replay'), filter: replayFilter });
export type ReplayRequest = z.infer<typeof replayRequest>;

/** Body of `POST /api/plans`. */
export const anyPlanRequest = z.discriminatedUnion('kind', [planRequest, replayRequest]);

/** Query of `PATCH` and `DELETE /api/plans`. */
export const planQuery = z.strictObject({ plan: z.coerce.number().int().min(1).max(2_147_483_647) });

/** Body of `PATCH /api/plans?plan=`. */
export const applyPlanRequest = z.strictObject({ apply: z.literal(true) });

/** The filter of a replay as stored in SQL, where a version is a number. */
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

/** The preview of a replay, as of its proposal. */
export const replayPreview = z.object({
  /** False: only the first 20,000 pairs of event and endpoint were examined, so each count is a lower bound. */
  is_whole: z.boolean(),
  events: z.int(),
  deliveries: z.int(),
  /** Events whose content is erased, which are not sent. */
  erased: z.int(),
  bytes: z.int(),
  /** Deliveries of events that the subscriber has already confirmed. */
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

/** `start`: created with a subscriber that begins with past events. */
export const anyPlanKind = z.enum([...PLAN_KINDS, 'replay', 'start']);

/** A plan and its progress. */
export const plan = z.object({
  /** A number; text in rows of a list. */
  id: z.coerce.string(),
  kind: anyPlanKind,
  name: z.string(),
  reason: z.string(),
  filter: z.record(z.string(), z.unknown()).transform(shownFilter).meta({ type: 'object' }),
  /** The operator who asked. */
  actor: z.string(),
  created_at: rowTime,
  status: z.enum(PLAN_STATUSES),
  /** Only for replays. */
  preview: replayPreview.nullable().default(null),
  /** When a replay was applied, or a start began. */
  applied_at: rowTime.nullable().default(null),
  /** Number of matching deliveries at the time of the request; null: not counted. */
  total: z.int().nullable(),
  /** `held` and `error` are of the current pass: these are retried. */
  outcomes: z.object({
    redriven: z.int().default(0),
    brought_forward: z.int().default(0),
    changed: z.int().default(0),
    held: z.int().default(0),
    error: z.int().default(0),
    /** Only for replays: deliveries made, and events not sent because their content is erased. */
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
