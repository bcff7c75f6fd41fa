import postgres from 'postgres';
import { isLocal } from './database-url.ts';

/**
 * Requires TLS for a database on another machine, since `postgres` does not encrypt by default. `sslmode` in the address
 * takes precedence. Without it, the connection is encrypted, but the server's certificate is not verified.
 */
export function tlsFor(url: string): { ssl?: 'require' } {
  return isLocal(url) || new URL(url).searchParams.has('sslmode') ? {} : { ssl: 'require' };
}

/** One connection for an operator's program, without a statement time-out. */
export async function connect(url: string): Promise<postgres.Sql> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined, ...tlsFor(url) });
  try {
    // Hosted projects end statements of `postgres` after two minutes.
    await sql`set statement_timeout = 0`;
  } catch (error) {
    await sql.end();
    throw error;
  }
  return sql;
}

/** @throws {Error} if the database lacks our migrations (PostgreSQL itself would only name a missing table) */
export async function requirePushed(sql: postgres.Sql): Promise<void> {
  const [row] = await sql`select to_regclass('private.reports_to_import') is not null as pushed`;
  if (row?.['pushed'] !== true) {
    throw new Error(
      'Our migrations are not in this database. Push them first: npx supabase db push --remote="$DATABASE_URL"',
    );
  }
}
