import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyProject } from '../../../tools/build/copy-project.ts';

it('copies a project without its secrets, data and dependencies', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'polaris-copied-'));
  try {
    const from = join(folder, 'from');
    for (const name of ['api', 'node_modules', '.data', '.data-demo', '.vercel', '.git']) {
      await mkdir(join(from, name), { recursive: true });
      await writeFile(join(from, name, 'file'), '');
    }
    for (const name of ['.env', '.env.local', 'api/.env.local', 'env.example', 'vercel.json']) {
      await writeFile(join(from, name), '');
    }
    const to = join(folder, 'to');
    await copyProject(from, to);
    expect((await readdir(to, { recursive: true })).sort()).toEqual([
      'api',
      'api/file',
      'env.example',
      'vercel.json',
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
