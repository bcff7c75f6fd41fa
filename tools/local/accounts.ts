import { createClient } from '@supabase/supabase-js';
import type postgres from 'postgres';

interface Credentials {
  email: string;
  password: string;
}

export interface Account extends Credentials {
  id: string;
  accessToken: string;
}

/**
 * Signs an account in; signs it up first if it does not exist. If the project requires a confirmed address, confirms it by
 * SQL.
 */
export async function ensureAccount(
  supabase: { url: string; publishableKey: string },
  credentials: Credentials,
  sql: postgres.Sql,
): Promise<Account> {
  const { auth } = createClient(supabase.url, supabase.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  let { data, error } = await auth.signInWithPassword(credentials);
  if (data.session === null) {
    const signedUp = await auth.signUp(credentials);
    if (signedUp.error)
      throw new Error(`${credentials.email} could not be signed up`, { cause: signedUp.error });
    await sql`update auth.users set email_confirmed_at = now()
      where email = ${credentials.email} and email_confirmed_at is null`;
    ({ data, error } = await auth.signInWithPassword(credentials));
  }
  if (data.session === null) throw new Error(`${credentials.email} could not sign in`, { cause: error });
  return { ...credentials, id: data.session.user.id, accessToken: data.session.access_token };
}

export async function makeOperator(sql: postgres.Sql, userId: string): Promise<void> {
  await sql`insert into public.operators (user_id) values (${userId}) on conflict do nothing`;
}
