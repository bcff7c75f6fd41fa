import { queryOptions } from '@tanstack/react-query';
import type { ReportRef } from '../../../contracts/console-reports.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { getReportWebhookStatus } from '../../../services/polarisReportsService.ts';
import { getReportHistory } from '../../../services/report-history.ts';
import { listReportJobs } from '../../../services/report-jobs.ts';
import { getReport, getReportResults } from '../../../services/reports.ts';
import { OPERATOR_KEY, refresh } from '../../lib/operator-queries.ts';
import { isUnfinished, LIVE_MS, QUIET_MS } from '../../lib/report-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

// What has been asked about one report has a key that begins with it, so that one call refreshes all.

export function reportKey({ report_type, report_id }: ReportRef) {
  return ['report', report_type, report_id] as const;
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

export function reportHistoryQuery(client: DatabaseClient, report: ReportRef, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'history', report.report_type, report.report_id],
    queryFn: ({ signal }) => unwrap(getReportHistory(client, report, { signal })),
    ...refresh(isPaused),
  });
}
