import { infiniteQueryOptions, keepPreviousData } from '@tanstack/react-query';
import type { DeliveryQuery } from '../../contracts/console-deliveries.ts';
import type { Cursor } from '../../contracts/paging.ts';
import type { DatabaseClient } from '../../services/database.ts';
import { getReportsWithFailedWebhooks } from '../../services/polarisReportsService.ts';
import { OPERATOR_KEY, readPage, refreshFirstPage } from './operator-queries.ts';
import { rangeOf, type TimeRange } from './time-range.ts';

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
