import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';

export interface EmptyDatabase extends AsyncDisposable {
  url: string;
}

/** A database with only PostgreSQL's own objects, and a hosted project's default privileges. */
export async function createEmptyDatabase(): Promise<EmptyDatabase> {
  const { port, password } = inject('cluster');
  const base = `postgresql://postgres:${password}@127.0.0.1:${port}`;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const admin = postgres(`${base}/template1`, { max: 1, onnotice: () => undefined });
  await admin.unsafe(`create database ${name} template template0`);
  const url = `${base}/${name}`;
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  for (const kind of ['tables', 'functions', 'sequences']) {
    await sql.unsafe(
      `alter default privileges in schema public grant all on ${kind} to anon, authenticated, service_role`,
    );
  }
  await sql.end();
  return {
    url,
    async [Symbol.asyncDispose]() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
