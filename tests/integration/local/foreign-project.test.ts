import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeDevFile } from '../../../tools/local/data-directory.ts';
import { describeAccess } from '../../../tools/local/describe-access.ts';
import { startLocalSystem } from '../../../tools/local/local-system.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startTestSupabase, type TestSupabase } from '../../support/supabase.ts';

let database: TestDatabase;
let supabase: TestSupabase;
let directory: string;
beforeEach(async () => {
  database = await createTestDatabase();
  supabase = await startTestSupabase(database.url);
  directory = await mkdtemp(join(tmpdir(), 'polaris-foreign-'));
  vi.stubEnv('SUPABASE_PUBLISHABLE_KEY', supabase.publishableKey);
  vi.stubEnv('SUPABASE_SECRET_KEY', supabase.secretKey);
  vi.stubEnv('SUPABASE_URL', supabase.url);
  vi.stubEnv('DATABASE_URL', database.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await supabase.stop();
  await database.drop();
  await rm(directory, { recursive: true });
});

async function start() {
  const lines: string[] = [];
  const system = await startLocalSystem({
    directory,
    ports: { supabaseApi: 0, database: 0, functions: 0 },
    onLine: (line) => lines.push(line),
  });
  return { system, lines, [Symbol.asyncDispose]: () => system[Symbol.asyncDispose]() };
}

async function people(): Promise<unknown> {
  const [row] = await database.sql`
    select (select count(*)::int from auth.users) as users, (select count(*)::int from public.operators) as operators`;
  return row;
}

it('makes accounts in a project on this machine', async () => {
  await using started = await start();
  const { system } = started;
  expect(system.dev).toMatchObject({
    operator: { email: 'operator@example.com' },
    user: { email: 'user@example.com' },
  });
  expect(await people()).toEqual({ users: 2, operators: 1 });
}, 120_000);

it.each<[string, 'SUPABASE_URL' | 'DATABASE_URL', (local: string) => string]>([
  ['whose API is elsewhere', 'SUPABASE_URL', () => 'https://project.supabase.co'],
  ['whose database is elsewhere', 'DATABASE_URL', (local) => `${local}?host=127.0.0.1`],
])(
  'makes no account and no operator in a project %s, and says so',
  async (_name, variable, address) => {
    vi.stubEnv(variable, address(process.env[variable] ?? ''));
    await using started = await start();
    const { system, lines } = started;
    expect(await people()).toEqual({ users: 0, operators: 0 });
    expect(system.accounts).toBeUndefined();
    expect(system.dev).not.toHaveProperty('operator');
    expect(system.dev).not.toHaveProperty('user');
    expect(lines.join('\n')).toContain('no accounts are made there');
    const remove = await writeDevFile(directory, system.dev);
    expect(describeAccess(system.dev, directory)).toContain('your own: this project is not local');
    await remove();
  },
  120_000,
);
