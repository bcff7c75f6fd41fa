import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';

export interface TestDatabase extends AsyncDisposable {
  url: string;
  sql: postgres.Sql;
}

/** A database of the calling test file's own, cloned from the migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { port, template } = inject('cluster');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const base = `postgresql://postgres:postgres@127.0.0.1:${port}`;
  const admin = postgres(`${base}/template1`, { max: 1, onnotice: () => undefined });
  await admin.unsafe(`create database ${name} template ${template} strategy file_copy`);
  const sql = postgres(`${base}/${name}`, { max: 20, onnotice: () => undefined });
  return {
    url: `${base}/${name}`,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

/** Adds a user and an empty report of theirs. */
export async function createReport(sql: postgres.Sql): Promise<{ userId: string; reportId: string }> {
  const userId = randomUUID();
  const reportId = randomUUID();
  await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
  await sql`insert into public.org_reports (id, user_id, user_data) values (${reportId}, ${userId}, '{}')`;
  return { userId, reportId };
}
