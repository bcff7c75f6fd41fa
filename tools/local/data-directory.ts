import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { projectDevFile, type ProjectDevFile } from '../../src/contracts/dev.ts';
import { commandOf, isAlive } from './processes.ts';
import { projectRoot } from './paths.ts';
import { removePostgres } from './postgres.ts';

/** `$POLARIS_DATA_DIR`, or `.data` in the project: where a local system keeps what it has. */
export function dataDirectory(): string {
  return resolve(process.env['POLARIS_DATA_DIR'] ?? join(projectRoot, '.data'));
}

/** Where the database's cluster is. */
export function databaseDirectory(directory: string): string {
  return join(directory, 'postgres');
}

/** Deletes the database and keeps the secrets. The caller holds the directory's lock. */
export function removeDatabase(directory: string): Promise<void> {
  return removePostgres(databaseDirectory(directory));
}

/**
 * Takes a data directory for this process, and answers how to give it back. Two systems on one directory would end
 * each other's database.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  await mkdir(directory, { recursive: true });
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    // Pids are used again: only a program of this project counts.
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

/** Writes `dev.json` for its clients, readable by its owner only, and answers how to remove it. */
export async function writeDevFile(directory: string, content: ProjectDevFile): Promise<() => Promise<void>> {
  const path = join(directory, 'dev.json');
  const draft = `${path}.${process.pid}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(projectDevFile.parse(content), null, 2)}\n`);
  } finally {
    await file.close();
  }
  // Whoever reads it never sees half of it.
  await rename(draft, path);
  return () => rm(path, { force: true });
}
