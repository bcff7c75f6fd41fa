import { queryOptions } from '@tanstack/react-query';
import type { Answer } from '../../services/answer.ts';
import type { DatabaseClient } from '../../services/database.ts';
import { getActors, getConsoleStatus } from '../../services/status.ts';
import { unwrap } from './unwrap.ts';

/** Every operator's query has a key that begins with it, so that one call refreshes all. */
export const OPERATOR_KEY = ['operator'] as const;

const REFRESH_MS = 5_000;

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
