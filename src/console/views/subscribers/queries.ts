import { queryOptions } from '@tanstack/react-query';
import type { DatabaseClient } from '../../../services/database.ts';
import { getSubscriber } from '../../../services/subscribers.ts';
import { OPERATOR_KEY, refresh } from '../../lib/operator-queries.ts';
import { unwrap } from '../../lib/unwrap.ts';

export function subscriberQuery(client: DatabaseClient, id: string, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'subscriber', id],
    queryFn: ({ signal }) => unwrap(getSubscriber(client, id, { signal })),
    ...refresh(isPaused),
  });
}
