import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../tools/local/migrate.ts';
import { requireSameHistory } from '../../tools/local/migration-history.ts';
import { createEmptyDatabase } from '../support/throwaway-database.ts';

let project: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'polaris-history-'));
  await mkdir(join(project, 'supabase/migrations'), { recursive: true });
  await write('20261201000000_a.sql', 'select 1;\n');
});

afterEach(() => rm(project, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(project, 'supabase/migrations', name), text);

describe('a local database that is started again', () => {
  it('is migrated on while its history continues', async () => {
    await using database = await createEmptyDatabase();
    await requireSameHistory(database.url, project, project);
    await migrate(database.url, project);
    await write('20261202000000_b.sql', 'select 2;\n');
    await requireSameHistory(database.url, project, project);
    await migrate(database.url, project);
    await requireSameHistory(database.url, project, project);
  });

  it('is refused when an applied migration has changed, and again the next time, until --fresh', async () => {
    await using database = await createEmptyDatabase();
    await requireSameHistory(database.url, project, project);
    await migrate(database.url, project);
    await write('20261201000000_a.sql', 'select 3;\n');
    const again = () => requireSameHistory(database.url, project, project);
    await expect(again()).rejects.toThrow(
      /20261201000000_a\.sql changed after being applied.*npm run dev -- --fresh/,
    );
    await expect(again()).rejects.toThrow('changed after being applied');
    await using empty = await createEmptyDatabase();
    await requireSameHistory(empty.url, project, project);
  });

  it('is refused when the folder has another history', async () => {
    await using database = await createEmptyDatabase();
    await requireSameHistory(database.url, project, project);
    await migrate(database.url, project);
    const folder = join(project, 'supabase/migrations');
    await rename(join(folder, '20261201000000_a.sql'), join(folder, '20261203000000_a.sql'));
    await expect(requireSameHistory(database.url, project, project)).rejects.toThrow(
      'this folder lacks 20261201000000, which were applied',
    );
  });
});

describe('npm run dev', () => {
  const dev = (args: string[], env: Record<string, string>) =>
    new Promise<{ code: unknown; output: string }>((resolve) => {
      const program = fileURLToPath(new URL('../../scripts/dev.ts', import.meta.url));
      const options = { env: { ...process.env, POLARIS_DATA_DIR: join(project, 'data'), ...env } };
      execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
        resolve({ code: error?.code, output: stdout + stderr });
      });
    });

  it('--fresh touches nothing when SUPABASE_URL names a database that is not local', async () => {
    await mkdir(join(project, 'data/postgres'), { recursive: true });
    const { code, output } = await dev(['--fresh'], { SUPABASE_URL: 'https://example.supabase.co' });
    expect(code).toBe(1);
    expect(output).toContain('SUPABASE_URL names another one');
    expect(await readdir(join(project, 'data'))).toEqual(['postgres']);
  });

  it('refuses an option that it does not know', async () => {
    const { code, output } = await dev(['--frsh'], {});
    expect(code).toBe(1);
    expect(output).toContain(`Unknown option '--frsh'`);
    expect(await readdir(project)).not.toContain('data');
  });
});
