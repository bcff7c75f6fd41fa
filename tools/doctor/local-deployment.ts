import { readDevFile } from '../local/data-directory.ts';
import { functionEnv } from '../local/function-env.ts';

/** The variables of the running local system, as its functions have them; null if none is running. */
export async function localDeployment(): Promise<Record<string, string> | null> {
  const dev = await readDevFile();
  if (dev === null) return null;
  return {
    ...functionEnv(
      { url: dev.supabaseUrl, publishableKey: dev.publishableKey, secretKey: dev.secretKey },
      dev,
    ),
    ...(dev.storeDatabaseUrl !== undefined && { STORE_DATABASE_URL: dev.storeDatabaseUrl }),
    WEBHOOK_BASE_URL: `${dev.url}/api/webhooks`,
    // The local API has no Realtime.
    VITE_SUPABASE_REALTIME: 'off',
  };
}
