import { readFile } from 'node:fs/promises';
import postgres from 'postgres';
import { expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const MIGRATION = new URL('../../supabase/migrations/20261125060000_add_console.sql', import.meta.url);

async function asSuperuser(
  database: TestDatabase,
  work: (sql: postgres.Sql) => Promise<unknown>,
): Promise<void> {
  const sql = postgres(database.superuserUrl, { max: 1 });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}

it('publishes what the console listens to, where there is Realtime, once, and no table with a text in it', async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  // The publication was there before the migrations: this is the second time.
  await sql.unsafe(await readFile(MIGRATION, 'utf8'));
  const tables = await sql`
    select tablename from pg_publication_tables where pubname = 'supabase_realtime' order by tablename`;
  expect(tables.map(({ tablename }) => tablename as string)).toEqual([
    'report_notifications',
    'webhook_circuits',
    'webhook_deliveries',
  ]);
});

it('lets a project alone that publishes everything', async () => {
  await using database = await createTestDatabase();
  await asSuperuser(database, async (sql) => {
    await sql`drop publication supabase_realtime`;
    await sql`create publication supabase_realtime for all tables`;
  });
  await database.sql.unsafe(await readFile(MIGRATION, 'utf8'));
  const [row] = await database.sql`
    select puballtables from pg_publication where pubname = 'supabase_realtime'`;
  expect(row).toEqual({ puballtables: true });
});

it('leaves a project alone that has no Realtime', async () => {
  await using database = await createTestDatabase();
  await database.sql`drop publication supabase_realtime`;
  await database.sql.unsafe(await readFile(MIGRATION, 'utf8'));
  expect([...(await database.sql`select from pg_publication`)]).toEqual([]);
});
