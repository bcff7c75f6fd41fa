import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Cursor } from '../../../contracts/paging.ts';
import { listAlerts } from '../../../services/alerts.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { OPERATOR_KEY, readPage, refresh, refreshFirstPage } from '../../lib/operator-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

export function alertsQuery(client: DatabaseClient, isPaused: boolean) {
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'alerts'],
    // The first page has no cursor.
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      readPage(listAlerts(client, { limit: 20, cursor: pageParam }, { signal })),
    getNextPageParam: ({ next }) => next,
    ...refreshFirstPage(isPaused),
  });
}

/** One alert with the silences that hold now; `alert` is null where there is none of this id. */
export function alertQuery(client: DatabaseClient, id: string, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'alert', id],
    queryFn: async ({ signal }) => {
      const { open, rows, silences } = await unwrap(listAlerts(client, { id, limit: 1 }, { signal }));
      return { alert: open?.[0] ?? rows[0] ?? null, silences };
    },
    ...refresh(isPaused),
  });
}
