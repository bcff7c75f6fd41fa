import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { databaseDirectory, removeDatabase } from '../../../tools/local/data-directory.ts';
import { freePort } from '../../../tools/local/ports.ts';
import { findBinaries } from '../../../tools/local/postgres-binaries.ts';
import { startPostgres } from '../../../tools/local/postgres.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'polaris-data-'));
  await mkdir(join(databaseDirectory(directory), 'data'), { recursive: true });
  await writeFile(join(databaseDirectory(directory), 'data/PG_VERSION'), '17\n');
  await writeFile(join(directory, 'secrets.json'), '{}');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

it.each([
  ['of the first kind', undefined],
  ['of a later kind', '3\n'],
])('a database %s is not started, and the message says what to do', async (_kind, layout) => {
  const cluster = databaseDirectory(directory);
  if (layout !== undefined) await writeFile(join(cluster, 'layout'), layout);
  const starting = startPostgres({ directory: cluster, port: await freePort(), password: 'x' });
  await expect(starting).rejects.toThrow(/npm run dev -- --fresh/);
  expect(await readdir(join(cluster, 'data'))).toEqual(['PG_VERSION']);
});

it('--fresh deletes the database and keeps the secrets', async () => {
  await removeDatabase(directory);
  expect(await readdir(directory)).toEqual(['secrets.json']);
});

it('names the variable when its folder has no programs of PostgreSQL', async () => {
  vi.stubEnv('POLARIS_POSTGRES_BIN', directory);
  await expect(findBinaries()).rejects.toThrow(/POLARIS_POSTGRES_BIN.*initdb/);
});
