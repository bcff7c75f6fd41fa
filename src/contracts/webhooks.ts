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

/** An event id is the `webhook-id` header too; Standard Webhooks signs `id.timestamp.body`, so it has no dot. */
export const eventId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, { error: 'must be 1 to 128 of A-Z a-z 0-9 _ -' });

export const jobId = storableText.min(1).max(200);

/**
 * As PostgreSQL has it: any UUID by its form, since rows of the platform have ids that RFC 9562 knows no version of, in
 * lower case, since the digest of a content is of its text.
 */
export const reportId = z.guid().toLowerCase();

/** What happened, in the words of the platform: `data` of an envelope, and the whole of a flat body, as clients build it. */
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

/** The same as the server reads it: its objects are text. */
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

/** The body of the platform's first version: `data`'s fields at the top level, its type told by the path. */
export const flatBody = reportData.superRefine((body, context) => requireResult(body, context, []));

/** Both bodies as the server reads them. */
export const receivedEnvelope = z
  .object({ type: eventType, timestamp, data: receivedData })
  .superRefine(requireFit);
export const receivedFlatBody = receivedData.superRefine((body, context) => requireResult(body, context, []));

/** Most events of a batch. */
export const MAX_BATCH_EVENTS = 100;

/** The body of `POST /api/webhooks/batch`: the text of each event, which is checked for itself. */
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
  /** What the event said: it tells nothing of newer requests for the same report. */
  status: z.enum(['completed', 'failed']),
  timestamp,
});

export const batchResultBody = z.union([webhookAnswer, problemDetails]);

/** The answer 200 of a batch: of each event, in the order asked, what its own endpoint would have answered. */
export const batchResult = z.object({
  /** Null where the event has none that is well-formed. */
  id: eventId.nullable(),
  status: z.int(),
  /** Seconds, of 429 and 503. */
  retry_after: z.int().optional(),
  body: batchResultBody,
});
export type BatchResult = z.infer<typeof batchResult>;
export const batchAnswer = z.object({ results: z.array(batchResult) });
export type BatchAnswer = z.infer<typeof batchAnswer>;
