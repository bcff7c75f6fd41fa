import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';

/** Waits until this many connections to the database wait for locks; fails after ten seconds. */
export async function untilSomebodyWaits(sql: postgres.Sql, connections = 1): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const waiting = await sql`
      select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    if (waiting.length >= connections) return;
    if (Date.now() > deadline) throw new Error(`${waiting.length} connections wait for a lock`);
    await sleep(10);
  }
}

/** Runs in one transaction with the rights of a signed-in user, as behind the REST API. */
export async function asUser<T>(
  sql: postgres.Sql,
  userId: string,
  work: (sql: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const claims = JSON.stringify({ sub: userId, role: 'authenticated' });
  const result = await sql.begin(async (transaction) => {
    await transaction`
      select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
    return { value: await work(transaction) };
  });
  return result.value;
}
