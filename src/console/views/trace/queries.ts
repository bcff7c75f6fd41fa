import { queryOptions } from '@tanstack/react-query';
import { getTraces } from '../../../services/traces.ts';
import type { DatabaseClient } from '../../../services/database.ts';
import { OPERATOR_KEY, refresh } from '../../lib/operator-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

export function tracesQuery(client: DatabaseClient, id: string, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'trace', id],
    queryFn: ({ signal }) => unwrap(getTraces(client, id, { signal })),
    ...refresh(isPaused),
  });
}
