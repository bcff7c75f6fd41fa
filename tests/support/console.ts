import type { Database } from '../../src/contracts/database.types.ts';
import { createClient } from '@supabase/supabase-js';
import type { DatabaseClient } from '../../src/services/database.ts';
import type { Account } from '../../tools/local/accounts.ts';
import type { Answer, ServiceError } from '../../src/services/answer.ts';
import type { TestSystem } from './system.ts';

/** The console's client as in a browser. Without an account, nobody is signed in. */
export async function consoleClient(system: TestSystem, account?: Account): Promise<DatabaseClient> {
  const { url, publishableKey } = system.supabase;
  const client = createClient<Database>(url, publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  if (account) {
    const { error } = await client.auth.signInWithPassword(account);
    if (error) throw error;
  }
  return client;
}

/** What a service function answered, which must not be an error. */
export async function dataOf<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error } = await answer;
  if (error !== null) throw new Error(`answered ${JSON.stringify(error)}`);
  return data;
}

/** The error that a service function answered. */
export async function errorOf(answer: Promise<Answer<unknown>>): Promise<ServiceError> {
  const { data, error } = await answer;
  if (error === null) throw new Error(`answered ${JSON.stringify(data)}`);
  return error;
}

interface Page<R> {
  rows: R[];
  next: { at: string; id: string } | null;
}

/** Every row of a list, page by page. `between` runs after each page. */
export async function allRows<R>(
  list: (cursor: Page<R>['next']) => Promise<Answer<Page<R>>>,
  between?: () => Promise<unknown>,
): Promise<R[]> {
  const rows: R[] = [];
  let cursor: Page<R>['next'] = null;
  do {
    const page: Page<R> = await dataOf(list(cursor));
    rows.push(...page.rows);
    cursor = page.next;
    await between?.();
  } while (cursor !== null);
  return rows;
}
