import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { DatabaseClient } from '../services/database.ts';
import type { AuditQuery, AuditRow } from '../contracts/console-audit.ts';
import type { DeliveryQuery } from '../contracts/console-deliveries.ts';
import type { StatisticsQuery } from '../contracts/console-statistics.ts';
import type { Cursor } from '../contracts/paging.ts';
import { PLAN_KINDS } from '../contracts/plans.ts';
import type { Answer } from '../services/answer.ts';
import { getAuditRow, getEventTimeline, getPreviousAttempt } from '../services/audit.ts';
import { getDeliveryCauses, getPlans } from '../services/plans.ts';
import { getActors, getConsoleStatus } from '../services/status.ts';
import {
  getReportsWithFailedWebhooks,
  getWebhookAuditLog,
  getWebhookStatistics,
} from '../services/polarisReportsService.ts';
import { rangeOf, type TimeRange } from './time-range.ts';
import { unwrap } from './unwrap.ts';

/** Every operator's query has a key that begins with it, so that one call refreshes all. */
export const OPERATOR_KEY = ['operator'] as const;

export const REFRESH_MS = 5_000;

/** How a view refreshes by itself: while the tab is seen, and not while it is paused. */
export function refresh(isPaused: boolean) {
  return { refetchInterval: isPaused ? (false as const) : REFRESH_MS, refetchOnWindowFocus: !isPaused };
}

/**
 * How a list refreshes by itself: only while one page is shown. What is read further down should not move, and every page of it
 * would be read each time.
 */
export function refreshFirstPage(isPaused: boolean) {
  return {
    refetchInterval: ({ state }: { state: { data?: { pages: unknown[] } | undefined } }) =>
      isPaused || (state.data?.pages.length ?? 0) > 1 ? (false as const) : REFRESH_MS,
    refetchOnWindowFocus: !isPaused,
  };
}

/** A page of a list, and when it was read (in ms): the time that the query itself keeps moves with every further page. */
export async function readPage<T extends object>(
  answer: Promise<Answer<T>>,
): Promise<T & { readAt: number }> {
  return { ...(await unwrap(answer)), readAt: Date.now() };
}

export function statisticsQuery(client: DatabaseClient, time: StatisticsQuery, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'statistics', time],
    queryFn: ({ signal }) => unwrap(getWebhookStatistics(client, time, { signal })),
    // The figures of the window before stay until the new ones are there.
    placeholderData: keepPreviousData,
    ...refresh(isPaused),
  });
}

export type DeliveryFilter = Omit<DeliveryQuery, 'after' | 'before' | 'limit' | 'cursor'> & TimeRange;

export function deliveryQueryOf({ since, after, before, ...filter }: DeliveryFilter): DeliveryQuery {
  return { ...filter, ...rangeOf({ since, after, before }, Date.now()) };
}

export function deliveriesQuery(client: DatabaseClient, filter: DeliveryFilter, isPaused: boolean) {
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'deliveries', filter],
    // The first page has no cursor.
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      readPage(
        getReportsWithFailedWebhooks(client, { ...deliveryQueryOf(filter), cursor: pageParam }, { signal }),
      ),
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    ...refreshFirstPage(isPaused),
  });
}

export type AuditFilter = Omit<AuditQuery, 'after' | 'before' | 'limit' | 'cursor'> & TimeRange;

export function auditQuery(client: DatabaseClient, filter: AuditFilter, isPaused: boolean) {
  const { since, after, before, ...rest } = filter;
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'audit', filter],
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) => {
      const range = rangeOf({ since, after, before }, Date.now());
      return readPage(getWebhookAuditLog(client, { ...rest, ...range, cursor: pageParam }, { signal }));
    },
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    ...refreshFirstPage(isPaused),
  });
}

/** The log is append-only: a row never changes. */
export function auditRowQuery(client: DatabaseClient, id: string) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'audit-row', id],
    queryFn: ({ signal }) => unwrap(getAuditRow(client, id, { signal })),
    staleTime: Infinity,
  });
}

export function previousAttemptQuery(client: DatabaseClient, row: AuditRow) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'previous-attempt', row.id],
    queryFn: ({ signal }) => unwrap(getPreviousAttempt(client, row, { signal })),
    staleTime: Infinity,
  });
}

export function timelineQuery(client: DatabaseClient, eventId: string, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'timeline', eventId],
    queryFn: ({ signal }) => unwrap(getEventTimeline(client, eventId, { signal })),
    ...refresh(isPaused),
  });
}

/** How often what people asked for is read while nothing of it is under way, and what changes slowly. */
const SLOW_REFRESH_MS = 15_000;

export function causesQuery(client: DatabaseClient, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'causes'],
    queryFn: ({ signal }) => unwrap(getDeliveryCauses(client, { signal })),
    refetchInterval: isPaused ? (false as const) : SLOW_REFRESH_MS,
    refetchOnWindowFocus: !isPaused,
  });
}

const PROGRESS_MS = 2_000;

/** Redrives and retries that were asked for last: more often while one is under way. */
export function plansQuery(client: DatabaseClient) {
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'plans'],
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      readPage(getPlans(client, { limit: 5, cursor: pageParam, kinds: [...PLAN_KINDS] }, { signal })),
    getNextPageParam: ({ next }) => next,
    refetchInterval: ({ state }) => {
      const plans = state.data?.pages.flatMap(({ rows }) => rows) ?? [];
      return plans.some(({ status }) => status === 'running') ? PROGRESS_MS : SLOW_REFRESH_MS;
    },
  });
}

/** Who the ids in the audit are: it changes as seldom as operators do. */
export function actorsQuery(client: DatabaseClient) {
  return queryOptions({
    queryKey: ['actors'],
    queryFn: ({ signal }) => unwrap(getActors(client, { signal })),
    staleTime: 60_000,
  });
}

/** Also while the tab is hidden: its title, its icon and the browser's notifications tell of alerts. */
const HIDDEN_REFRESH_MS = 60_000;

export function statusQuery(client: DatabaseClient) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'status'],
    queryFn: ({ signal }) => unwrap(getConsoleStatus(client, { signal })),
    refetchInterval: () => (document.hidden ? HIDDEN_REFRESH_MS : 2 * REFRESH_MS),
    refetchIntervalInBackground: true,
  });
}
