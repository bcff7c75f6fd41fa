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

/** A report without its content; `title` names the person or subject of the report. */
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
  /** Any JSON, written by owners. Not validated by a JSON schema, which would recurse over any depth. */
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

/** `mine`: the signed-in person's own. `all`: all that the person may see, which for an operator is every report. */
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

/** Input of `createReportWithWebhookTracking`. */
export const newReport = byReportType({
  summary_id: z.guid().optional(),
  /** A finished text: recorded as an event of channel `owner`. */
  research_report: storableText.trim().min(1).optional(),
  /** Stage of the finished text, by default `prelim`. Without a text, a report has no stage. */
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

/** State of a report and its webhook. */
export const reportWebhookStatus = z.object({
  report_type: reportType,
  report_id: z.guid(),
  /** Names the person or subject of the report. */
  title: z.string().nullable(),
  research_status: researchStatus,
  stage: stage.nullable(),
  winner_event_id: z.string().nullable(),
  ...webhookColumns,
  webhook_response: json,
  updated_at: rowTime,
  /** Null: there is none, or the person is not an operator. */
  delivery: latestDelivery.nullable(),
});
export type ReportWebhookStatus = z.infer<typeof reportWebhookStatus>;

/** The newest completed result of each stage, for comparison. A superseded result loses its text when its retention ends. */
export const reportResult = z.object({
  stage,
  job_id: z.string().nullable(),
  requested_at: rowTime,
  research_report: z.string().nullable(),
});
export type ReportResult = z.infer<typeof reportResult>;

/** A job in a list. Its result is read separately, with `GET /api/reportJobsDb`. */
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

/** Tells a report's owner that its final is ready. */
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
/** Newest first; pass `next` as `before` for the next page. */
export const notificationPage = z.object({
  /** Each with its report's title; null: the report has no title or was deleted. */
  rows: z.array(notification.extend({ title: z.string().nullable() })),
  next: z.int().nullable(),
  /** Counted up to 100. */
  unread: z.int(),
});
export type NotificationPage = z.infer<typeof notificationPage>;
