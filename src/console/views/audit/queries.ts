import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { AuditQuery, AuditRow } from '../../../contracts/console-audit.ts';
import type { Cursor } from '../../../contracts/paging.ts';
import { getAuditRow, getEventTimeline, getPreviousAttempt } from '../../../services/audit.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { getWebhookAuditLog } from '../../../services/polarisReportsService.ts';
import { OPERATOR_KEY, readPage, refresh, refreshFirstPage } from '../../lib/operator-queries.ts';
import { rangeOf, type TimeRange } from '../../lib/time-range.ts';
import { unwrap } from '../../lib/unwrap.ts';

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
