import { PostgrestClient } from '@supabase/postgrest-js';
import type { z } from 'zod';
import type { Sendable } from '../../contracts/text.ts';

/** Supabase did not give a well-formed answer. The caller should come again: nothing is known of what happened. */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable';
  readonly retryable = true;
}

/**
 * Calls a SQL function and parses its answer.
 * @throws {DatabaseUnavailable} for anything but an answer of that shape. REST layers answer 404 for a database that is
 * starting, so their status is never read for a meaning.
 */
export type Rpc = <T>(name: string, parameters: Record<string, Sendable>, answer: z.ZodType<T>) => Promise<T>;

/** How long one call may take, in milliseconds: less than a sender waits, so that it hears of it. */
const CALL_TIMEOUT_MS = 8000;

export function createRpc(options: { url: string; secretKey: string; fetch: typeof fetch }): Rpc {
  const client = new PostgrestClient(new URL('rest/v1', withSlash(options.url)).href, {
    headers: { apikey: options.secretKey, authorization: `Bearer ${options.secretKey}` },
    fetch: options.fetch,
  });
  return async (name, parameters, answer) => {
    const result = await client.rpc(name, parameters).abortSignal(AbortSignal.timeout(CALL_TIMEOUT_MS));
    if (result.error !== null) throw new DatabaseUnavailable(`${name} failed`, { cause: result.error });
    const data: unknown = result.data;
    const parsed = answer.safeParse(data);
    if (!parsed.success) {
      throw new DatabaseUnavailable(`${name} gave no answer of its shape`, { cause: parsed.error });
    }
    return parsed.data;
  };
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
