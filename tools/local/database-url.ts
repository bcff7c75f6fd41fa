import { isLoopback } from '../../src/contracts/env-values.ts';
import { dataDirectory, readDevFile } from './data-directory.ts';

/**
 * The database to work on: DATABASE_URL, else the database of the running local system.
 * @throws {Error} if there is neither, or DATABASE_URL is malformed
 */
export async function databaseUrl(): Promise<string> {
  const given = process.env['DATABASE_URL']?.trim();
  if (given) {
    // The message must not repeat the value: it contains the password.
    if (!/^postgres(?:ql)?:$/.test(URL.parse(given)?.protocol ?? '')) {
      throw new Error(
        'DATABASE_URL must be an address such as postgresql://postgres:PASSWORD@db.example.com:5432/postgres, without quotes. In the password, write @ as %40, / as %2F and # as %23.',
      );
    }
    return given;
  }
  const dev = await readDevFile();
  if (dev !== null) return dev.databaseUrl;
  throw new Error(
    `No database: set DATABASE_URL, or start npm run dev (there is no dev.json in ${dataDirectory()}).`,
  );
}

/** Whether the server of this address is on this machine. */
export function isLocal(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  // PostgreSQL clients also accept a host in the query, which overrides the other.
  return isLoopback(hostname) && !searchParams.has('host') && !searchParams.has('hostaddr');
}
