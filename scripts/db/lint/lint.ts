import type { Finding } from '../finding.ts';
import { readSources, type Source } from '../read-sources.ts';
import { lintMigrations } from './migrations.ts';
import { lintSource } from './sources.ts';

/** Everything that can be said of the files alone, without a database. */
export async function lint(folders: {
  sources: string;
  migrations: string;
}): Promise<{ sources: Source[]; findings: Finding[] }> {
  const { sources, findings } = await readSources(folders.sources);
  const each = await Promise.all(sources.map(lintSource));
  return { sources, findings: [...findings, ...each.flat(), ...(await lintMigrations(folders.migrations))] };
}
