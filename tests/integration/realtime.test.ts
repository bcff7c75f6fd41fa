import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';

const MIGRATION = new URL('../../supabase/migrations/20261125000130_add_realtime.sql', import.meta.url);

it('publishes what the console listens to, where there is Realtime, once, and no table with a text in it', async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await sql`create publication supabase_realtime`;
  const migration = await readFile(MIGRATION, 'utf8');
  await sql.unsafe(migration);
  await sql.unsafe(migration);
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
  await database.sql`create publication supabase_realtime for all tables`;
  await database.sql.unsafe(await readFile(MIGRATION, 'utf8'));
  const [row] = await database.sql`
    select puballtables from pg_publication where pubname = 'supabase_realtime'`;
  expect(row).toEqual({ puballtables: true });
});
