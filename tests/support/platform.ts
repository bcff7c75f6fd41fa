import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type postgres from 'postgres';
import { migrate } from '../../tools/local/migrate.ts';
import { projectRoot } from '../../tools/local/paths.ts';

/** The three states of existing databases of the platform. */
export type PlatformState =
  /** All of the platform's migrations that can be applied. */
  | 'history to 14'
  /** Without jobs, starmaps and public sharing, which were added later. */
  | 'history to 11'
  /** All of the platform's objects, made in the SQL editor: there is no history. */
  | 'no history';

export const PLATFORM_STATES: readonly PlatformState[] = ['history to 14', 'history to 11', 'no history'];

/** The platform's project as far as it concerns us: its migrations and rows, and the catalogue that they make. */
export const platformFolder = join(projectRoot, 'tests/fixtures/platform');

const LAST_OF_11 = '20240101000011';

/** Gives a new project the platform's tables, functions and policies with rows in them, and the state's history. */
export async function buildPlatform(url: string, sql: postgres.Sql, state: PlatformState): Promise<void> {
  await using project = await platformProject(state === 'history to 11' ? LAST_OF_11 : undefined);
  await migrate(url, project.folder);
  for (const file of state === 'history to 11' ? ['rows.sql'] : ['rows.sql', 'later-rows.sql']) {
    await sql.unsafe(await readFile(join(platformFolder, file), 'utf8'));
  }
  if (state === 'no history') await sql.unsafe('drop schema supabase_migrations cascade');
}

export interface TemporaryProject extends AsyncDisposable {
  /** Holds `supabase/migrations`. */
  folder: string;
}

/** A copy of the platform's project, with its migrations up to a version. */
export async function platformProject(lastVersion?: string): Promise<TemporaryProject> {
  const folder = await mkdtemp(join(tmpdir(), 'polaris-platform-'));
  const from = join(platformFolder, 'supabase/migrations');
  const to = join(folder, 'supabase/migrations');
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    const version = name.slice(0, name.indexOf('_'));
    if (lastVersion === undefined || version <= lastVersion) await cp(join(from, name), join(to, name));
  }
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
