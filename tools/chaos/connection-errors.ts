import { setTimeout as sleep } from 'node:timers/promises';
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

/**
 * Rejects when `work` is not done in time: postgres.js never answers a query that it wrote to a connection that had just
 * ended, nor the transaction around it.
 */
export async function orLost<T>(work: PromiseLike<T>, limitMs = 60_000): Promise<T> {
  const answered = new AbortController();
  const lost = sleep(limitMs, undefined, { signal: answered.signal }).then(() => {
    throw new Error(`No answer in ${limitMs / 1000} s.`);
  });
  try {
    return await Promise.race([work, lost]);
  } finally {
    lost.catch(() => undefined);
    answered.abort();
  }
}
