import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { printHistory } from '../../tools/chaos/history/check.ts';
import { createRandom } from '../../tools/chaos/random.ts';
import { randomHistory } from '../support/random-history.ts';

const JOBS = 40;
const TIMEOUT_MS = 600_000;

const root = fileURLToPath(new URL('../..', import.meta.url));

function chaos(...arguments_: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['scripts/chaos.ts', ...arguments_],
      { cwd: root, maxBuffer: 16 * 1024 ** 2, timeout: TIMEOUT_MS },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? 1, output: stdout + stderr });
      },
    );
  });
}

it.each(['rest', 'switching'])(
  `${JOBS} jobs end stored exactly once and all answers are explained, though calls, processes, rows, clocks and an endpoint fail: --store %s`,
  { timeout: TIMEOUT_MS },
  async (store) => {
    const { code, output } = await chaos('--jobs', String(JOBS), '--seed', '1', '--store', store);
    const lastLine = output.trimEnd().split('\n').at(-1) ?? '';
    const told =
      /^chaos: 40 jobs, 40 stored exactly once, 0 lost, 0 duplicated, 0 stuck, 0 overwritten; (\d+) of \d+ calls faulted$/.exec(
        lastLine,
      );
    // The whole report, histories included, is what a person needs to see when it fails.
    expect(told, output).not.toBeNull();
    expect(code, output).toBe(0);
    // Their share depends on the machine: a slow one makes many calls after the last fault, until all is settled.
    expect(Number(told?.[1]), output).toBeGreaterThan(10 * JOBS);
    const [, explained, histories] = /^histories explained +(\d+) of (\d+)$/m.exec(output) ?? [];
    expect(explained, output).toBe(histories);
    expect(Number(histories)).toBeGreaterThan(JOBS / 4);
  },
);

it('checks a history again, and fails by the answers that nothing explains', async () => {
  const random = createRandom(1, 'check');
  const options = { calls: 30, jobs: 4, start: 1_000_000 };
  const right = randomHistory(random, { ...options, report: 'right' });
  const read = {
    call: 'read',
    report: 'wrong',
    begin: 1,
    end: 2,
    answer: { text: 'none', status: 'pending' },
  } as const;
  const directory = await mkdtemp(join(tmpdir(), 'polaris-history-'));
  const path = join(directory, 'history.jsonl');
  try {
    await writeFile(path, printHistory(right));
    const sound = await chaos('--check', path);
    expect(sound.output).toContain('1 of 1');
    expect(sound.code).toBe(0);
    await writeFile(path, printHistory([...right, { ...read, n: right.length }]));
    const unsound = await chaos('--check', path);
    expect(unsound.output).toMatch(/^histories explained +1 of 2$/m);
    expect(unsound.output).toMatch(/report wrong:\n.*\n.*read → text none, pending/);
    expect(unsound.code).toBe(1);
  } finally {
    await rm(directory, { recursive: true });
  }
});
