import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { projectDevFile, type ProjectDevFile } from '../../src/contracts/dev.ts';
import { commandOf, isAlive } from './processes.ts';
import { projectRoot } from './paths.ts';
import { removePostgres } from './postgres.ts';

/** Data directory of a local system: `$POLARIS_DATA_DIR`, or `.data` in the project. */
export function dataDirectory(): string {
  return resolve(process.env['POLARIS_DATA_DIR'] ?? join(projectRoot, '.data'));
}

/** The directory of the database cluster. */
export function databaseDirectory(directory: string): string {
  return join(directory, 'postgres');
}

/** Deletes the database and keeps the secrets. The caller holds the directory's lock. */
export function removeDatabase(directory: string): Promise<void> {
  return removePostgres(databaseDirectory(directory));
}

/**
 * Locks a data directory for this process; returns the unlock function. Two systems on one directory would end each other's
 * database.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  await mkdir(directory, { recursive: true });
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    // Pids are reused: only a program of this project holds the lock.
    const command = (await commandOf(holder)) ?? '';
    if (/scripts[/\\]/.test(command)) {
      throw new Error(
        `A local system runs on ${directory} already (process ${holder}). Stop it, or set POLARIS_DATA_DIR to another folder.`,
      );
    }
  }
  await writeFile(path, `${process.pid}\n`);
  return () => rm(path, { force: true });
}

/** Writes `dev.json` for clients, readable by its owner only; returns a function that removes it. */
export async function writeDevFile(directory: string, content: ProjectDevFile): Promise<() => Promise<void>> {
  const path = join(directory, 'dev.json');
  const draft = `${path}.${process.pid}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(projectDevFile.parse(content), null, 2)}\n`);
  } finally {
    await file.close();
  }
  // Renamed into place, so that readers never see half a file.
  await rename(draft, path);
  return () => rm(path, { force: true });
}
