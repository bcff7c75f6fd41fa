import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { endConnections } from '../local/end-connections.ts';
import { migrate } from '../local/migrate.ts';
import { freePort } from '../local/ports.ts';
import { prepareDatabase, type DatabaseOptions } from '../local/prepare-database.ts';
import { startPostgresService } from '../local/services.ts';
import { readCatalogue, type Catalogue } from './catalogue.ts';
import { isPlatformMigration } from './lint/migrations.ts';

export interface ThrowawayServer extends AsyncDisposable {
  /** Creates a database in the state of a hosted project before its first migration; returns its URL. */
  createDatabase(options?: DatabaseOptions): Promise<string>;
}

/** A PostgreSQL server for the lifetime of one program. Its databases are deleted with it. */
export async function startThrowawayServer(): Promise<ThrowawayServer> {
  const server = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-db-')),
    port: await freePort(),
    password: randomUUID(),
    unsafelyFast: true,
    temporary: true,
  });
  const { url } = server.state();
  let count = 0;
  return {
    async createDatabase(options) {
      const name = `throwaway_${++count}`;
      const sql = postgres(url, { max: 1, onnotice: () => undefined });
      try {
        await sql.unsafe(`create database ${name} template template0`);
      } finally {
        await endConnections(sql);
      }
      const own = new URL(url);
      own.pathname = name;
      await prepareDatabase(own.href, options);
      return own.href;
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Runs with a single connection, so that settings last from one statement to the next. */
export async function withConnection<Result>(
  url: string,
  run: (sql: postgres.Sql) => Promise<Result>,
): Promise<Result> {
  // By default, postgres.js replaces a connection after 30 to 60 minutes.
  const sql = postgres(url, { max: 1, onnotice: () => undefined, max_lifetime: null });
  try {
    return await run(sql);
  } finally {
    await endConnections(sql);
  }
}

export interface Migrated {
  /** The catalogue after the platform's own migrations alone. */
  platform: Catalogue;
  /** The catalogue after all migrations. */
  migrated: Catalogue;
}

/**
 * Applies a project's migrations as on a hosted project, the platform's own first.
 * @param project the folder that holds `supabase/`
 */
export async function migrateInSteps(
  url: string,
  project: string,
  schemas?: readonly string[],
): Promise<Migrated> {
  const read = () => withConnection(url, (sql) => readCatalogue(sql, schemas));
  const workdir = await mkdtemp(join(tmpdir(), 'polaris-platform-'));
  try {
    const from = join(project, 'supabase/migrations');
    const to = join(workdir, 'supabase/migrations');
    await mkdir(to, { recursive: true });
    const names = (await readdir(from)).filter(isPlatformMigration);
    for (const name of names) await cp(join(from, name), join(to, name));
    if (names.length > 0) await migrate(url, workdir);
  } finally {
    await rm(workdir, { recursive: true, force: true });
  }
  const platform = await read();
  await migrate(url, project);
  return { platform, migrated: await read() };
}
