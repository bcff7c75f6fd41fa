import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../tools/local/migrate.ts';
import { freePort } from '../../tools/local/ports.ts';
import { signal } from '../../tools/local/processes.ts';
import { startPostgresService } from '../../tools/local/services.ts';
import { openStoreRole } from '../../tools/local/store-role.ts';
import { prepareDatabase } from '../../tools/local/prepare-database.ts';
import { processesWith } from './processes.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The run's Postgres, and the migrated template that every test file clones. */
    cluster: { port: number; password: string; template: string };
    /** Marks the processes that this run's tests start. */
    runId: string;
  }
}

const TEMPLATE = 'postgres';
const GRACE_MS = 5_000;

/** One Postgres for the run, with one database that the Supabase CLI has migrated. Removed when the run ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'polaris-test-'));
  const port = await freePort();
  const password = randomUUID();
  // Its keeper ends it and removes the directory, also when this run is interrupted or killed.
  const server = await startPostgresService({
    directory,
    port,
    password,
    unsafelyFast: true,
    temporary: true,
  });
  const { url } = server.state();
  const runId = randomUUID();
  try {
    await prepareDatabase(url);
    await migrate(url);
    await openStoreRole(url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide('cluster', { port, password, template: TEMPLATE });
  project.provide('runId', runId);
  return async () => {
    try {
      await requireNothingLeft(url, runId);
    } finally {
      await server.stop();
    }
  };
}

/** A test file that does not clean up after itself fails the run. */
async function requireNothingLeft(url: string, runId: string): Promise<void> {
  const leaks = await leftProcesses(runId);
  const sql = postgres(url, { max: 1 });
  try {
    const databases = await sql`select datname from pg_database where datname like 'test\\_%'`;
    leaks.push(...databases.map(({ datname }) => `database ${String(datname)}`));
    const connections = await sql`
      select datname, application_name, query from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`;
    leaks.push(...connections.map((row) => `connection ${JSON.stringify(row)}`));
  } finally {
    await sql.end();
  }
  if (leaks.length > 0) throw new Error(`The tests left behind:\n${leaks.join('\n')}`);
}

/** Processes of this run, known by their environment; on systems without /proc it finds none. */
async function leftProcesses(runId: string): Promise<string[]> {
  const deadline = Date.now() + GRACE_MS;
  for (;;) {
    const left = await processesWith(runId);
    if (left.length === 0) return [];
    if (Date.now() > deadline) {
      for (const { pid } of left) signal(pid, 'SIGKILL');
      return left.map(({ pid, command }) => `process ${pid}: ${command}`);
    }
    await sleep(50);
  }
}
