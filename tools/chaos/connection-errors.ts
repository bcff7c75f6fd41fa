import postgres from 'postgres';

/**
 * SQLSTATEs that a run brings about itself: connections and servers that end, and waits that hosted roles end. A deadlock is
 * none of them.
 */
const EXPECTED = /^(?:08...|57P0[1-5]|57014|55P03)$/;

/** What PostgreSQL refused, in words; undefined where the connection broke or the wait was too long. */
export function unexpected(error: unknown): string | undefined {
  if (!(error instanceof postgres.PostgresError) || EXPECTED.test(error.code)) return undefined;
  return `${error.code} ${error.message}`;
}
