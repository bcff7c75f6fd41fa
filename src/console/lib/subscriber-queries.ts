import { queryOptions } from '@tanstack/react-query';
import type { DatabaseClient } from '../../services/database.ts';
import { explainEvent, getSubscribers } from '../../services/subscribers.ts';
import { OPERATOR_KEY, refresh } from './operator-queries.ts';
import { unwrap } from './unwrap.ts';

/** Apart from the other queries of operators: most views never need them. */
export function subscribersQuery(client: DatabaseClient, withRemoved: boolean, isPaused: boolean) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'subscribers', withRemoved],
    queryFn: ({ signal }) => unwrap(getSubscribers(client, { withRemoved }, { signal })),
    ...refresh(isPaused),
  });
}

export function explanationQuery(client: DatabaseClient, subscriberId: string, eventId: string) {
  return queryOptions({
    queryKey: [...OPERATOR_KEY, 'explanation', subscriberId, eventId],
    queryFn: ({ signal }) => unwrap(explainEvent(client, subscriberId, eventId, { signal })),
  });
}

export function subscriberHref(id: string): string {
  return `/subscribers/${encodeURIComponent(id)}`;
}
