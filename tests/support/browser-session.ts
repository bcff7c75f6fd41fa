import { createConsoleClient, SESSION_KEY } from '../../src/console/lib/supabase.ts';
import type { DatabaseClient } from '../../src/services/database.ts';

export { SESSION_KEY };

/** Returns the network's answer; throws if the network is down. */
export type Network = (url: URL, init: RequestInit | undefined) => Response | Promise<Response>;

export const PERSON = {
  id: '00000000-0000-4000-8000-000000000001',
  email: 'ada@example.com',
  aud: 'authenticated',
  app_metadata: {},
  user_metadata: {},
  created_at: '2026-01-01T00:00:00Z',
};

export function newSession(expiresInSeconds = 3600) {
  return {
    access_token: 'head.payload.signature',
    refresh_token: 'refresh',
    token_type: 'bearer',
    expires_in: expiresInSeconds,
    expires_at: Math.floor(Date.now() / 1000) + expiresInSeconds,
    user: PERSON,
  };
}

/** The console's client in a browser that keeps this session, over a network that a test answers for. */
export function browserClient(network: Network, session: object = newSession()): DatabaseClient {
  localStorage.setItem(SESSION_KEY, JSON.stringify(session));
  return createConsoleClient(
    { VITE_SUPABASE_URL: 'http://project.test', VITE_SUPABASE_PUBLISHABLE_KEY: 'publishable' },
    async (input, init) => network(new URL(input instanceof Request ? input.url : input), init),
  );
}
