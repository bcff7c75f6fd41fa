import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { readEnv } from '../../src/server/config/env.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const page = await readFile(join(projectRoot, 'docs/operations.md'), 'utf8');

/** The page's code blocks in this language, without the indentation of the surrounding list. */
function blocksOf(language: string): string[] {
  return [...page.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm'))].map(
    ([, indent = '', content = '']) => content.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

describe('the statements that docs/operations.md tells an operator to run', () => {
  /** What only a hosted project has: pg_cron and pg_net. Other tests have stand-ins for them. */
  const HOSTED_ONLY = /\bcron\.|schedule_sweep/;
  const statements = blocksOf('sql');

  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('are found', () => {
    expect(statements.length).toBeGreaterThan(20);
    expect(statements.filter((text) => HOSTED_ONLY.test(text)).length).toBeLessThan(5);
  });

  it.each(statements.filter((text) => !HOSTED_ONLY.test(text)))('%s', async (text) => {
    // As the owner of the database, as in the SQL editor; in one connection, since some hold a transaction.
    const editor = await database.sql.reserve();
    try {
      // Roles belong to the cluster, and other tests log in as them.
      if (text.startsWith('alter role ')) await editor.unsafe(`begin; ${text}; rollback;`);
      else await editor.unsafe(text);
    } finally {
      editor.release();
    }
  });
});

describe('the file of variables', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'polaris-operations-'));
    // Stands in for Vercel's CLI: keeps what it was told.
    const vercel = join(folder, 'vercel');
    await writeFile(
      vercel,
      '#!/bin/sh\n[ "$2" = add ] && { printf "%s=" "$3"; cat; echo " $4 $5 $6"; } >> told\nexit 0\n',
    );
    await chmod(vercel, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is made with secrets that are admitted, and handed over whole', async () => {
    const [make, hand] = ['cat > .env.production', '< .env.production'].map(
      (part) => blocksOf('sh').find((block) => block.includes(part)) ?? '',
    );
    // What the reader fills in.
    const filled = make?.replaceAll(/…$/gm, 'filled_in_by_the_reader') ?? '';
    expect(filled).not.toBe(make);
    const { status, stderr } = spawnSync('sh', ['-e', '-c', `${filled}\n${hand ?? ''}`], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const text = await readFile(join(folder, '.env.production'), 'utf8');
    const variables = Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(readEnv(variables)).toMatchObject({ WEBHOOK_TIMEOUT_MS: 10_000 });
    const told = await readFile(join(folder, 'told'), 'utf8');
    expect(told).toBe(text.replaceAll('\n', ' production --sensitive --force\n'));
  });
});
