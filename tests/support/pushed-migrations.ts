import postgres from 'postgres';
import { createTestDatabase } from './database.ts';

/** Applies a migration as the Supabase CLI pushes it: its statements and its history row, in one transaction. */
export interface Migration {
  version: string;
  name: string;
  statements: string[];
}

interface Pushed extends Migration {
  fromMs: number;
  toMs: number;
}

/** All migrations of this repository, with their statements as the CLI splits them: a migrated database's history has them. */
export async function allMigrations(): Promise<Migration[]> {
  await using database = await createTestDatabase();
  const rows = await database.sql<Migration[]>`
    select version, name, statements from supabase_migrations.schema_migrations order by version`;
  return rows.map((row) => ({ ...row }));
}

/**
 * Concerns one object of ours, which nobody else sees yet, and locks nothing that others use. There are hundreds of them: with a
 * pause at each, a lock that an earlier statement took would be held for longer than the platform's calls may take.
 */
const isDetail = (statement: string) =>
  /^(?:--.*\n|\s)*(?:comment on|revoke|grant|create or replace function|create function)\b/.test(statement);

/**
 * Pushes what the database lacks as the CLI does, on one connection.
 * @param hold called in each transaction, before its first statement and after all but functions, comments and rights: the transaction stays
 * open meanwhile
 */
export async function pushHeldOpen(databaseUrl: string, hold: () => Promise<void>): Promise<Pushed[]> {
  const migrations = await allMigrations();
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const known = await sql<{ version: string }[]>`
      select version from supabase_migrations.schema_migrations`;
    const pushed: Pushed[] = [];
    for (const migration of migrations) {
      if (!known.some(({ version }) => version === migration.version))
        pushed.push(await push(sql, migration, hold));
    }
    return pushed;
  } finally {
    await sql.end();
  }
}

async function push(sql: postgres.Sql, migration: Migration, hold: () => Promise<void>): Promise<Pushed> {
  const { version, name, statements } = migration;
  const fromMs = Date.now();
  await sql.begin(async (transaction) => {
    await hold();
    for (const statement of statements) {
      await transaction.unsafe(statement);
      if (!isDetail(statement)) await hold();
    }
    await transaction`
      insert into supabase_migrations.schema_migrations (version, name, statements)
      values (${version}, ${name}, ${statements})`;
  });
  return { ...migration, fromMs, toMs: Date.now() };
}
