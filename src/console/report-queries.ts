import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { DatabaseClient } from '../services/database.ts';
import type { JobSummary, ReportRef } from '../contracts/console-reports.ts';
import type { Cursor } from '../contracts/paging.ts';
import type { ReportType } from '../contracts/webhooks.ts';
import { listNotifications } from '../services/notifications.ts';
import { getReportWebhookStatus } from '../services/polarisReportsService.ts';
import { listReportJobs } from '../services/report-jobs.ts';
import { getReport, getReportResults, listReports } from '../services/reports.ts';
import { unwrap } from './unwrap.ts';

// What has been asked about one report has a key that begins with it, so that one call refreshes all.

const LIVE_MS = 1_000;
const QUIET_MS = 15_000;

export function reportKey({ report_type, report_id }: ReportRef) {
  return ['report', report_type, report_id] as const;
}

export function isUnfinished({ status }: Pick<JobSummary, 'status'>): boolean {
  return status === 'queued' || status === 'running';
}

/** Read again when its content has changed; what could be read once is tried again by itself. */
export function reportQuery(client: DatabaseClient, ref: ReportRef) {
  return queryOptions({
    queryKey: [...reportKey(ref), 'record'],
    queryFn: ({ signal }) => unwrap(getReport(client, ref, { signal })),
    refetchInterval: ({ state }) => (state.status === 'error' && state.data !== undefined ? QUIET_MS : false),
  });
}

/** Asked every second while the webhook is on its way. */
export function webhookStatusQuery(client: DatabaseClient, ref: ReportRef, hasUnfinishedJob: boolean) {
  return queryOptions({
    queryKey: [...reportKey(ref), 'webhook'],
    queryFn: ({ signal }) => unwrap(getReportWebhookStatus(client, ref, { signal })),
    refetchInterval: ({ state }) => {
      const isSettled = state.data?.webhook_status === 'success' || state.data?.webhook_job_id === null;
      return hasUnfinishedJob || (state.data !== undefined && !isSettled) ? LIVE_MS : QUIET_MS;
    },
  });
}

/** Asked every second while one of them runs. */
export function reportJobsQuery(client: DatabaseClient, ref: ReportRef) {
  return queryOptions({
    queryKey: [...reportKey(ref), 'jobs'],
    queryFn: ({ signal }) =>
      unwrap(listReportJobs(client, { scope: 'all', report: ref, limit: 20 }, { signal })),
    refetchInterval: ({ state }) => (state.data?.rows.some(isUnfinished) ? LIVE_MS : QUIET_MS),
  });
}

/** `version` changes when a result is there that was not: the event that won, say. */
export function reportResultsQuery(client: DatabaseClient, ref: ReportRef, version: string) {
  return queryOptions({
    queryKey: [...reportKey(ref), 'results', version],
    queryFn: ({ signal }) => unwrap(getReportResults(client, ref, { signal })),
    placeholderData: (before) => before,
    staleTime: Infinity,
  });
}

export function myReportsQuery(client: DatabaseClient, reportType: ReportType | undefined) {
  return infiniteQueryOptions({
    queryKey: ['my-reports', reportType ?? 'all'],
    // The first page has no cursor.
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      unwrap(listReports(client, { scope: 'mine', report_type: reportType, cursor: pageParam }, { signal })),
    getNextPageParam: ({ next }) => next,
    refetchInterval: QUIET_MS,
  });
}

export function myJobsQuery(client: DatabaseClient) {
  return queryOptions({
    queryKey: ['my-jobs'],
    queryFn: ({ signal }) => unwrap(listReportJobs(client, { scope: 'mine', limit: 10 }, { signal })),
    refetchInterval: ({ state }) => (state.data?.rows.some(isUnfinished) ? LIVE_MS : QUIET_MS),
  });
}

export function notificationsQuery(client: DatabaseClient, isUnreadOnly: boolean) {
  return infiniteQueryOptions({
    queryKey: ['notifications', isUnreadOnly ? 'unread' : 'all'],
    initialPageParam: null as number | null,
    queryFn: ({ pageParam, signal }) =>
      unwrap(listNotifications(client, { unread: isUnreadOnly, before: pageParam }, { signal })),
    getNextPageParam: ({ next }) => next,
    refetchInterval: QUIET_MS,
  });
}
