import type { SupabaseClient } from '@supabase/supabase-js';
import type { z } from 'zod';
import type { Database } from '../contracts/database.types.ts';
import type { Cursor } from '../contracts/paging.ts';
import type { ReportType } from '../contracts/webhooks.ts';
import type { Exactly, ParametersOf, PublicFunctions } from '../contracts/sql-functions.ts';
import { ask, type Answer, type AuthOf, type CallOptions } from './answer.ts';

/**
 * The part of a client that the services need: every `SupabaseClient<Database>` has it, as has the console's own client.
 * Table and function names are typed: a misspelled one does not compile.
 */
export type DatabaseClient = Pick<SupabaseClient<Database>, 'from' | 'rpc'> & AuthOf;

/** Calls a SQL function with the signed-in person's rights. Undefined parameters are left out. */
export function call<
  Name extends keyof PublicFunctions,
  Given extends ParametersOf<PublicFunctions, Name>,
  T,
>(
  client: DatabaseClient,
  name: Name,
  parameters: Exactly<ParametersOf<PublicFunctions, Name>, Given>,
  schema: z.ZodType<T>,
  { signal }: CallOptions,
): Promise<Answer<T>> {
  const query = client.rpc(name, parameters);
  return ask(client, signal ? query.abortSignal(signal) : query, schema);
}

/** The table of a report type. */
export function reportTable(client: DatabaseClient, type: ReportType) {
  // Safe: the tables of all report types have the same columns, including types that the generated database types do not know
  // yet.
  return client.from(`${type}_reports` as 'org_reports');
}

/** Parameters of every list function. */
export function page({ limit, cursor }: { limit: number; cursor?: Cursor | null | undefined }) {
  return { p_limit: limit, p_cursor_at: cursor?.at, p_cursor_id: cursor?.id };
}
