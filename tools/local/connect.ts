import postgres from 'postgres';
import { isLocal } from './database-url.ts';
import { endConnections } from './end-connections.ts';

/**
 * Requires TLS for a database on another machine, since `postgres` does not encrypt by default. `sslmode` in the address
 * takes precedence. Without it, the connection is encrypted, but the server's certificate is not verified.
 */
export function tlsFor(url: string): { ssl?: 'require' } {
  return isLocal(url) || new URL(url).searchParams.has('sslmode') ? {} : { ssl: 'require' };
}

/**
 * One session for an operator's program, without a statement time-out. When the session ends, each further query fails: a new
 * session would lack the settings and locks of this one.
 * @throws {Error} with host and port if the database cannot be reached
 */
export async function connect(url: string): Promise<postgres.Sql> {
  const sql = postgres(url, {
    max: 1,
    onnotice: () => undefined,
    // By default, postgres.js replaces a connection after 30 to 60 minutes,
    max_lifetime: null,
    // and connects again after the server has closed the connection.
    onclose: () => void sql.end({ timeout: 0 }),
    ...tlsFor(url),
  });
  // It also tries again without end if what listens there closes each connection, as a tunnel without its server does.
  const giveUp = setTimeout(() => void sql.end({ timeout: 0 }), sql.options.connect_timeout * 1000);
  try {
    // Hosted projects end statements of `postgres` after two minutes.
    await sql`set statement_timeout = 0`;
  } catch (error) {
    await endConnections(sql);
    throw error instanceof postgres.PostgresError ? error : unreachable(sql, error);
  } finally {
    clearTimeout(giveUp);
  }
  return sql;
}

/** The error of a host with several addresses has a code and no message. */
function unreachable(sql: postgres.Sql, cause: unknown): Error {
  const { host, port } = sql.options;
  const server = host.map((name, index) => `${name}:${port[index]}`).join(', ');
  const reason = cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : 'unknown';
  return new Error(
    `The database at ${server} cannot be reached (${reason}): check DATABASE_URL and the network.`,
    { cause },
  );
}

/** Why a program with a session failed, for its operator. */
export function describeSessionFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return code.startsWith('CONNECTION_')
    ? `The connection to the database has ended (${code}). Run the command again.`
    : error.message;
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
