import { expect, it } from 'vitest';
import { isLocal } from '../../../scripts/local/database-url.ts';

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
