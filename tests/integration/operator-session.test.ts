import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../tools/local/connect.ts';
import { environment } from '../../tools/local/environment.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/locks.ts';

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
});
afterAll(() => database.drop());

it('a session that the server has ended is not replaced by one without its settings and locks', async () => {
  const session = await connect(database.url);
  const [first] = await session<{ pid: number }[]>`select pg_backend_pid() as pid`;
  await sql`select pg_terminate_backend(${first?.pid ?? 0})`;
  // The driver may not know yet when the first query begins.
  for (let query = 1; query <= 3; query += 1) await expect(session`select`).rejects.toThrow();
});

it('postgres.js does not replace a session by its age', async () => {
  const session = await connect(database.url);
  expect(session.options.max_lifetime).toBeNull();
  await session.end({ timeout: 5 });
});

it.each([
  ['verify', 'public.report_types'],
  ['upgrade', 'private.reports_to_import'],
])('npm run %s says why it ends when the server closes the session during a query', async (name, table) => {
  const locking = await sql.reserve();
  try {
    await locking.unsafe(`begin; lock table ${table} in access exclusive mode`);
    const child = spawn(process.execPath, [`scripts/${name}.ts`], {
      cwd: projectRoot,
      env: environment({ DATABASE_URL: database.url }),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const errors = text(child.stderr);
    await untilSomebodyWaits(sql);
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database()`;
    expect(await ended).toBe(1);
    expect(await errors).toMatch(/terminating connection|The connection to the database has ended/);
  } finally {
    await locking`rollback`;
    locking.release();
  }
});
