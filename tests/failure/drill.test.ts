import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const TIMEOUT_MS = 600_000;

const root = fileURLToPath(new URL('../..', import.meta.url));

function drill(
  names: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string; lines: string[] }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['scripts/drill.ts', ...names],
      { cwd: root, env: { ...process.env, ...env }, timeout: TIMEOUT_MS },
      (_error, stdout, stderr) => {
        const output = stdout + stderr;
        resolve({ code: child.exitCode ?? 1, output, lines: output.trimEnd().split('\n') });
      },
    );
  });
}

it(
  'a broken rule fires its alert in time, which resolves, and nothing fires while the rule works',
  { timeout: TIMEOUT_MS },
  async () => {
    const { code, output, lines } = await drill(['rule-broken']);
    expect(output).toMatch(
      /^ok {5}rule-broken: .*\n {9}rule_failing: fired after \d+ s, resolved after \d+ s, silent without it$/m,
    );
    expect(lines.at(-1)).toBe('1 drills, 0 failed');
    expect(code, output).toBe(0);
  },
);

it('refuses a name that is no drill’s, and says which there are', async () => {
  const { code, output } = await drill(['rule-broken', 'rule-bent']);
  expect(output).toMatch(/^There is no drill rule-bent\. There are: .*endpoint-down.*rule-broken.*\.$/m);
  expect(code).toBe(1);
});

it('refuses to break a project that somebody named', async () => {
  const { code, output } = await drill(['rule-broken'], { SUPABASE_URL: 'https://example.supabase.co' });
  expect(output).toContain(
    'Drills break things, so they run only in their own local system: unset SUPABASE_URL.',
  );
  expect(code).toBe(1);
});
