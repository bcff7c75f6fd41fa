import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { databaseDirectory, lockDirectory, removeDatabase } from '../../../tools/local/data-directory.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
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

it('one of several programs that start at once locks the directory', async () => {
  const ROUNDS = 20;
  await mkdir(join(directory, 'scripts'));
  const program = join(directory, 'scripts/program.ts');
  const module = pathToFileURL(join(projectRoot, 'tools/local/data-directory.ts')).href;
  // In each round all programs lock at the same moment. They stay until the end: an ended holder would have left its lock.
  await writeFile(
    program,
    `const { lockDirectory } = await import(${JSON.stringify(module)});
    process.on('message', async (begin) => {
      const locked = [];
      for (let round = 0; round < ${ROUNDS}; round += 1) {
        while (Date.now() < begin + 50 * round);
        await lockDirectory(${JSON.stringify(directory)} + '/round-' + round).then(() => locked.push(round), () => undefined);
      }
      process.send(locked);
    });
    process.send('ready');`,
  );
  const programs = Array.from({ length: 4 }, () => fork(program));
  try {
    await Promise.all(programs.map((each) => once(each, 'message')));
    const answers = Promise.all(programs.map(async (each) => (await once(each, 'message'))[0] as number[]));
    for (const each of programs) each.send(Date.now() + 100);
    const rounds = (await answers).flat().sort((one, other) => one - other);
    expect(rounds).toEqual(Array.from({ length: ROUNDS }, (_, round) => round));
  } finally {
    const ended = programs.map((each) => once(each, 'exit'));
    for (const each of programs) each.kill();
    await Promise.all(ended);
  }
});

it('a lock that an ended program has left is replaced', async () => {
  await writeFile(join(directory, 'lock'), '2000000000\n');
  const unlock = await lockDirectory(directory);
  expect(await readFile(join(directory, 'lock'), 'utf8')).toBe(`${process.pid}\n`);
  await unlock();
  expect(await readdir(directory)).not.toContain('lock');
});

it("unlocking leaves another program's lock", async () => {
  const unlock = await lockDirectory(directory);
  await writeFile(join(directory, 'lock'), '1\n');
  await unlock();
  expect(await readFile(join(directory, 'lock'), 'utf8')).toBe('1\n');
});
