import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Differences } from './differences.ts';
import { CHANGES_LINE, writeChanges, writeGrants } from './generated-part.ts';
import { listMigrations } from './lint/migrations.ts';
import type { CatalogueEntry } from './catalogue.ts';

/** A migration that this program refuses to write; the message says why. */
export class RefusedError extends Error {
  override name = 'RefusedError';
}

const MAX_NAME_CHARACTERS = 60;

interface MigrationRequest {
  /** The folder of migrations. */
  folder: string;
  name: string;
  why: string;
  now: Date;
}

export interface WrittenMigration {
  file: string;
  /** Drop statements that the migration has only as comments, because a person must decide about them. */
  toConfirm: string[];
}

/** @throws {RefusedError} when the name or the reason is malformed */
export function requireRequest({ name, why }: Pick<MigrationRequest, 'name' | 'why'>): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name) || name.length > MAX_NAME_CHARACTERS) {
    throw new RefusedError(
      `"${name}" is not a valid migration name: use lower-case letters, digits and _, beginning with a letter, at most ${MAX_NAME_CHARACTERS} characters, such as add_claims.`,
    );
  }
  if (why.trim() === '' || why.includes('\n')) {
    throw new RefusedError('Say in one line why: npm run db:migration -- <name> "<why>".');
  }
}

/**
 * Writes a migration from the differences.
 * @throws {RefusedError} when nothing differs, or the name or the reason is malformed
 */
export async function writeMigration(
  { folder, name, why, now }: MigrationRequest,
  { changed, changes, replacements, orphans, ungranted }: Differences,
): Promise<WrittenMigration> {
  requireRequest({ name, why });
  if (changed.length + orphans.length + ungranted.length === 0) {
    const unexplained = changes.map(({ key }) => key);
    throw new RefusedError(
      unexplained.length === 0
        ? 'Nothing differs: the migrations make what supabase/sql says.'
        : `These differences belong to no source: ${unexplained.join(', ')}.`,
    );
  }
  const existing = await listMigrations(folder);
  const taken = existing.find((file) => file.slice(file.indexOf('_') + 1) === `${name}.sql`);
  if (taken !== undefined) throw new RefusedError(`${taken} has this name already.`);

  const drops = [
    ...replacements.map(({ drop, reason }) => ({
      drop,
      why: `PostgreSQL cannot replace it in place: ${reason}`,
    })),
    ...orphans.map((entry) => ({ drop: dropOf(entry), why: `${entry.key} has no source any more` })),
  ];
  const confirm = drops.map(
    ({ drop, why: reason }) =>
      `-- To be confirmed: ${oneLine(reason)}. Remove the dashes to run it.\n-- ${drop};\n`,
  );
  const file = `${nextVersion(existing, now)}_${name}.sql`;
  const parts = [`-- Why: ${why.trim()}\n`, ...confirm, `${CHANGES_LINE}\n`];
  // A person must drop something first, and its policies and triggers may go with it.
  if (changed.length > 0) parts.push(writeChanges(changed, replacements.length > 0 ? undefined : changes));
  if (ungranted.length > 0) parts.push(writeGrants(ungranted));
  await writeFile(join(folder, file), parts.join('\n'));
  return { file, toConfirm: drops.map(({ drop }) => drop) };
}

function dropOf({ kind, key, object, name }: CatalogueEntry): string {
  if (kind === 'policy') return `drop policy "${name ?? ''}" on ${object}`;
  // The key of a function includes its argument types, that of a trigger its table.
  return `drop ${key}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** The current time in UTC, or one second after the newest migration, whichever is later. */
function nextVersion(existing: readonly string[], now: Date): string {
  const time = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const newest = existing.at(-1)?.slice(0, 14) ?? '';
  return time > newest ? time : String(BigInt(newest) + 1n);
}
