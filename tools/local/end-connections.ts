import type postgres from 'postgres';

/**
 * Ends a client. Without a time-out, `end()` waits for ever if the server has closed a connection during a query, and the error
 * of that query is never printed.
 */
export function endConnections(sql: postgres.Sql): Promise<void> {
  return sql.end({ timeout: 5 });
}
