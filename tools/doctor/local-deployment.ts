import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectDevFile } from '../../src/contracts/dev.ts';
import { dataDirectory } from '../local/data-directory.ts';
import { functionEnv } from '../local/function-env.ts';

/** The variables of the running local system, as its functions have them; null if none is running. */
export async function localDeployment(): Promise<Record<string, string> | null> {
  const text = await readFile(join(dataDirectory(), 'dev.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const dev = projectDevFile.parse(JSON.parse(text));
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
