import { queryOptions, skipToken } from '@tanstack/react-query';
import type { DatabaseClient } from '../../../services/database.ts';
import { findAccountContent } from '../../../services/erasure.ts';
import { unwrap } from '../../lib/unwrap.ts';

/** Asked once, since each look-up is audited, and forgotten with the view. `named`: an id or an e-mail address. */
export function accountContentQuery(client: DatabaseClient, named: string | undefined) {
  return queryOptions({
    queryKey: ['erasure', named ?? null],
    queryFn:
      named === undefined ? skipToken : ({ signal }) => unwrap(findAccountContent(client, named, { signal })),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
