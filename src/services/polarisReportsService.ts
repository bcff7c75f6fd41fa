import { z } from 'zod';
import { auditPage, auditQuery, type AuditPage, type AuditQuery } from '../contracts/console-audit.ts';
import {
  deliveryPage,
  deliveryQuery,
  type DeliveryPage,
  type DeliveryQuery,
} from '../contracts/console-deliveries.ts';
import {
  newReport,
  reportRecord,
  reportRef,
  reportWebhookStatus,
  type NewReport,
  type ReportRecord,
  type ReportRef,
  type ReportWebhookStatus,
} from '../contracts/console-reports.ts';
import {
  statisticsQuery,
  webhookStatistics,
  type StatisticsQuery,
  type WebhookStatistics,
} from '../contracts/console-statistics.ts';
import type { TablesInsert } from '../contracts/database.types.ts';
import { retryAnswer, retryRequest, type RetryAnswer, type RetryRequest } from '../contracts/retry.ts';
import { ask, callApi, first, found, sessionOf, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, reportTable, type DatabaseClient } from './database.ts';

// All functions use the rights of the person signed in with `client`, and return errors as supabase-js does.

/** State of one report and its webhook. `not_found`: no such report, or the person may not see it. */
export async function getReportWebhookStatus(
  client: DatabaseClient,
  report: ReportRef,
  options: CallOptions = {},
): Promise<Answer<ReportWebhookStatus>> {
  return withInput(reportRef, report, async ({ report_type, report_id }) => {
    const parameters = { p_report_type: report_type, p_report_id: report_id };
    const answer = await call(
      client,
      'report_webhook_status',
      parameters,
      reportWebhookStatus.nullable(),
      options,
    );
    return found(answer, 'There is no such report.');
  });
}

/** Deliveries that have not succeeded, including dead letters, newest first. For operators; others get `42501`. */
export async function getReportsWithFailedWebhooks(
  client: DatabaseClient,
  query: DeliveryQuery = {},
  options: CallOptions = {},
): Promise<Answer<DeliveryPage>> {
  return withInput(deliveryQuery, query, (filter) =>
    call(
      client,
      'list_open_deliveries',
      {
        p_status: filter.status,
        p_report_type: filter.report_type,
        p_stage: filter.stage,
        p_dead_reason: filter.dead_reason,
        p_error: filter.error,
        p_endpoint_id: filter.endpoint_id,
        p_response_status: filter.response_status?.toString(),
        p_cause: filter.cause,
        p_after: filter.after,
        p_before: filter.before,
        ...page(filter),
      },
      deliveryPage,
      options,
    ),
  );
}

/**
 * Retries the delivery of an event now, or else a report's latest delivery (of that type). For operators. Codes:
 * `delivery_failed` (it failed again; `details` say why), `delivery_busy` (another process holds it), `delivery_not_found`,
 * `report_not_found`, `forbidden`.
 */
export async function retryFailedWebhook(
  client: DatabaseClient,
  request: RetryRequest,
  options: CallOptions = {},
): Promise<Answer<RetryAnswer>> {
  return withInput(retryRequest, request, (body) =>
    callApi(client, retryAnswer, { method: 'POST', path: '/webhooks/retry', body }, options),
  );
}

/** The audit log, newest first. For operators; others get `42501`. */
export async function getWebhookAuditLog(
  client: DatabaseClient,
  query: AuditQuery = {},
  options: CallOptions = {},
): Promise<Answer<AuditPage>> {
  return withInput(auditQuery, query, (filter) =>
    call(
      client,
      'list_webhook_audit',
      {
        p_search: filter.search,
        p_outcome: filter.outcome,
        p_direction: filter.direction,
        p_response_status: filter.response_status?.toString(),
        p_actor: filter.actor,
        p_after: filter.after,
        p_before: filter.before,
        ...page(filter),
      },
      auditPage,
      options,
    ),
  );
}

/**
 * Statistics of webhooks for the last hour (day, week) or for a range, and what waits now. For operators; others get
 * `42501`. A range is counted in whole buckets, of the finest size that is kept for that time.
 */
export async function getWebhookStatistics(
  client: DatabaseClient,
  query: StatisticsQuery = 'hour',
  options: CallOptions = {},
): Promise<Answer<WebhookStatistics>> {
  return withInput(statisticsQuery, query, (time) =>
    call(
      client,
      'webhook_statistics',
      typeof time === 'string' ? { p_window: time } : { p_after: time.after, p_before: time.before },
      webhookStatistics,
      options,
    ),
  );
}

/** Adds a report of the signed-in person. A finished text is recorded as an event of channel `owner` in the same transaction. */
export async function createReportWithWebhookTracking(
  client: DatabaseClient,
  report: NewReport,
  { signal }: CallOptions = {},
): Promise<Answer<ReportRecord>> {
  return withInput(newReport, report, async ({ report_type, ...row }) => {
    const session = await sessionOf(client);
    if (session.error !== null) return session;
    // Safe: the schema has parsed each column. Undefined members are omitted from the JSON that is sent.
    const values = { ...row, user_id: session.data.user.id } as TablesInsert<'org_reports'>;
    const insert = reportTable(client, report_type).insert(values).select();
    const answer = await ask(client, signal ? insert.abortSignal(signal) : insert, z.array(reportRecord));
    return first(answer, 'The report was not added.');
  });
}
