import { z } from 'zod';
import { MAX_TOKENS } from '../../contracts/constants.ts';
import { jobId, reportId, reportType, stage } from '../../contracts/webhooks.ts';

/** The input of a runner for a job that it holds under a lease. */
export const jobRun = z.object({
  job_id: jobId,
  /** Fencing token: shown by every progress report and by the completion. */
  lease_token: z.int(),
  /** These three are null together: the job is for no report. */
  report_type: reportType.nullable(),
  report_id: reportId.nullable(),
  stage: stage.nullable(),
  prompt: z.string().nullable(),
  model: z.string().nullable(),
  temperature: z.number().nullable(),
  /** Capped here too: the platform's jobs have no request of ours that would have capped it. */
  max_tokens: z
    .int()
    .transform((tokens) => Math.min(tokens, MAX_TOKENS))
    .nullable(),
  /** Any JSON, of any depth: a schema of JSON would recurse over it. */
  user_data: z.unknown(),
  previous_report: z.string().nullable(),
  summary: z.string().nullable(),
  take_overs: z.int(),
  /** Null: the job is from before there were traces. */
  trace_id: z.string().nullable(),
});
export type JobRun = z.infer<typeof jobRun>;
