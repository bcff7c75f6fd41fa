import { afterEach, expect, it, vi } from 'vitest';
import { databaseUrl, isLocal } from '../../../tools/local/database-url.ts';

it.each([
  'postgresql://postgres:pw@127.0.0.1:54322/postgres',
  'postgresql://postgres@localhost/postgres',
  'postgresql://postgres@[::1]:5432/postgres',
  'http://127.0.0.1:54321',
])('%s is on this machine', (url) => {
  expect(isLocal(url)).toBe(true);
});

it.each([
  'postgresql://postgres:pw@db.project.supabase.co:5432/postgres',
  'postgresql://postgres@127.0.0.1.example.com/postgres',
  'postgresql://postgres@localhost.example.com/postgres',
  'postgresql://postgres@localhost,db.example.com/postgres',
  'postgresql://postgres@localhost/postgres?host=db.example.com',
  'postgresql:///postgres?host=db.example.com',
  'https://project.supabase.co',
])('%s is not on this machine', (url) => {
  expect(isLocal(url)).toBe(false);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

it.each([
  '"postgresql://postgres:secret@db.example.com:5432/postgres"',
  'postgresql://postgres:sec/ret@db.example.com:5432/postgres',
  'https://postgres:secret@db.example.com',
  'db.example.com:5432',
])('DATABASE_URL=%s is refused, and not repeated', async (url) => {
  vi.stubEnv('DATABASE_URL', url);
  const message = await databaseUrl().catch(String);
  expect(message).toContain('DATABASE_URL must be an address');
  expect(message).not.toContain('sec');
});

it('DATABASE_URL loses the line break that a copy has brought', async () => {
  vi.stubEnv('DATABASE_URL', ' postgresql://postgres:pw@db.example.com:5432/postgres\n');
  expect(await databaseUrl()).toBe('postgresql://postgres:pw@db.example.com:5432/postgres');
});
