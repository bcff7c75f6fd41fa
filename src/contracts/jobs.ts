import { z } from 'zod';
import { JOB_STATUSES, MAX_PROMPT_CHARACTERS, WEBHOOK_STATUSES } from './constants.ts';
import { jsonObjectText } from './json-text.ts';
import { storableObject, storableText } from './text.ts';
import { jobId, reportId, reportType, stage } from './webhooks.ts';

export const jobStatus = z.enum(JOB_STATUSES);
export const webhookStatus = z.enum(WEBHOOK_STATUSES);

/**
 * Body of `POST /api/reportJobsDb` for a report, as clients build it. `platform-job-request.ts` has everything that the
 * server accepts.
 */
export const jobRequest = z.strictObject({
  prompt: storableText.min(1).max(MAX_PROMPT_CHARACTERS),
  report_type: reportType,
  report_id: reportId,
  stage: stage.default('prelim'),
  model: storableText.min(1).max(200).optional(),
  temperature: z.number().min(0).max(2).optional(),
  /** Requests for more than `MAX_TOKENS` are granted that many. */
  max_tokens: z.int().min(1).max(1_000_000).optional(),
  summary_id: z.guid().optional(),
  metadata: storableObject.optional(),
  /** `false`: the job waits for a result that is generated elsewhere and sent by PATCH. */
  generate: z.boolean().default(true),
});

/** Header `Idempotency-Key`: printable ASCII. */
export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, { error: 'must be 1 to 255 printable characters' });

const jobResultMembers = z.strictObject({
  status: z.enum(['succeeded', 'failed']),
  result: storableText.optional(),
  error: storableText.max(10_000).optional(),
  metadata: storableObject.optional(),
});

function requireResult(
  body: Pick<z.infer<typeof jobResultMembers>, 'status' | 'result'>,
  context: z.RefinementCtx,
): void {
  if (body.status === 'succeeded' && !body.result?.trim()) {
    context.addIssue({ code: 'custom', path: ['result'], message: 'is required when status is succeeded' });
  }
}

/** Body of `PATCH /api/reportJobsDb?job_id=`, as clients build it. */
export const jobResult = jobResultMembers.superRefine(requireResult);

/** The same as parsed by the server: metadata stays text. */
export const receivedJobResult = jobResultMembers
  .extend({ metadata: jsonObjectText.optional() })
  .superRefine(requireResult);
export type ReceivedJobResult = z.infer<typeof receivedJobResult>;

/** Answer 202 of `POST /api/reportJobsDb`. */
export const jobAccepted = z.object({ job_id: z.string(), status: jobStatus, status_url: z.string() });
export type JobAccepted = z.infer<typeof jobAccepted>;

/** Answer of `POST /api/cron/take-over?job_id=`. `held`: another transaction holds the job's report. */
export const takeOverAnswer = z.object({ outcome: z.enum(['taken_over', 'given_up', 'not_due', 'held']) });

/** Answer of `GET`, `PATCH` and `DELETE /api/reportJobsDb?job_id=`. */
export const jobView = z.object({
  job_id: jobId,
  report_type: reportType.nullable(),
  report_id: reportId.nullable(),
  stage: stage.nullable(),
  status: jobStatus,
  percent: z.int().min(0).max(100),
  eta_seconds: z.int().min(0).nullable(),
  result: z.string().nullable(),
  error: z.string().nullable(),
  webhook: z.object({
    status: webhookStatus.nullable(),
    attempts: z.int().min(0),
    last_attempt: z.iso.datetime({ offset: true }).nullable(),
  }),
});
export type JobView = z.infer<typeof jobView>;
