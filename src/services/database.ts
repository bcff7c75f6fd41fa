import type { SupabaseClient } from '@supabase/supabase-js';
import type { z } from 'zod';
import type { Database } from '../contracts/database.types.ts';
import type { Cursor } from '../contracts/paging.ts';
import type { ReportType } from '../contracts/webhooks.ts';
import type { Exactly, ParametersOf, PublicFunctions } from '../contracts/sql-functions.ts';
import { ask, type Answer, type AuthOf, type CallOptions } from './answer.ts';

/**
 * What the services need of a client: any `SupabaseClient<Database>` has it, and so has the console's own. It knows our
 * tables and functions: a misspelled name does not compile.
 */
export type DatabaseClient = Pick<SupabaseClient<Database>, 'from' | 'rpc'> & AuthOf;

/** Calls a SQL function with the rights of the person who is signed in. Parameters that are undefined are left out. */
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
  // Safe: the tables of all report types have the same columns, so the columns of one are those of a type that the generated
  // database types do not know yet.
  return client.from(`${type}_reports` as 'org_reports');
}

/** The parameters that every list function takes. */
export function page({ limit, cursor }: { limit: number; cursor?: Cursor | null | undefined }) {
  return { p_limit: limit, p_cursor_at: cursor?.at, p_cursor_id: cursor?.id };
}
