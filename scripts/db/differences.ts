import type postgres from 'postgres';
import { applySources, type Replacement } from './apply-sources.ts';
import {
  compareCatalogues,
  functionKeys,
  readCatalogue,
  type Catalogue,
  type CatalogueEntry,
  type Change,
} from './catalogue.ts';
import { madeByFunctions, withoutSource } from './ownership.ts';
import type { Source } from './read-sources.ts';
import type { Migrated } from './throwaway.ts';

export interface Differences {
  /** What the sources make otherwise than the migrations did. */
  changes: Change[];
  /** Whose files hold those changes, in the order in which they are applied. */
  changed: Source[];
  /** What PostgreSQL cannot change in place. */
  replacements: Replacement[];
  /** What the migrations made and no source makes any more. */
  orphans: CatalogueEntry[];
  /** The catalogue's keys of the functions that the sources declare. */
  declared: ReadonlySet<string>;
  applied: Catalogue;
}

/** Applies the sources over a migrated database and tells what that changes. @param sql one connection */
export async function findDifferences(
  sql: postgres.Sql,
  { platform, migrated }: Migrated,
  sources: readonly Source[],
  schemas?: readonly string[],
): Promise<Differences> {
  const replacements = await applySources(sql, sources);
  const applied = await readCatalogue(sql, schemas);
  const signatures = sources.flatMap((source) => (source.kind === 'function' ? [source.signature] : []));
  const declared = new Set((await functionKeys(sql, signatures)).values());
  const changes = compareCatalogues(migrated, applied);
  const objects = new Set(changes.map(({ before, after }) => (after ?? before)?.object));
  const replaced = new Set(replacements.map(({ source }) => source));
  return {
    changes,
    changed: sources.filter((source) => objects.has(source.object) || replaced.has(source)),
    replacements,
    orphans: withoutSource(migrated, sources, platform, declared, await madeByFunctions(sources)),
    declared,
    applied,
  };
}
