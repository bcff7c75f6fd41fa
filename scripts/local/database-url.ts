import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { devFile } from '../../src/contracts/dev.ts';
import { dataDirectory } from './data-directory.ts';

/**
 * The database that a program works on: that in DATABASE_URL, else that of the local system that runs.
 * @throws {Error} when there is neither
 */
export async function databaseUrl(): Promise<string> {
  const given = process.env['DATABASE_URL'];
  if (given) return given;
  const path = join(dataDirectory(), 'dev.json');
  const text = await readFile(path, 'utf8').catch(() => {
    throw new Error(`No database: set DATABASE_URL, or start npm run dev (there is no ${path}).`);
  });
  return devFile.parse(JSON.parse(text)).databaseUrl;
}

/** Whether a database is on this machine. */
export function isLocal(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
}
