/**
 * Keeps what is derived from the migrations: the database types, and the schema dump that shows in a diff what a
 * migration changes. `node scripts/schema.ts` writes both; with `--check` it compares them and asks the advisors instead,
 * and fails where they differ or the advisors find a security fault.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { migrate } from './local/migrate.ts';
import { projectRoot } from './local/paths.ts';
import { freePort } from './local/ports.ts';
import { startPostgresService } from './local/services.ts';
import { prepareDatabase } from './local/prepare-database.ts';
import { supabase } from './local/supabase-cli.ts';

const TYPES = join(projectRoot, 'src/contracts/database.types.ts');
const DUMP = join(projectRoot, 'supabase/schemas');

const findings = z.array(
  z.looseObject({ name: z.string(), detail: z.string(), categories: z.array(z.string()) }),
);

/** Every file below a folder, by its path in it. */
async function readFolder(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length + 1), await readFile(path, 'utf8'));
  }
  return files;
}

function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}

/** What the advisors say against security. They print a line about the connection before their JSON. */
async function securityFindings(databaseUrl: string): Promise<string[]> {
  const output = await supabase(['db', 'advisors', `--remote=${databaseUrl}`]);
  const start = output.indexOf('[');
  const all = findings.parse(start < 0 ? [] : JSON.parse(output.slice(start)));
  return all
    .filter(({ categories }) => categories.includes('SECURITY'))
    .map(({ name, detail }) => `${name}: ${detail}`);
}

async function derive(databaseUrl: string, workdir: string): Promise<{ types: string; dump: string }> {
  await cp(join(projectRoot, 'supabase'), join(workdir, 'supabase'), { recursive: true });
  const dump = join(workdir, 'supabase/schemas');
  await rm(dump, { recursive: true, force: true });
  await supabase(['db', 'schema', 'declarative', 'generate', `--remote=${databaseUrl}`, '--yes'], workdir);
  const output = await supabase(['gen', 'types', `--remote=${databaseUrl}`, '--schema', 'public'], workdir);
  // It prints a line about the connection first.
  return { types: output.slice(output.indexOf('export type')), dump };
}

async function main(check: boolean): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'polaris-schema-'));
  const server = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-schema-postgres-')),
    port: await freePort(),
    password: 'schema',
    unsafelyFast: true,
    temporary: true,
  });
  try {
    const { url } = server.state();
    await prepareDatabase(url);
    await migrate(url);
    const { types, dump } = await derive(url, directory);
    if (!check) {
      await writeFile(TYPES, types);
      await rm(DUMP, { recursive: true, force: true });
      await cp(dump, DUMP, { recursive: true });
      console.log('Written: src/contracts/database.types.ts and supabase/schemas.');
      return true;
    }
    const changed = differences(await readFolder(DUMP), await readFolder(dump)).map(
      (name) => `supabase/schemas/${name}`,
    );
    if ((await readFile(TYPES, 'utf8').catch(() => '')) !== types)
      changed.push('src/contracts/database.types.ts');
    const unsafe = await securityFindings(url);
    for (const name of changed) console.error(`differs from the migrations: ${name}`);
    for (const finding of unsafe) console.error(`advisors: ${finding}`);
    if (changed.length > 0) console.error('Run npm run db:schema, and commit what it writes.');
    if (changed.length + unsafe.length === 0)
      console.log('Types and dump fit the migrations; no security finding.');
    return changed.length + unsafe.length === 0;
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

process.exitCode = (await main(process.argv.includes('--check'))) ? 0 : 1;
