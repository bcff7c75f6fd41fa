import { z } from 'zod';
import { MAX_TOKENS } from '../../contracts/constants.ts';
import { jobId, reportId, reportType, stage } from '../../contracts/webhooks.ts';

/** What a runner needs of a job that it holds under a lease. */
export const jobRun = z.object({
  job_id: jobId,
  /** Fencing token, checked with every progress report and the completion. */
  lease_token: z.int(),
  /** These three are null together if the job has no report. */
  report_type: reportType.nullable(),
  report_id: reportId.nullable(),
  stage: stage.nullable(),
  prompt: z.string().nullable(),
  model: z.string().nullable(),
  temperature: z.number().nullable(),
  /** Limited here too: jobs inserted by the platform have not passed our request's limit. */
  max_tokens: z
    .int()
    .transform((tokens) => Math.min(tokens, MAX_TOKENS))
    .nullable(),
  /** Any JSON of any depth. Not validated by a JSON schema, which would recurse over it. */
  user_data: z.unknown(),
  previous_report: z.string().nullable(),
  summary: z.string().nullable(),
  take_overs: z.int(),
  /** Null: the job is older than traces. */
  trace_id: z.string().nullable(),
});
export type JobRun = z.infer<typeof jobRun>;
