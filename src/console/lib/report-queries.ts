import { infiniteQueryOptions } from '@tanstack/react-query';
import type { JobSummary } from '../../contracts/console-reports.ts';
import type { Cursor } from '../../contracts/paging.ts';
import type { ReportType } from '../../contracts/webhooks.ts';
import type { DatabaseClient } from '../../services/database.ts';
import { listNotifications } from '../../services/notifications.ts';
import { listReports } from '../../services/reports.ts';
import { unwrap } from './unwrap.ts';

/** While something of it is under way. */
export const LIVE_MS = 1_000;
export const QUIET_MS = 15_000;

export function isUnfinished({ status }: Pick<JobSummary, 'status'>): boolean {
  return status === 'queued' || status === 'running';
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
