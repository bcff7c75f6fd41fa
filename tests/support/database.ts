import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { inject } from 'vitest';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { prepareDatabase, type DatabaseOptions } from '../../tools/local/prepare-database.ts';
import type { ReportType } from '../../src/contracts/webhooks.ts';

export interface TestDatabase extends AsyncDisposable {
  /** As `postgres`, the owner without superuser rights, as on a hosted project. */
  url: string;
  sql: postgres.Sql;
  /** For what no hosted project allows: publications for all tables, auto_explain. End each connection before `drop`. */
  superuserUrl: string;
  /** As the role of the direct store. */
  storeUrl: string;
  /** Fails when an invariant is broken in it, or somebody is still connected: a pool or a process has leaked. */
  drop(): Promise<void>;
}

const CONNECTIONS = 20;
/** How long a backend may take to notice that its client is gone. */
const GRACE_MS = 2_000;

/** A database of the calling test file's own, cloned from the migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { template } = inject('cluster');
  const database = await createDatabase(`template ${template} strategy file_copy`);
  // As new as it looks. Five minutes after the template was made, an alert would say that no sweep runs.
  await database.sql`update private.watch_state set installed_at = now() where only_row`;
  async function drop(): Promise<void> {
    // Whatever a test has done, what must always hold does.
    const problems = await database.sql`select * from public.verify_reports()`;
    await database.drop();
    if (problems.length > 0) throw new Error(`verify_reports() says: ${JSON.stringify(problems)}`);
  }
  return { ...database, drop, [Symbol.asyncDispose]: drop };
}

/** A database with what a hosted project has before its first migration. */
export async function createNewProject(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const database = await createDatabase('template template0');
  await prepareDatabase(database.url, options);
  return database;
}

async function createDatabase(from: string): Promise<TestDatabase> {
  const { port, password } = inject('cluster');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const base = `postgresql://postgres:${password}@127.0.0.1:${port}`;
  const url = `${base}/${name}`;
  // A database with an open connection cannot be cloned, so that not even this one is to the template.
  const admin = postgres(`${base}/template1`, { max: 1, onnotice: () => undefined });
  await admin.unsafe(`create database ${name} ${from}`);
  const sql = postgres(url, { max: CONNECTIONS, onnotice: () => undefined });

  async function drop(): Promise<void> {
    await sql.end();
    try {
      const others = await connections(admin, name);
      await admin.unsafe(`drop database ${name} with (force)`);
      if (others.length > 0) throw new Error(`connections are left open: ${others.join('; ')}`);
    } finally {
      await admin.end();
    }
  }
  return {
    url,
    sql,
    superuserUrl: asRole(url, 'supabase_admin'),
    storeUrl: asRole(url, 'polaris_store'),
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

async function connections(admin: postgres.Sql, name: string): Promise<string[]> {
  const deadline = Date.now() + GRACE_MS;
  for (;;) {
    const rows = await admin<{ query: string }[]>`
      select query from pg_stat_activity where datname = ${name} and backend_type = 'client backend'`;
    if (rows.length === 0 || Date.now() > deadline) return rows.map(({ query }) => query);
    await sleep(20);
  }
}

export interface ReportOptions {
  type?: ReportType;
  /** Of an existing user; a new one is added when left out. */
  userId?: string;
  userData?: postgres.JSONValue;
}

/** Adds an empty report, and a user whose it is. */
export async function createReport(
  sql: postgres.Sql,
  { type = 'org', userId, userData = {} }: ReportOptions = {},
): Promise<{ userId: string; reportId: string }> {
  const owner = userId ?? randomUUID();
  const reportId = randomUUID();
  if (userId === undefined) {
    await sql`insert into auth.users (id, email) values (${owner}, ${`${owner}@example.com`})`;
  }
  await sql`insert into ${sql(`public.${type}_reports`)} (id, user_id, user_data)
    values (${reportId}, ${owner}, ${sql.json(userData)})`;
  return { userId: owner, reportId };
}
