import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { AllReportsQuery } from '../../../contracts/console-operator-reports.ts';
import type { Cursor } from '../../../contracts/paging.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { listAllReports } from '../../../services/operator-reports.ts';
import { listReportJobs } from '../../../services/report-jobs.ts';
import { OPERATOR_KEY, readPage, refreshFirstPage } from '../../lib/operator-queries.ts';
import { isUnfinished, LIVE_MS, QUIET_MS } from '../../lib/report-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

type ReportFilter = Omit<AllReportsQuery, 'limit' | 'cursor'>;

export function allReportsQuery(client: DatabaseClient, filter: ReportFilter, isPaused: boolean) {
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'reports', filter],
    // The first page has no cursor.
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      readPage(listAllReports(client, { ...filter, cursor: pageParam }, { signal })),
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    ...refreshFirstPage(isPaused),
  });
}

export function myJobsQuery(client: DatabaseClient) {
  return queryOptions({
    queryKey: ['my-jobs'],
    queryFn: ({ signal }) => unwrap(listReportJobs(client, { scope: 'mine', limit: 10 }, { signal })),
    refetchInterval: ({ state }) => (state.data?.rows.some(isUnfinished) ? LIVE_MS : QUIET_MS),
  });
}
