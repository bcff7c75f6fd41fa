import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { z } from 'zod';
import { endConnections } from './end-connections.ts';
import { projectRoot } from './paths.ts';

/** The local database was created from other migrations than those in the folder. */
class OtherHistoryError extends Error {
  override name = 'OtherHistoryError';
}

/** File name to SHA-256 of its content. */
const checksums = z.record(z.string(), z.string());
type Checksums = z.infer<typeof checksums>;

/** Why a database does not match the folder's migrations; empty if it does. */
export function historyProblems({
  applied,
  recorded,
  present,
}: {
  /** Versions that the database has recorded. */
  applied: readonly string[];
  /** Checksums of the files when they were applied, as far as known. */
  recorded: Checksums;
  present: Checksums;
}): string[] {
  const versionOf = (name: string) => name.slice(0, name.indexOf('_'));
  const names = Object.keys(present).sort();
  const versions = new Set(names.map(versionOf));
  const known = new Set(applied);
  const newest = [...applied].sort().at(-1) ?? '';
  const missing = applied.filter((version) => !versions.has(version));
  const changed = names.filter(
    (name) => known.has(versionOf(name)) && recorded[name] !== undefined && recorded[name] !== present[name],
  );
  const between = names.filter((name) => !known.has(versionOf(name)) && versionOf(name) < newest);
  const problems: string[] = [];
  if (missing.length > 0) problems.push(`this folder lacks ${list(missing)}, which were applied`);
  if (changed.length > 0) problems.push(`${list(changed)} changed after being applied`);
  if (between.length > 0) problems.push(`${list(between)} came before migrations that were applied`);
  return problems;
}

const LISTED = 3;

function list(names: readonly string[]): string {
  const more = names.length - LISTED;
  return `${names.slice(0, LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * Allows migration only if the database's history is a beginning of the folder's, and records the folder's checksums.
 * @param directory the cluster's directory: deleting the cluster deletes the checksums
 * @throws {OtherHistoryError} saying what differs and what to do
 */
export async function requireSameHistory(
  databaseUrl: string,
  directory: string,
  project = projectRoot,
): Promise<void> {
  const path = join(directory, 'migrations.json');
  const recorded = await readRecorded(path);
  const present = await readPresent(join(project, 'supabase/migrations'));
  const problems = historyProblems({ applied: await readApplied(databaseUrl), recorded, present });
  if (problems.length > 0) {
    throw new OtherHistoryError(
      `The local database in ${directory} was made from other migrations: ${problems.join('; ')}. ` +
        'Run npm run dev -- --fresh to delete the local database and to start with an empty one, ' +
        'or set POLARIS_DATA_DIR to another folder to keep it.',
    );
  }
  // Recorded before the migrations are applied: otherwise a killed start could leave applied ones unrecorded.
  await writeFile(path, `${JSON.stringify(present, null, 2)}\n`);
}

async function readApplied(databaseUrl: string): Promise<string[]> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [history] = await sql`select to_regclass('supabase_migrations.schema_migrations') as name`;
    if (history?.['name'] == null) return [];
    const rows = await sql<{ version: string }[]>`
      select version from supabase_migrations.schema_migrations order by version`;
    return rows.map(({ version }) => version);
  } finally {
    await endConnections(sql);
  }
}

async function readRecorded(path: string): Promise<Checksums> {
  const text = await readFile(path, 'utf8').catch(() => '{}');
  return checksums.parse(JSON.parse(text));
}

async function readPresent(folder: string): Promise<Checksums> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql'));
  const entries = names.map(async (name) => {
    const content = await readFile(join(folder, name));
    return [name, createHash('sha256').update(content).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
