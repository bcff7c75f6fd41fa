import { createRestStore } from '../../../src/server/store/rest-store.ts';
import { startTestSupabase } from '../../support/supabase.ts';
import { describeStore, type SuiteFunctions } from './conformance.ts';

describeStore('the store over REST', async ({ databaseUrl, through, timeoutMs }) => {
  const supabase = await startTestSupabase(databaseUrl);
  const port = await through(Number(new URL(supabase.url).port));
  return {
    store: createRestStore<SuiteFunctions>({
      url: `http://127.0.0.1:${port}`,
      secretKey: supabase.secretKey,
      fetch,
      timeoutMs,
    }),
    stop: () => supabase.stop(),
  };
});
