import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checksumsOf, compareChecksums, readChecksums, release } from '../../../tools/db/checksums.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polaris-checksums-'));
  path = join(folder, 'migrations.sha256');
  await writeFile(join(folder, '20240101000001_first.sql'), 'select 1;\n');
  await writeFile(join(folder, '20261201000000_second.sql'), 'select 2;\n');
});

afterEach(() => rm(folder, { recursive: true }));

async function findings(): Promise<string[]> {
  const found = compareChecksums(await readChecksums(path), await checksumsOf(folder));
  return found.map(({ where, message }) => `${where} ${message}`);
}

it('nothing is released before the first release, so that everything may change', async () => {
  expect(await findings()).toEqual([]);
  await writeFile(path, '# a head\n');
  expect(await findings()).toEqual([]);
});

it('a release writes what sha256sum writes, and agrees with the folder', async () => {
  expect(await release(path, folder)).toEqual(['20240101000001_first.sql', '20261201000000_second.sql']);
  expect([...(await readChecksums(path))]).toContainEqual([
    '20240101000001_first.sql',
    '4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c',
  ]);
  expect(await findings()).toEqual([]);
  expect(await release(path, folder)).toEqual([]);
});

it('a released migration that was changed is a finding, and stops the next release', async () => {
  await release(path, folder);
  await writeFile(join(folder, '20261201000000_second.sql'), 'select 3;\n');
  expect(await findings()).toEqual([expect.stringContaining('second.sql is released and has been changed')]);
  await expect(release(path, folder)).rejects.toThrow('has been changed');
});

it('a released migration that is missing is a finding', async () => {
  await release(path, folder);
  await rm(join(folder, '20240101000001_first.sql'));
  expect(await findings()).toEqual([expect.stringContaining('first.sql is released, and is missing')]);
});

it('a migration that came between released ones is a finding, a later one is none', async () => {
  await release(path, folder);
  await writeFile(join(folder, '20261202000000_third.sql'), '');
  expect(await findings()).toEqual([]);
  await writeFile(join(folder, '20260101000000_between.sql'), '');
  expect(await findings()).toEqual([expect.stringContaining('between.sql is not released but older than')]);
});

it('a malformed line is an error, not skipped', async () => {
  await writeFile(path, 'abc  20240101000001_first.sql\n');
  await expect(readChecksums(path)).rejects.toThrow('malformed line');
});
