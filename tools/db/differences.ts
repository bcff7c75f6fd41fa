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
import { statedRights } from './stated-rights.ts';
import { STORE_ROLE } from '../../src/server/store/routines.ts';
import type { Migrated } from './throwaway.ts';

export interface Differences {
  /** Objects that the sources make differently than the migrations did. */
  changes: Change[];
  /** The sources of those changes, in the order of application. */
  changed: Source[];
  /** Sources whose objects PostgreSQL cannot replace in place. */
  replacements: Replacement[];
  /** Objects of the migrations that no source makes any more. */
  orphans: CatalogueEntry[];
  /** Catalogue keys of the functions that the sources declare. */
  declared: ReadonlySet<string>;
  applied: Catalogue;
  /** Functions that the direct store's role should be able to execute but cannot. */
  ungranted: string[];
}

/** Applies the sources to a migrated database and returns the changes. @param sql one connection */
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
    ungranted: await ungrantedOf(sql, sources),
  };
}

/**
 * Judged by the rights in the sources. A function that was dropped and created again has lost its grants, so this looks at
 * the explicit grant.
 */
async function ungrantedOf(sql: postgres.Sql, sources: readonly Source[]): Promise<string[]> {
  const signatures = sources.flatMap((source) =>
    source.kind === 'function' && statedRights(source).rights.some(({ grantee }) => grantee === STORE_ROLE)
      ? [source.signature]
      : [],
  );
  const rows = await sql<{ signature: string }[]>`
    select signature from unnest(${sql.array(signatures)}::text[]) signature
    where not exists (
      select from pg_proc, aclexplode(proacl) held join pg_roles on pg_roles.oid = held.grantee
      where pg_proc.oid = to_regprocedure(signature) and rolname = ${STORE_ROLE} and privilege_type = 'EXECUTE')
    order by signature`;
  return rows.map(({ signature }) => signature);
}
