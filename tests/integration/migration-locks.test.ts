import { expect, it } from 'vitest';
import { createNewProject } from '../support/database.ts';
import { buildPlatform } from '../support/platform.ts';
import { allMigrations } from '../support/pushed-migrations.ts';

/**
 * Migrations that lock more than one table which others use: no call holds the one and waits for the other, or the migration gives
 * up before that is a deadlock (private.drop_references).
 */
const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  limit_trace_and_watch: ['webhook_counts', 'webhook_refusals'],
  check_types_of_events: ['report_events', 'report_types'],
  check_types_of_jobs: ['job_runs', 'report_types'],
  check_types_of_deliveries: ['report_types', 'webhook_deliveries', 'webhook_endpoints'],
  check_types_of_notifications: ['report_notifications', 'report_types'],
};

it('a migration locks one table at most against all calls: of two, a call may hold the other', async () => {
  const migrations = await allMigrations();
  await using database = await createNewProject({ alone: false });
  const { sql } = database;
  await buildPlatform(database.url, sql, 'history to 14');
  const applied = await sql<{ version: string }[]>`select version from supabase_migrations.schema_migrations`;
  const several: Record<string, string[]> = {};
  let locked = 0;
  for (const { version, name, statements } of migrations) {
    if (applied.some((known) => known.version === version)) continue;
    await sql.begin(async (push) => {
      const before = await push<{ oid: string }[]>`select oid::text from pg_class where relkind = 'r'`;
      for (const statement of statements) await push.unsafe(statement);
      // Until the end of the transaction no lock is given back.
      const tables = await push<{ oid: string; name: string }[]>`
        select class.oid::text, relname as name from pg_locks held join pg_class class on class.oid = held.relation
        where held.pid = pg_backend_pid() and mode = 'AccessExclusiveLock' and relkind = 'r' order by relname`;
      const existing = tables.filter(({ oid }) => before.some((known) => known.oid === oid));
      locked += existing.length;
      if (existing.length > 1) several[name] = existing.map((table) => table.name);
    });
  }
  expect(locked).toBeGreaterThan(10);
  expect(several).toEqual(SEVERAL);
});
