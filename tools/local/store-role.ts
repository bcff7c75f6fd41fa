import postgres from 'postgres';
import { STORE_ROLE } from '../../src/server/store/routines.ts';
import { endConnections } from './end-connections.ts';
import { asRole } from './hosted-roles.ts';

/**
 * Allows the direct store's role to log in, with the cluster's one password. On a hosted project, an operator does this.
 * @param databaseUrl of a migrated database, as `postgres`
 * @returns STORE_DATABASE_URL
 */
export async function openStoreRole(databaseUrl: string): Promise<string> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const password = decodeURIComponent(new URL(databaseUrl).password);
    const [row] = await sql<{ statement: string }[]>`
      select format('alter role %I password %L', ${STORE_ROLE}::text, ${password}::text) as statement`;
    if (row !== undefined) await sql.unsafe(row.statement);
  } finally {
    await endConnections(sql);
  }
  return asRole(databaseUrl, STORE_ROLE);
}
