import { infiniteQueryOptions } from '@tanstack/react-query';
import type { Cursor } from '../../../contracts/paging.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { getPlans } from '../../../services/plans.ts';
import { OPERATOR_KEY, readPage } from '../../lib/operator-queries.ts';

const PROGRESS_MS = 2_000;
const SLOW_MS = 15_000;

/** Replays and starts in the past, newest first: more often while one is under way. */
export function replaysQuery(client: DatabaseClient) {
  return infiniteQueryOptions({
    queryKey: [...OPERATOR_KEY, 'replays'],
    initialPageParam: null as Cursor | null,
    queryFn: ({ pageParam, signal }) =>
      readPage(getPlans(client, { limit: 20, cursor: pageParam, kinds: ['replay', 'start'] }, { signal })),
    getNextPageParam: ({ next }) => next,
    refetchInterval: ({ state }) => {
      const plans = state.data?.pages.flatMap(({ rows }) => rows) ?? [];
      return plans.some(({ status }) => status === 'running') ? PROGRESS_MS : SLOW_MS;
    },
  });
}
