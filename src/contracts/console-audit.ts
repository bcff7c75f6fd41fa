import { z } from 'zod';
import { jobSummary } from './console-reports.ts';
import { openDelivery, responseStatus } from './console-deliveries.ts';
import { CHANNELS } from './constants.ts';
import { isoTime, pageOf, pageRequest, rowTime } from './paging.ts';
import { json } from './text.ts';
import { reportType, stage } from './webhooks.ts';
import { endpointId } from './endpoints.ts';

export const direction = z.enum(['in', 'out']);
export type Direction = z.infer<typeof direction>;

/** Outcomes of an attempt (`webhook_audit.outcome`, direction `out`). */
export const ATTEMPT_OUTCOMES = ['delivered', 'failed', 'unknown', 'rejected', 'refused', 'skipped'] as const;
/** Outcomes of an accepted request (direction `in`). Refusals have the codes of `PROBLEMS`. */
export const REQUEST_OUTCOMES = [
  'applied',
  'duplicate',
  'superseded',
  'already_succeeded',
  'redriven',
  'brought_forward',
  'planned',
  'cancelled',
  'swept',
  'busy',
] as const;

export const auditQuery = z.strictObject({
  /** The complete id of a report, a job, an event or a subscriber (its attempts). */
  search: z.string().trim().min(1).max(200).optional(),
  outcome: z.string().min(1).max(100).optional(),
  direction: direction.optional(),
  /** HTTP status of the answer; `none`: no answer. */
  response_status: responseStatus.optional(),
  /** The id of a person, `cron`, or `sender` (anyone who signs webhooks). */
  actor: z.string().min(1).max(100).optional(),
  /** Not before this. */
  after: isoTime.optional(),
  /** Before this. */
  before: isoTime.optional(),
  ...pageRequest,
});
export type AuditQuery = z.input<typeof auditQuery>;

const auditEntry = z.object({
  id: z.guid(),
  created_at: rowTime,
  direction,
  endpoint_id: endpointId.nullable(),
  /** The called endpoint, if it was none of the webhooks. */
  endpoint: z.string().nullable(),
  outcome: z.string().nullable(),
  response_status: z.int().nullable(),
  report_type: z.string().nullable(),
  report_id: z.guid().nullable(),
  job_id: z.string().nullable(),
  event_id: z.string().nullable(),
  attempt_number: z.int().nullable(),
  duration_ms: z.number().nullable(),
  error_message: z.string().nullable(),
  /** `cron`, or the id of the operator who called; null: a sender. */
  actor: z.string().nullable(),
});
export type AuditEntry = z.infer<typeof auditEntry>;

/** Newest first. */
export const auditPage = pageOf(auditEntry);
export type AuditPage = z.infer<typeof auditPage>;

/** A complete row of the audit log. Its envelope never contains the report's text. */
export const auditRow = auditEntry.omit({ endpoint: true, report_type: true }).extend({
  created_at: rowTime,
  // Some REST layers send exact numbers as text.
  duration_ms: z.coerce.number().nullable(),
  /** Rows of the platform's functions have this in place of endpoint_id. */
  webhook_type: z.string().nullable(),
  report_table: z.string().nullable(),
  request_payload: json,
  response_body: json,
  body_sha256: z.string().nullable(),
  body_bytes: z.int().nullable(),
});
export type AuditRow = z.infer<typeof auditRow>;

const headers = z.record(z.string(), z.string());

/** The attempt's POST (`request_payload`), with secrets masked. Missing in rows from before 0.3.0. */
export const attemptRequest = z.object({ url: z.string(), headers });

/** The answer to the attempt (`response_body`). */
export const attemptAnswer = z.object({
  /** The beginning of the body. */
  body: z.string().optional(),
  headers: headers.optional(),
  /** Attempts at other addresses in the same round. */
  earlier: z
    .array(z.object({ address: z.string(), status: z.int().nullable(), error: z.string().nullable() }))
    .optional(),
});

const audited = {
  at: rowTime,
  audit_id: z.guid(),
  outcome: z.string().nullable(),
  response_status: z.int().nullable(),
  duration_ms: z.number().nullable(),
  error: z.string().nullable(),
};

/** A step in an event's timeline: something that happened, or (`next_attempt`) will happen. */
export const timelineStep = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('job_requested'),
    at: rowTime,
    job_id: z.string(),
    /** `pipeline`, or the id of the user who asked. */
    caller: z.string().nullable(),
  }),
  z.object({ kind: z.literal('job_started'), at: rowTime, take_overs: z.int() }),
  z.object({
    kind: z.literal('job_finished'),
    at: rowTime,
    status: z.enum(['succeeded', 'failed', 'cancelled']),
    error: z.string().nullable(),
  }),
  z.object({ kind: z.literal('event_committed'), at: rowTime, type: z.string(), digest: z.string() }),
  /** A POST of ours, or (outcome `skipped`) one that was not made because the circuit was open. */
  z.object({ kind: z.literal('attempt'), ...audited, attempt_number: z.int().nullable() }),
  /** A request that the webhook endpoint received. */
  z.object({ kind: z.literal('request'), ...audited, body_bytes: z.int().nullable() }),
  /** A person asked to send it now. */
  z.object({ kind: z.literal('retried'), ...audited, actor: z.string().nullable() }),
  /** `brought_forward`: a plan made it due before its slot. */
  z.object({
    kind: z.enum(['redriven', 'brought_forward']),
    at: rowTime,
    audit_id: z.guid(),
    actor: z.string().nullable(),
  }),
  /** An operator asked to cancel a job or to run it again; `outcome` is the result. */
  z.object({
    kind: z.literal('job_action'),
    at: rowTime,
    audit_id: z.guid(),
    outcome: z.string().nullable(),
    actor: z.string().nullable(),
  }),
  z.object({
    kind: z.literal('effect'),
    at: rowTime,
    effect: z.enum(['applied', 'superseded']),
    /** `direct`: by the fallback. */
    channel: z.enum(CHANNELS),
    /** The report's owner was notified in the same transaction. */
    notified: z.boolean(),
  }),
  z.object({ kind: z.literal('dead_letter'), at: rowTime, dead_reason: z.string() }),
  z.object({ kind: z.literal('next_attempt'), at: rowTime }),
]);
export type TimelineStep = z.infer<typeof timelineStep>;

export const eventSummary = z.object({
  id: z.string(),
  type: z.string(),
  report_type: reportType,
  report_id: z.guid(),
  /** Null for the deletion of a report, which belongs to no stage. */
  stage: stage.nullable(),
  status: z.enum(['completed', 'failed']),
  job_id: z.string().nullable(),
  requested_at: rowTime,
  digest: z.string(),
  error: z.string().nullable(),
  channel: z.enum(CHANNELS).nullable(),
  effect: z.enum(['applied', 'superseded']).nullable(),
  applied_at: rowTime.nullable(),
  created_at: rowTime,
  /** Number of the effect on its report: 1, 2, … */
  position: z.int().nullable(),
  /** Set: the content was erased at this time. */
  erased_at: rowTime.nullable(),
});
export type EventSummary = z.infer<typeof eventSummary>;

/** Everything about an event, oldest step first. */
export const eventTimeline = z.object({
  /** Null: requests named this id, but all were rejected. */
  event: eventSummary.nullable(),
  job: jobSummary.nullable(),
  delivery: openDelivery.nullable(),
  steps: z.array(timelineStep),
  /** There are more audit rows than these steps; the newest are shown. */
  truncated: z.boolean(),
});
export type EventTimeline = z.infer<typeof eventTimeline>;
