import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const JOBS = 40;
const TIMEOUT_MS = 600_000;

const root = fileURLToPath(new URL('../..', import.meta.url));

it.each(['rest', 'switching'])(
  `${JOBS} jobs end stored exactly once, though calls, processes, rows, clocks and an endpoint fail: --store %s`,
  { timeout: TIMEOUT_MS },
  async (store) => {
    const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        ['scripts/chaos.ts', '--jobs', String(JOBS), '--seed', '1', '--store', store],
        { cwd: root, maxBuffer: 16 * 1024 ** 2, timeout: TIMEOUT_MS },
        (_error, stdout, stderr) => {
          resolve({ code: child.exitCode ?? 1, output: stdout + stderr });
        },
      );
    });
    const lastLine = output.trimEnd().split('\n').at(-1) ?? '';
    const told =
      /^chaos: 40 jobs, 40 stored exactly once, 0 lost, 0 duplicated, 0 stuck, 0 overwritten; (\d+) of (\d+) calls faulted$/.exec(
        lastLine,
      );
    // The whole report, histories included, is what a person needs to see when it fails.
    expect(told, output).not.toBeNull();
    expect(code, output).toBe(0);
    const [faulted, calls] = [Number(told?.[1]), Number(told?.[2])];
    expect(faulted / calls).toBeGreaterThan(0.3);
  },
);
