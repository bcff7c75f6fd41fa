import postgres from 'postgres';
import { isLocal } from './database-url.ts';

/**
 * TLS for a database on another machine: `postgres` would send everything in the clear. What `sslmode` in the address says
 * comes first; without it the connection is encrypted, and the server's certificate is not checked.
 */
export function tlsFor(url: string): { ssl?: 'require' } {
  return isLocal(url) || new URL(url).searchParams.has('sslmode') ? {} : { ssl: 'require' };
}

/** One connection for a program that an operator waits for: no statement of it is ended by the role's time-out. */
export async function connect(url: string): Promise<postgres.Sql> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined, ...tlsFor(url) });
  try {
    // Hosted projects end any statement of postgres after two minutes.
    await sql`set statement_timeout = 0`;
  } catch (error) {
    await sql.end();
    throw error;
  }
  return sql;
}

/** @throws {Error} when our migrations are not pushed to the database: without it PostgreSQL only names a table that it lacks */
export async function requirePushed(sql: postgres.Sql): Promise<void> {
  const [row] = await sql`select to_regclass('private.reports_to_import') is not null as pushed`;
  if (row?.['pushed'] !== true) {
    throw new Error(
      'Our migrations are not in this database. Push them first: npx supabase db push --remote="$DATABASE_URL"',
    );
  }
}
