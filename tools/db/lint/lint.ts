import { join } from 'node:path';
import { lintCalls, PLATFORM_CALLS, RELEASED_CALLS } from '../calls/calls.ts';
import type { Finding } from '../finding.ts';
import { readSources, type Source } from '../read-sources.ts';
import { lintMigrations } from './migrations.ts';
import { lintSource } from './sources.ts';

/**
 * All checks that read only files, without a database.
 * @param project the folder that holds `supabase/`
 */
export async function lint(project: string): Promise<{ sources: Source[]; findings: Finding[] }> {
  const { sources, findings } = await readSources(join(project, 'supabase/sql'));
  const each = await Promise.all(sources.map(lintSource));
  const migrations = await lintMigrations(join(project, 'supabase/migrations'));
  const calls = await lintCalls(project, [PLATFORM_CALLS, RELEASED_CALLS]);
  return { sources, findings: [...findings, ...each.flat(), ...migrations, ...calls] };
}
