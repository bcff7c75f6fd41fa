import type { SupabaseClient } from '@supabase/supabase-js';
import type { z } from 'zod';
import type { Cursor } from '../contracts/paging.ts';
import { ask, type Answer, type CallOptions } from './answer.ts';

/** Calls a SQL function with the rights of the person who is signed in. */
export function call<T>(
  client: SupabaseClient,
  name: string,
  parameters: Record<string, unknown>,
  schema: z.ZodType<T>,
  { signal }: CallOptions,
): Promise<Answer<T>> {
  const query = client.rpc(name, parameters);
  return ask(client, signal ? query.abortSignal(signal) : query, schema);
}

/** The parameters that every list function takes. */
export function page({ limit, cursor }: { limit: number; cursor?: Cursor | null | undefined }) {
  return { p_limit: limit, p_cursor_at: cursor?.at ?? null, p_cursor_id: cursor?.id ?? null };
}
