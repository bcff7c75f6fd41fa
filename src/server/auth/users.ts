import type { AuthError } from '@supabase/supabase-js';
import { z } from 'zod';
import { retryDeadSockets } from '../http/dead-sockets.ts';
import { DatabaseUnavailable } from '../store/store.ts';

/**
 * The user of an access token. `unauthorized`: the token is not valid. `anonymous_user`: the user signed in without an
 * account.
 */
export type FoundUser = { ok: true; userId: string } | { ok: false; code: 'unauthorized' | 'anonymous_user' };

/**
 * Finds the user whose access token this is.
 * @throws {DatabaseUnavailable} when Supabase Auth gives no usable answer: the caller should retry, not sign in again.
 */
export type FindUser = (accessToken: string) => Promise<FoundUser>;

const claims = z.object({
  sub: z.guid(),
  role: z.literal('authenticated'),
  is_anonymous: z.boolean().optional(),
});

const NOBODY: FoundUser = { ok: false, code: 'unauthorized' };

/** Auth answers within milliseconds. Without this limit, a hanging Auth would hold the caller until the function ends. */
const AUTH_TIMEOUT_MS = 5000;

const fetchAgain = retryDeadSockets(fetch);

const fetchInTime: typeof fetch = (input, init) =>
  fetchAgain(input, { ...init, signal: AbortSignal.timeout(AUTH_TIMEOUT_MS) });

export function createFindUser(options: { url: string; publishableKey: string }): FindUser {
  // Loaded with the first token of a user: most functions receive none.
  const client = once(async () => {
    const { createClient } = await import('@supabase/supabase-js');
    return createClient(options.url, options.publishableKey, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      global: { fetch: fetchInTime },
    });
  });
  return async (accessToken) => {
    if (accessToken.split('.').length !== 3) return NOBODY;
    const { auth } = await client();
    const { data, error } = await auth.getClaims(accessToken).catch(notAToken);
    if (error !== null) {
      if (isInconclusive(error))
        throw new DatabaseUnavailable('Supabase Auth did not answer', { cause: error });
      return NOBODY;
    }
    const parsed = claims.safeParse(data?.claims);
    if (!parsed.success) return NOBODY;
    // Anyone can create any number of such accounts, so no quota or budget would hold.
    if (parsed.data.is_anonymous === true) return { ok: false, code: 'anonymous_user' };
    return { ok: true, userId: parsed.data.sub };
  };
}

/** Auth was unreachable, overloaded or proxied; we cannot tell if the token is valid. */
function isInconclusive({ name, status = 0 }: AuthError): boolean {
  return name === 'AuthRetryableFetchError' || name === 'AuthUnknownError' || status === 429 || status >= 500;
}

/** `getClaims` throws for a malformed token; it returns an error when Auth cannot be reached. */
function notAToken(): { data: null; error: null } {
  return { data: null, error: null };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
