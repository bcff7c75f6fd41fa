import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isSessionLost, isTransient } from '../lib/errors.ts';

const RETRIES = 2;

/**
 * `onSessionLost` is told when an answer says that the token is no longer good. Queries that refresh by an interval pause
 * while the tab is hidden, which is the library's default.
 */
export function createQueryClient(onSessionLost: () => void): QueryClient {
  function onError(error: Error): void {
    if (isSessionLost(error)) onSessionLost();
  }
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < RETRIES && isTransient(error),
      },
      // Else what is pressed without a connection is held unseen, and done when there is one again.
      mutations: { networkMode: 'always' },
    },
  });
}
