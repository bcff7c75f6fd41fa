import { z } from 'zod';
import { EVENT_TYPES, REPORT_TYPES, STAGES } from './constants.ts';
import { jsonObjectText } from './json-text.ts';
import { problemDetails } from './problem.ts';
import { storableObject, storableText } from './text.ts';
import { timestamp } from './timestamp.ts';

export const reportType = z.enum(REPORT_TYPES);
export type ReportType = z.infer<typeof reportType>;
export const stage = z.enum(STAGES);
export type Stage = z.infer<typeof stage>;
export const eventType = z.enum(EVENT_TYPES);
type EventType = z.infer<typeof eventType>;

/** The event id is also the `webhook-id` header. Without a dot, since Standard Webhooks signs `id.timestamp.body`. */
export const eventId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, { error: 'must be 1 to 128 of A-Z a-z 0-9 _ -' });

export const jobId = storableText.min(1).max(200);

/**
 * Any UUID-shaped id, as PostgreSQL accepts: rows of the platform have ids of no version of RFC 9562. Lower-cased, since the
 * digest is computed over the text.
 */
export const reportId = z.guid().toLowerCase();

/** The content in the platform's words: `data` of an envelope, or a whole flat body, as clients build it. */
export const reportData = z.object({
  job_id: jobId,
  report_id: reportId,
  report_type: reportType,
  research_report: storableText.nullish(),
  research_status: z.enum(['completed', 'failed']),
  requested_at: timestamp.optional(),
  research_metadata: storableObject.nullish(),
  final_data: storableObject.nullish(),
  error: storableText.nullish(),
});
type ReportData = z.infer<typeof reportData>;

/** The same as parsed by the server: its objects stay text. */
const receivedData = reportData.extend({
  research_metadata: jsonObjectText.nullish(),
  final_data: jsonObjectText.nullish(),
});

type Result = Pick<ReportData, 'research_status' | 'research_report'>;

/** A completed event carries its result: without this rule an empty text could replace a report. */
function requireResult(data: Result, context: z.RefinementCtx, path: string[]): void {
  if (data.research_status === 'completed' && !data.research_report?.trim()) {
    context.addIssue({
      code: 'custom',
      path: [...path, 'research_report'],
      message: 'is required when research_status is completed',
    });
  }
}

function requireFit(body: { type: EventType; data: Result }, context: z.RefinementCtx): void {
  requireResult(body.data, context, ['data']);
  if (!body.type.endsWith(`.${body.data.research_status}`)) {
    context.addIssue({
      code: 'custom',
      path: ['data', 'research_status'],
      message: `does not fit the type ${body.type}`,
    });
  }
}

/** The body of a signed webhook, as Standard Webhooks lays it out. */
export const webhookEnvelope = z
  .object({ type: eventType, timestamp, data: reportData })
  .superRefine(requireFit);

/** The body of the platform's first version: the members of `data` at the top level. The path implies the type. */
export const flatBody = reportData.superRefine((body, context) => requireResult(body, context, []));

/** Both bodies as parsed by the server. */
export const receivedEnvelope = z
  .object({ type: eventType, timestamp, data: receivedData })
  .superRefine(requireFit);
export const receivedFlatBody = receivedData.superRefine((body, context) => requireResult(body, context, []));

/** Maximum number of events in a batch. */
export const MAX_BATCH_EVENTS = 100;

/** The body of `POST /api/webhooks/batch`: the text of each event, validated separately. */
export const receivedBatch = z.object({ events: z.array(z.string()).min(1).max(MAX_BATCH_EVENTS) });
export const receivedBatchEvent = z
  .object({ id: eventId, type: eventType, timestamp, data: receivedData })
  .superRefine(requireFit);

/** The answer 200 of a webhook endpoint. */
export const webhookAnswer = z.object({
  outcome: z.enum(['applied', 'duplicate', 'superseded']),
  report_id: reportId,
  job_id: z.string(),
  report_type: reportType,
  stage,
  /** Status of this event only: newer requests for the same report may differ. */
  status: z.enum(['completed', 'failed']),
  timestamp,
});

export const batchResultBody = z.union([webhookAnswer, problemDetails]);

/** The answer 200 to a batch: for each event, in order, what its own endpoint would have answered. */
export const batchResult = z.object({
  /** Null if the event has no well-formed id. */
  id: eventId.nullable(),
  status: z.int(),
  /** Seconds; for 429 and 503. */
  retry_after: z.int().optional(),
  body: batchResultBody,
});
export type BatchResult = z.infer<typeof batchResult>;
export const batchAnswer = z.object({ results: z.array(batchResult) });
export type BatchAnswer = z.infer<typeof batchAnswer>;
