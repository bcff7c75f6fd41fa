import { spawn } from 'node:child_process';
import { projectRoot } from '../../tools/local/paths.ts';
import type { TestSystem } from './system.ts';

interface Said {
  code: number | null;
  out: string;
  error: string;
}

/** Runs `npm run polaris -- …` against a system, with its own data directory. `change` adds to the environment. */
export type Polaris = (
  args: readonly string[],
  input?: string,
  change?: Readonly<Record<string, string>>,
) => Promise<Said>;

export function polarisCommand(system: TestSystem, directory: string): Polaris {
  const { url, publishableKey } = system.supabase;
  return (args, input = '', change = {}) => {
    const child = spawn(process.execPath, ['scripts/polaris.ts', ...args], {
      cwd: projectRoot,
      env: {
        ...process.env,
        SUPABASE_URL: url,
        SUPABASE_PUBLISHABLE_KEY: publishableKey,
        WEBHOOK_BASE_URL: system.url('/api/webhooks'),
        POLARIS_DATA_DIR: directory,
        ...change,
      },
    });
    child.stdin.end(input);
    const said = { out: '', error: '' };
    child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said.error += chunk.toString()));
    return new Promise((resolve) => {
      child.on('close', (code) => {
        resolve({ code, ...said });
      });
    });
  };
}
