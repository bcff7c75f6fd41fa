import { z } from 'zod';
import { jobState } from './console-jobs.ts';
import { researchStatus } from './console-reports.ts';
import { DEAD_REASONS } from './constants.ts';
import { webhookStatus } from './jobs.ts';
import { pageOf, pageRequest, rowTime } from './paging.ts';
import { jobId, reportType, stage } from './webhooks.ts';

/**
 * `missing`: no text is stored, and the newest request is unfinished or failed. `failed`: the newest request failed, even if
 * an earlier one delivered a text.
 */
export const reportState = z.enum(['missing', 'failed']);

export const allReportsQuery = z.strictObject({
  state: reportState.optional(),
  report_type: reportType.optional(),
  /** The owner of the reports. */
  owner: z.guid().optional(),
  ...pageRequest,
});
export type AllReportsQuery = z.input<typeof allReportsQuery>;

/** A report in the operators' list. */
export const operatorReport = z.object({
  id: z.guid(),
  report_type: reportType,
  title: z.string().nullable(),
  user_id: z.guid(),
  owner_email: z.string().nullable(),
  stage: stage.nullable(),
  research_status: researchStatus,
  created_at: rowTime,
  updated_at: rowTime,
  /** The newest job. */
  job: z.object({ job_id: jobId, state: jobState, error: z.string().nullable() }).nullable(),
  /** The latest delivery to one of our own endpoints. */
  delivery: z
    .object({
      event_id: z.string(),
      status: webhookStatus,
      next_attempt: rowTime.nullable(),
      dead_at: rowTime.nullable(),
      dead_reason: z.enum(DEAD_REASONS).nullable(),
      error: z.string().nullable(),
    })
    .nullable(),
});
export type OperatorReport = z.infer<typeof operatorReport>;

/** Newest first: by the report's creation, or, for `missing` and `failed` ones, by the time of the request or its failure. */
export const operatorReportPage = pageOf(operatorReport.extend({ sort_at: rowTime }));
export type OperatorReportPage = z.infer<typeof operatorReportPage>;
