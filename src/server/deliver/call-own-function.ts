import type { z } from 'zod';
import type { BearerKeys } from '../http/bearer.ts';
import { PLAIN_ANSWER, readStart } from '../http/read-start.ts';
import { bypassHeaders, siblingOf, type OwnDeployment } from './own-deployment.ts';

const ANSWER_BYTES = 16 * 1024;

/** Uses the deployment that receives webhooks: this call sends CRON_SECRET. */
export interface OwnCaller extends OwnDeployment {
  fetch: typeof fetch;
  cronSecrets: BearerKeys;
}

/**
 * Calls a function of ours as the cron does, in an invocation of its own. Tries one address after the other until one answers
 * with a 2xx.
 * @param what the call, as errors name it
 * @throws {Error} the error of the last address
 */
export async function callOwnFunction<Answer>(
  caller: OwnCaller,
  { path, method, timeoutMs, of, what, answer }: OwnCall<Answer>,
): Promise<Answer> {
  const limit = () => AbortSignal.timeout(timeoutMs);
  const all = limit();
  let failure: unknown;
  for (const base of caller.webhookBaseUrls) {
    if (of === 'all addresses' && all.aborted) break;
    try {
      const response = await caller.fetch(new URL(siblingOf(base, path)), {
        method,
        headers: {
          authorization: `Bearer ${caller.cronSecrets[0]}`,
          ...PLAIN_ANSWER,
          ...bypassHeaders(caller),
        },
        redirect: 'manual',
        signal: of === 'all addresses' ? all : limit(),
      });
      // Always read the answer: an unread one can end this process (see `readStart`).
      const { text } = await readStart(response, ANSWER_BYTES);
      if (!response.ok) throw new Error(`${what} was answered ${response.status}`);
      return answer.parse(JSON.parse(text));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

interface OwnCall<Answer> {
  /** Path and query below the common prefix of our functions: `/cron/take-over?job_id=…`. */
  path: string;
  method: 'GET' | 'POST';
  timeoutMs: number;
  /** What the time-out is of. An answer that takes long must not be waited for once per address. */
  of: 'each address' | 'all addresses';
  what: string;
  answer: z.ZodType<Answer>;
}
