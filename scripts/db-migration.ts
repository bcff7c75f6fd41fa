/**
 * Writes a migration from the differences between supabase/sql and the migrations. `--rewrite` regenerates the generated
 * parts of unreleased migrations instead.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SourceError } from '../tools/db/apply-sources.ts';
import { readChecksums } from '../tools/db/checksums.ts';
import { findDifferences } from '../tools/db/differences.ts';
import { formatFinding } from '../tools/db/finding.ts';
import { lintSource } from '../tools/db/lint/sources.ts';
import { readSources, type Source } from '../tools/db/read-sources.ts';
import { rewriteMigrations } from '../tools/db/rewrite-migrations.ts';
import { migrateInSteps, startThrowawayServer, withConnection } from '../tools/db/throwaway.ts';
import { RefusedError, requireRequest, writeMigration } from '../tools/db/write-migration.ts';
import { projectRoot } from '../tools/local/paths.ts';
import { describeError, WrongUse } from '../tools/local/wrong-use.ts';

const FOLDER = join(projectRoot, 'supabase/migrations');
const USAGE = 'npm run db:migration -- <name> "<why>", or npm run db:migration -- --rewrite';

/** Refuses sources that the lint rejects: a migration generated from them would have to be generated again. */
async function soundSources(): Promise<Source[]> {
  const { sources, findings } = await readSources(join(projectRoot, 'supabase/sql'));
  for (const source of sources) findings.push(...(await lintSource(source)));
  if (findings.length > 0) throw new RefusedError(findings.map(formatFinding).join('\n'));
  return sources;
}

async function rewrite(): Promise<void> {
  const released = await readChecksums(join(projectRoot, 'supabase/migrations.sha256'));
  const written = await rewriteMigrations(FOLDER, await soundSources(), new Set(released.keys()));
  console.log(written.length === 0 ? 'Nothing to rewrite.' : `Rewritten:\n${written.join('\n')}`);
}

async function write(name: string, why: string): Promise<void> {
  requireRequest({ name, why });
  const sources = await soundSources();
  await using server = await startThrowawayServer();
  const url = await server.createDatabase();
  const migrated = await migrateInSteps(url, projectRoot);
  const differences = await withConnection(url, (sql) => findDifferences(sql, migrated, sources));
  const { file, toConfirm } = await writeMigration(
    { folder: FOLDER, name, why, now: new Date() },
    differences,
  );
  console.log(`Written: supabase/migrations/${file}`);
  for (const drop of toConfirm)
    console.log(`A person must confirm this statement; the migration has it as a comment: ${drop};`);
}

try {
  const { values, positionals } = parseArgs({
    options: { rewrite: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [name, why, ...rest] = positionals;
  if (values.rewrite) {
    if (name !== undefined) throw new WrongUse(USAGE);
    await rewrite();
  } else {
    if (name === undefined || why === undefined || rest.length > 0) throw new WrongUse(USAGE);
    await write(name, why);
  }
} catch (error) {
  const isRefused = error instanceof RefusedError || error instanceof SourceError;
  console.error(isRefused ? error.message : describeError(error));
  process.exitCode = 1;
}
