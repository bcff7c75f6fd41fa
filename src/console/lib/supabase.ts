import { PostgrestClient } from '@supabase/postgrest-js';
import { AuthClient } from '@supabase/supabase-js';
import type { Database } from '../../contracts/database.types.ts';
import type { DatabaseClient } from '../../services/database.ts';
import { config, type Config } from './config.ts';

export const SESSION_KEY = 'polaris-session';

/** The one client of this page: it keeps the session in the browser's storage and refreshes it. */
export const supabase = config === null ? null : createConsoleClient(config);

/**
 * Auth and the REST API, put together as `createClient` of supabase-js does. That one also brings Storage, Functions and
 * Realtime, which were a tenth of what a browser loaded before sign-in. `useRealtime` loads the last of them.
 */
export function createConsoleClient(
  { VITE_SUPABASE_URL: url, VITE_SUPABASE_PUBLISHABLE_KEY: key }: Omit<Config, 'VITE_SUPABASE_REALTIME'>,
  request: typeof fetch = (input, init) => fetch(input, init),
): DatabaseClient {
  const auth = new AuthClient({
    url: addressOf(url, 'auth/v1').href,
    // Spelt as the client spells it: a second spelling would be a second value, which Auth refuses.
    headers: { apikey: key, Authorization: `Bearer ${key}` },
    storageKey: SESSION_KEY,
    fetch: request,
  });
  const rest = new PostgrestClient<Database>(addressOf(url, 'rest/v1').href, {
    headers: { apikey: key },
    async fetch(input, init) {
      const { data } = await auth.getSession();
      const headers = new Headers(init?.headers);
      headers.set('authorization', `Bearer ${data.session?.access_token ?? key}`);
      return request(input, { ...init, headers });
    },
  });
  const from: DatabaseClient['from'] = rest.from.bind(rest);
  const rpc: DatabaseClient['rpc'] = rest.rpc.bind(rest);
  return { auth, from, rpc };
}

/** A service of the project: its address may have a path of its own. */
export function addressOf(url: string, service: string): URL {
  return new URL(service, url.endsWith('/') ? url : `${url}/`);
}

/** `local`: in this browser. `global`: wherever the person is signed in. */
export type SignOutScope = 'local' | 'global';

/** Ends the session, or all of the person's. An error: only of `global`, and this browser is still signed in. */
export async function endSession(client: DatabaseClient, scope: SignOutScope): Promise<Error | null> {
  const { error } = await client.auth.signOut({ scope });
  if (error === null || scope === 'global') return error;
  // Without an answer the client would keep the session: whoever signs out must still be signed out.
  localStorage.removeItem(SESSION_KEY);
  return null;
}
