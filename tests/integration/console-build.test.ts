import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { build } from 'vite';
import { projectRoot } from '../../tools/local/paths.ts';

const folders: string[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function built(supabaseUrl: string): Promise<{ page: string; assets: string[] }> {
  vi.stubEnv('VITE_SUPABASE_URL', supabaseUrl);
  const outDir = await mkdtemp(join(tmpdir(), 'polaris-build-'));
  folders.push(outDir);
  await build({
    root: projectRoot,
    configFile: join(projectRoot, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir, emptyOutDir: true },
  });
  return {
    page: await readFile(join(outDir, 'index.html'), 'utf8'),
    assets: await readdir(join(outDir, 'assets')),
  };
}

describe('the build of the console', () => {
  it('writes a policy with its own Supabase project, before anything else, and hashes every asset', async () => {
    const { page, assets } = await built(' https://project.supabase.co\n');
    const [, policy = ''] =
      /<head>\s*<meta http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
    expect(policy.replaceAll('&#39;', "'").split('; ')).toContain(
      "connect-src 'self' https://project.supabase.co wss://project.supabase.co",
    );
    expect(policy).not.toMatch(/\*|unsafe/);
    expect(assets.length).toBeGreaterThan(1);
    // They are cached for ever.
    expect(assets.filter((name) => !/-[A-Za-z0-9_-]{8}\.[a-z0-9]+$/.test(name))).toEqual([]);
  });

  it('fails for an address that no browser can connect to, and names the variable', async () => {
    await expect(built('https://user:pw@project.supabase.co')).rejects.toThrow(
      'VITE_SUPABASE_URL: must not contain a user name or a password',
    );
  });
});
