import type postgres from 'postgres';

/** With a user's rights and time-outs, as behind the REST API. */
export async function asOwner<T>(
  sql: postgres.Sql,
  userId: string,
  work: (other: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const claims = JSON.stringify({ sub: userId, role: 'authenticated' });
  const { result } = await sql.begin(async (other) => {
    await other`
      select set_config('statement_timeout', '8s', true), set_config('lock_timeout', '8s', true),
        set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
    return { result: await work(other) };
  });
  return result;
}

/** With the rights of the platform's functions, which have the service key. */
export async function asServer<T>(
  sql: postgres.Sql,
  work: (other: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const { result } = await sql.begin(async (other) => {
    await other`select set_config('role', 'service_role', true)`;
    return { result: await work(other) };
  });
  return result;
}
