import { PostgrestClient } from '@supabase/postgrest-js';
import type { PublicFunctions, SqlFunctions } from '../../contracts/sql-functions.ts';
import { retryDeadSockets } from '../http/dead-sockets.ts';
import { RATE_LIMITED_CODE, readRefusal } from './rate-refusal.ts';
import { DatabaseUnavailable, RateLimited, SchemaMismatch, type Store } from './store.ts';

/**
 * Shorter than a sender waits for a webhook endpoint, so that the sender receives the 503. Longer than the
 * `statement_timeout` that each function called through REST states, so that the database ends a call first.
 */
export const CALL_TIMEOUT_MS = 8000;

/** PostgREST: no function, or more than one, has this name and these parameters. */
const MISMATCH_CODES: ReadonlySet<string> = new Set(['PGRST202', 'PGRST203']);

export interface RestStoreOptions {
  url: string;
  secretKey: string;
  fetch: typeof fetch;
  /** How long one call may take, in milliseconds. */
  timeoutMs?: number;
}

/** Calls SQL functions through Supabase's Data API. */
export function createRestStore<Functions extends SqlFunctions = PublicFunctions>(
  options: RestStoreOptions,
): Store<Functions> {
  const { timeoutMs = CALL_TIMEOUT_MS } = options;
  const client = new PostgrestClient(new URL('rest/v1', withSlash(options.url)).href, {
    headers: { apikey: options.secretKey, authorization: `Bearer ${options.secretKey}` },
    // The database recognises repeated calls that change something.
    fetch: retryDeadSockets(options.fetch),
  });
  return {
    async rpc(name, parameters, answer) {
      const result = await client.rpc(name, parameters).abortSignal(AbortSignal.timeout(timeoutMs));
      const { error } = result;
      // Only the code is read, not the status: a layer whose database is starting answers 404.
      if (error !== null && MISMATCH_CODES.has(error.code)) {
        throw new SchemaMismatch(name, { cause: error });
      }
      const refusal = error?.code === RATE_LIMITED_CODE ? readRefusal(error.details) : undefined;
      if (refusal !== undefined) throw new RateLimited(refusal);
      if (error !== null) throw new DatabaseUnavailable(`the call of ${name} failed`, { cause: error });
      const parsed = answer.safeParse(result.data);
      if (!parsed.success) {
        throw new DatabaseUnavailable(`the answer of ${name} does not match its schema`, {
          cause: parsed.error,
        });
      }
      return parsed.data;
    },
  };
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
