import type { Database } from '../contracts/database.types.ts';
import { createClient } from '@supabase/supabase-js';
import type { DatabaseClient } from '../services/database.ts';
import { config } from './config.ts';

const SESSION_KEY = 'polaris-session';

/** The one client of this page: it keeps the session in the browser's storage and refreshes it. */
export const supabase =
  config === null
    ? null
    : createClient<Database>(config.VITE_SUPABASE_URL, config.VITE_SUPABASE_PUBLISHABLE_KEY, {
        auth: { storageKey: SESSION_KEY },
      });

/** Ends the session in this browser; a person's other devices stay signed in. */
export async function endSession(client: DatabaseClient): Promise<void> {
  const { error } = await client.auth.signOut({ scope: 'local' });
  // Without an answer the client would keep the session: whoever signs out must be signed out all the same.
  if (error !== null) localStorage.removeItem(SESSION_KEY);
}
