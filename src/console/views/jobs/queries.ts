import { infiniteQueryOptions, keepPreviousData } from '@tanstack/react-query';
import type { JobListQuery } from '../../../contracts/console-jobs.ts';
import type { Cursor } from '../../../contracts/paging.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { listAllJobs } from '../../../services/report-jobs.ts';
import { OPERATOR_KEY, readPage, refreshFirstPage } from '../../lib/operator-queries.ts';
import { rangeOf, type TimeRange } from '../../lib/time-range.ts';

export type JobFilter = Omit<JobListQuery, 'after' | 'before' | 'limit' | 'cursor'> & TimeRange;

export function jobQueryOf({ since, after, before, ...rest }: JobFilter): JobListQuery {
  return { ...rest, ...rangeOf({ since, after, before }, Date.now()) };
}

export function allJobsQuery(client: DatabaseClient, filter: JobFilter, isPaused: boolean) {
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'jobs', filter],
    // The first page has no cursor.
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      readPage(listAllJobs(client, { ...jobQueryOf(filter), cursor: pageParam }, { signal })),
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    ...refreshFirstPage(isPaused),
  });
}
