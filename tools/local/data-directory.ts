import { link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
  if (!(await createLock(path))) {
    const holder = await holderOf(path);
    if (await isProgram(holder)) throw alreadyRuns(directory, holder);
    await removeStaleLock(path, holder);
    if (!(await createLock(path))) throw alreadyRuns(directory, await holderOf(path));
  }
  return async () => {
    if ((await holderOf(path)) === process.pid) await rm(path, { force: true });
  };
}

/** Returns false if the file exists. Linked into place, so that no other program finds it without its holder. */
async function createLock(path: string): Promise<boolean> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${process.pid}\n`);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Moves the lock away before it looks at it: another program may have replaced the stale lock since. */
async function removeStaleLock(path: string, holder: number): Promise<void> {
  const moved = `${path}.${process.pid}`;
  try {
    await rename(path, moved);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  if ((await holderOf(moved)) !== holder) await link(moved, path).catch(() => undefined);
  await rm(moved, { force: true });
}

async function holderOf(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8').catch(() => ''));
}

/** Whether a lock's holder still runs. Pids are reused: only a program of this project holds the lock. */
async function isProgram(holder: number): Promise<boolean> {
  if (!(holder > 0) || holder === process.pid || !isAlive(holder)) return false;
  return /scripts[/\\]/.test((await commandOf(holder)) ?? '');
}

function alreadyRuns(directory: string, holder: number): Error {
  return new Error(
    `A local system runs on ${directory} already (process ${holder}). Stop it, or set POLARIS_DATA_DIR to another folder.`,
  );
}

/** What clients of the running local system need; null if none is running. */
export async function readDevFile(): Promise<ProjectDevFile | null> {
  const text = await readFile(devFileIn(dataDirectory()), 'utf8').catch(() => null);
  return text === null ? null : projectDevFile.parse(JSON.parse(text));
}

function devFileIn(directory: string): string {
  return join(directory, 'dev.json');
}

/** Writes `dev.json` for clients, readable by its owner only; returns a function that removes it. */
export async function writeDevFile(directory: string, content: ProjectDevFile): Promise<() => Promise<void>> {
  const path = devFileIn(directory);
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
