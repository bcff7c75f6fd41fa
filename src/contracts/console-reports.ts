import { z } from 'zod';
import { DEAD_REASONS } from './constants.ts';
import { byReportType } from './intake.ts';
import { jobStatus, webhookStatus } from './jobs.ts';
import { pageOf, pageRequest, rowTime } from './paging.ts';
import { json, storableText } from './text.ts';
import { jobId, reportType, stage } from './webhooks.ts';
import { endpointId } from './endpoints.ts';

/** Names one report. */
export const reportRef = z.strictObject({ report_type: reportType, report_id: z.guid() });
export type ReportRef = z.infer<typeof reportRef>;

export const researchStatus = z.enum(['pending', 'running', 'completed', 'failed']);

const webhookColumns = {
  webhook_status: webhookStatus.nullable(),
  webhook_attempts: z.int().nullable(),
  webhook_last_attempt: rowTime.nullable(),
  webhook_job_id: z.string().nullable(),
};

/** A report without its content; `title` is the name of whom or what it is about. */
const reportSummary = z.object({
  id: z.guid(),
  report_type: reportType,
  user_id: z.guid(),
  title: z.string().nullable(),
  stage: stage.nullable(),
  research_status: researchStatus,
  ...webhookColumns,
  created_at: rowTime,
  updated_at: rowTime,
});

/** A report's row. */
export const reportRecord = z.object({
  id: z.guid(),
  user_id: z.guid(),
  summary_id: z.guid().nullable(),
  /** Of any shape and depth: owners write it, and a schema of JSON would recurse over it. */
  user_data: z.unknown(),
  research_report: z.string().nullable(),
  research_status: researchStatus,
  research_metadata: z.unknown(),
  stage: stage.nullable(),
  winner_event_id: z.string().nullable(),
  ...webhookColumns,
  webhook_response: json,
  webhook_last_attempt: rowTime.nullable(),
  created_at: rowTime,
  updated_at: rowTime,
});
export type ReportRecord = z.infer<typeof reportRecord>;

/** `mine`: the signed-in person's own. `all`: what they may see, which for an operator is everybody's. */
const scope = z.enum(['mine', 'all']);

export const reportQuery = z.strictObject({
  scope: scope.default('mine'),
  report_type: reportType.optional(),
  ...pageRequest,
});
export type ReportQuery = z.input<typeof reportQuery>;
/** Newest first. */
export const reportPage = pageOf(reportSummary);
export type ReportPage = z.infer<typeof reportPage>;

/** What `createReportWithWebhookTracking` takes. */
export const newReport = byReportType({
  summary_id: z.guid().optional(),
  /** A finished text: it is recorded as an event of channel `owner`. */
  research_report: storableText.trim().min(1).optional(),
  /** Of the finished text; `prelim` where left out. A report without content has no stage. */
  stage: stage.optional(),
}).superRefine((report, context) => {
  if (report.stage !== undefined && report.research_report === undefined) {
    context.addIssue({ code: 'custom', path: ['stage'], message: 'only a finished text has a stage' });
  }
});
export type NewReport = z.input<typeof newReport>;

/** The latest delivery of a report, for operators. */
const latestDelivery = z.object({
  event_id: z.string(),
  endpoint_id: endpointId,
  status: webhookStatus,
  attempts: z.int().min(0),
  last_attempt: rowTime.nullable(),
  next_attempt: rowTime.nullable(),
  dead_at: rowTime.nullable(),
  dead_reason: z.enum(DEAD_REASONS).nullable(),
  error: z.string().nullable(),
});

/** How a report and its webhook stand. */
export const reportWebhookStatus = z.object({
  report_type: reportType,
  report_id: z.guid(),
  /** The name of whom or what it is about. */
  title: z.string().nullable(),
  research_status: researchStatus,
  stage: stage.nullable(),
  winner_event_id: z.string().nullable(),
  ...webhookColumns,
  webhook_response: json,
  updated_at: rowTime,
  /** Null: there is none, or the person is no operator. */
  delivery: latestDelivery.nullable(),
});
export type ReportWebhookStatus = z.infer<typeof reportWebhookStatus>;

/** The newest completed result of each stage, to compare; what lost and is too old has no text any more. */
export const reportResult = z.object({
  stage,
  job_id: z.string().nullable(),
  requested_at: rowTime,
  research_report: z.string().nullable(),
});
export type ReportResult = z.infer<typeof reportResult>;

/** A job in a list. Its result is read one by one, with `GET /api/reportJobsDb`. */
export const jobSummary = z.object({
  id: jobId,
  job_id: jobId,
  report_type: reportType.nullable(),
  report_id: z.guid().nullable(),
  user_id: z.guid().nullable(),
  stage: stage.nullable(),
  status: jobStatus,
  percent: z.int().nullable(),
  eta_seconds: z.int().nullable(),
  error: z.string().nullable(),
  event_id: z.string().nullable(),
  take_overs: z.int(),
  /** `pipeline`, `platform`, or the id of the user who asked. */
  caller: z.string(),
  created_at: rowTime,
  started_at: rowTime.nullable(),
  completed_at: rowTime.nullable(),
});
export type JobSummary = z.infer<typeof jobSummary>;

export const jobQuery = z.strictObject({
  scope: scope.default('mine'),
  /** Only those of this report. */
  report: reportRef.optional(),
  ...pageRequest,
});
export type JobQuery = z.input<typeof jobQuery>;
/** Newest first. */
export const jobPage = pageOf(jobSummary);
export type JobPage = z.infer<typeof jobPage>;

/** Tells a report's owner that its final is there. */
export const notification = z.object({
  id: z.int(),
  report_type: reportType,
  report_id: z.guid(),
  event_id: z.string(),
  created_at: rowTime,
  read_at: rowTime.nullable(),
});
export type Notification = z.infer<typeof notification>;

export const notificationQuery = z.strictObject({
  unread: z.boolean().default(false),
  limit: pageRequest.limit,
  /** The id of the last row of the page before. */
  before: z.int().nullish(),
});
export type NotificationQuery = z.input<typeof notificationQuery>;
/** Newest first; `next` is what `before` takes. */
export const notificationPage = z.object({
  /** Each with the title of its report; null: nothing names the report, or it is gone. */
  rows: z.array(notification.extend({ title: z.string().nullable() })),
  next: z.int().nullable(),
  /** Counted up to 100. */
  unread: z.int(),
});
export type NotificationPage = z.infer<typeof notificationPage>;
