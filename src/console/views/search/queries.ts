import { keepPreviousData, queryOptions, skipToken } from '@tanstack/react-query';
import type { DatabaseClient } from '../../../services/database.ts';
import { searchConsole } from '../../../services/operator-reports.ts';
import { unwrap } from '../../lib/unwrap.ts';

/** Asked once, and forgotten with the dialog: each look-up of an address is audited. Null: nothing is sought. */
export function searchQuery(client: DatabaseClient, text: string | null) {
  return queryOptions({
    queryKey: ['search', text],
    queryFn: text === null ? skipToken : ({ signal }) => unwrap(searchConsole(client, text, { signal })),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
