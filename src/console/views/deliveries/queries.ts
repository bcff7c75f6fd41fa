import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Cursor } from '../../../contracts/paging.ts';
import { PLAN_KINDS } from '../../../contracts/plans.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { getDeliveryCauses, getPlans } from '../../../services/plans.ts';
import { OPERATOR_KEY, readPage } from '../../lib/operator-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

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
