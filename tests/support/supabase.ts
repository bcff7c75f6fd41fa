import { inject } from 'vitest';
import type { SupabaseAccess } from '../../tools/local/function-env.ts';
import { freePort } from '../../tools/local/ports.ts';
import { createSecrets } from '../../tools/local/secrets.ts';
import { startSupabaseApiService } from '../../tools/local/services.ts';

export interface TestSupabase extends SupabaseAccess {
  /** Ends the API like a crash; `start` restarts it on the same port with the same keys. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Supabase's API over a test database, with keys of its own: layers with one secret accept each other's tokens. */
export async function startTestSupabase(databaseUrl: string): Promise<TestSupabase> {
  const { jwtSecret, publishableKey, secretKey } = createSecrets();
  const port = await freePort();
  const launch = () =>
    startSupabaseApiService(
      { databaseUrl, port, jwtSecret, publishableKey, secretKey },
      { env: { POLARIS_TEST_RUN: inject('runId') } },
    );
  let api = await launch();
  return {
    url: api.state().url,
    publishableKey,
    secretKey,
    kill: () => api.kill(),
    async start() {
      api = await launch();
    },
    stop: () => api.stop(),
  };
}
