import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkBodies, SourceError } from './apply-sources.ts';
import { readCalledObjects } from './calls/called-objects.ts';
import { PLATFORM_CALLS, readCalls, RELEASED_CALLS, type Calls } from './calls/calls.ts';
import { compareCalls } from './calls/compare-calls.ts';
import { compareCatalogues, type CatalogueEntry } from './catalogue.ts';
import { checksumsOf, compareChecksums, readChecksums } from './checksums.ts';
import { generateTypes, securityFindings, TYPES } from './derived.ts';
import { findDifferences, type Differences } from './differences.ts';
import { formatFinding, type Finding } from './finding.ts';
import { lint } from './lint/lint.ts';
import { platformEntries } from './ownership.ts';
import type { Source } from './read-sources.ts';
import { compareRights, readRights } from './rights.ts';
import { PLATFORM_CHANGES, PLATFORM_TABLES } from './rooms.ts';
import { migrateInSteps, startThrowawayServer, withConnection, type Migrated } from './throwaway.ts';

/**
 * Checks sources, migrations, types and a migrated database against each other.
 * @param project the folder that holds `supabase/` and `src/`
 */
export async function check(project: string): Promise<Finding[]> {
  const folder = join(project, 'supabase/migrations');
  const { sources, findings } = await lint(project);
  findings.push(
    ...compareChecksums(
      await readChecksums(join(project, 'supabase/migrations.sha256')),
      await checksumsOf(folder),
    ),
  );
  const calls = await readAllCalls(project);
  await using server = await startThrowawayServer();
  const open = await server.createDatabase({ defaultPrivileges: 'open' });
  const closed = await server.createDatabase({ defaultPrivileges: 'closed' });
  const inOpen = await checkDatabase(open, project, sources, calls, async () => {
    findings.push(...(await checkTypes(open, project)), ...(await securityFindings(open, project)));
  });
  const inClosed = await checkDatabase(closed, project, sources, calls);
  return [...findings, ...merge(inOpen, inClosed)];
}

/** Skips lists that cannot be read: the lint reports those. */
async function readAllCalls(project: string): Promise<Calls[]> {
  const all = await Promise.all(
    [PLATFORM_CALLS, RELEASED_CALLS].map((path) => readCalls(join(project, path)).catch(() => undefined)),
  );
  return all.filter((calls) => calls !== undefined);
}

/**
 * Migrates a database, compares rights and the calls of other versions, and applies the sources.
 * @param derive called while the database is in the state that the migrations make
 */
export async function checkDatabase(
  url: string,
  project: string,
  sources: readonly Source[],
  calls: readonly Calls[] = [],
  derive: () => Promise<void> = () => Promise.resolve(),
): Promise<Finding[]> {
  const migrated = await migrateInSteps(url, project);
  const rights = compareRights(sources, await withConnection(url, (sql) => readRights(sql)));
  const objects = await withConnection(url, readCalledObjects);
  const lost = calls.flatMap((each) => compareCalls(each, objects));
  await derive();
  return [...rights, ...lost, ...(await checkSources(url, migrated, sources))];
}

/** Reports a finding of both databases once, and marks the others with their kind of default privileges. */
function merge(inOpen: readonly Finding[], inClosed: readonly Finding[]): Finding[] {
  const closed = new Map(inClosed.map((finding) => [formatFinding(finding), finding]));
  const only = (finding: Finding, kind: string): Finding => ({
    ...finding,
    message: `${finding.message} (only with ${kind} default privileges)`,
  });
  const merged = inOpen.map((finding) =>
    closed.delete(formatFinding(finding)) ? finding : only(finding, 'open'),
  );
  return [...merged, ...[...closed.values()].map((finding) => only(finding, 'closed'))];
}

async function checkTypes(url: string, project: string): Promise<Finding[]> {
  const committed = await readFile(join(project, TYPES), 'utf8').catch(() => '');
  if ((await generateTypes(url, project)) === committed) return [];
  return [{ where: TYPES, rule: 'types', message: 'differs from the migrations: run npm run db:types' }];
}

async function checkSources(url: string, migrated: Migrated, sources: readonly Source[]): Promise<Finding[]> {
  return withConnection(url, async (sql) => {
    let differences;
    try {
      differences = await findDifferences(sql, migrated, sources);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return [error.finding];
    }
    return [
      ...drift(differences),
      ...changedPlatform(migrated, sources, differences),
      ...orphans(differences),
      ...(await checkBodies(sql, sources)),
    ];
  });
}

function drift({ changes, replacements }: Differences): Finding[] {
  return [
    ...replacements.map(({ source, reason }): Finding => ({
      where: source.path,
      rule: 'drift',
      message: reason,
    })),
    ...changes.map(({ key, before, after }): Finding => ({
      where: key,
      rule: 'drift',
      message: `${
        before === undefined
          ? 'is in supabase/sql, but no migration makes it'
          : after === undefined
            ? 'goes when the sources are applied'
            : 'differs between supabase/sql and the migrations'
      }: run npm run db:migration`,
    })),
  ];
}

function changedPlatform(
  { platform, migrated }: Migrated,
  sources: readonly Source[],
  { declared }: Differences,
): Finding[] {
  const own = new Set(platformEntries(platform, sources, declared).map(({ key }) => key));
  const isDefault = (key: string) => key.startsWith('default privileges');
  return compareCatalogues(platform, migrated)
    .filter(({ key }) => !PLATFORM_CHANGES.has(key))
    .filter(({ key, before, after }) => own.has(key) || isDefault(key) || grantsColumn(before, after))
    .map(({ key }) => ({
      where: key,
      rule: 'platform',
      message: `is the platform's, and our migrations change it`,
    }));
}

/** A column that we add to a platform's table is ours; a right on it that we grant there is not allowed. */
function grantsColumn(before: CatalogueEntry | undefined, after: CatalogueEntry | undefined): boolean {
  return (
    after?.kind === 'column' &&
    PLATFORM_TABLES.includes(after.object) &&
    rightsIn(before?.definition) !== rightsIn(after.definition)
  );
}

function rightsIn(definition = ''): string {
  return definition.split('\n').find((line) => line.startsWith('rights: ')) ?? '';
}

function orphans({ orphans: entries }: Differences): Finding[] {
  return entries.map(({ key }) => ({
    where: key,
    rule: 'drift',
    message: 'is made by the migrations, but has no source: write its file, or drop it',
  }));
}
