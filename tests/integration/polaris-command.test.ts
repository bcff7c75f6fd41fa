import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'polaris-command-'));
  system = await startTestSystem({ functions: [] });
});
afterAll(async () => {
  await system.stop();
  await rm(directory, { recursive: true });
});

function polaris(args: string[], input = '') {
  const { url, publishableKey } = system.supabase;
  const child = spawn(process.execPath, ['scripts/polaris.ts', ...args], {
    cwd: projectRoot,
    env: {
      ...process.env,
      SUPABASE_URL: url,
      SUPABASE_PUBLISHABLE_KEY: publishableKey,
      POLARIS_DATA_DIR: directory,
    },
  });
  child.stdin.end(input);
  const said = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.error += chunk.toString()));
  return new Promise<{ code: number | null; out: string; error: string }>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, ...said });
    });
  });
}

const sessionPath = () => join(directory, 'session.json');

describe('npm run polaris', () => {
  it.each([[[]], [['trace']], [['trace', 'a', 'b']], [['constructor']], [['erase', 'x']]])(
    'says how it is used when it is called with %j',
    async (args) => {
      const { code, error } = await polaris(args);
      expect(code).toBe(1);
      expect(error).toContain('Usage: npm run polaris -- COMMAND');
    },
  );

  it('shows a trace to an operator who is signed in, until they sign out', async () => {
    const operator = await system.createOperator();
    expect((await polaris(['trace', 'x'])).error).toContain('Nobody is signed in');
    expect(await polaris(['sign-in', operator.email], `${operator.password}\n`)).toMatchObject({
      code: 0,
      out: `Signed in as ${operator.email}.\n`,
    });
    // Read and written by its owner alone: whoever has it is the operator.
    expect((await stat(sessionPath())).mode & 0o777).toBe(0o600);
    expect(await readFile(sessionPath(), 'utf8')).not.toContain(operator.password);

    const { reportId } = await system.createReport();
    const trace = 'ab'.repeat(16);
    await system.sql`
      select public.request_report_job(
        'job_shown', 'pipeline', 'p', true, 60, 5, 'org', ${reportId}::uuid, 'prelim', p_trace_id => ${trace})`;
    await system.sql`select public.complete_report_job('job_shown', 'failed', 60, 1, p_error => 'No model.')`;
    const { code, out } = await polaris(['trace', reportId]);
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^trace ${trace}, .*\\n +\\+0 ms +\\d+ ms +job job_shown prelim failed: No model\\.\\n +\\+\\d+ ms +not over +event \\S+ not applied\\n$`,
      ),
    );
    expect((await polaris(['trace', 'unknown'])).out).toBe('Nothing is known by this id.\n');

    expect(await polaris(['sign-out'])).toMatchObject({ code: 0 });
    expect((await polaris(['trace', reportId])).code).toBe(1);
  });

  it('signs in neither with a wrong password nor as a user who is no operator, and then keeps nothing', async () => {
    const user = await system.createUser();
    const wrong = await polaris(['sign-in', user.email], 'wrong\n');
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.error).toContain('could not be signed in');
    const refused = await polaris(['sign-in', user.email], `${user.password}\n`);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.error).toContain('is no operator');
    await expect(stat(sessionPath())).rejects.toThrow('ENOENT');
  });
});
