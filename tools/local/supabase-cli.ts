import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from './environment.ts';
import { dependency, projectRoot } from './paths.ts';

/** The CLI failed; the message contains its output. */
class SupabaseCliError extends Error {
  override name = 'SupabaseCliError';
}

/** Runs the Supabase CLI on the project; returns its standard output. */
export async function supabase(args: readonly string[], workdir = projectRoot): Promise<string> {
  // The CLI writes its state into the home folder: use a temporary one.
  const home = await mkdtemp(join(tmpdir(), 'polaris-cli-'));
  try {
    return await run(args, workdir, home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function run(args: readonly string[], workdir: string, home: string): Promise<string> {
  const cli = dependency('supabase/dist/supabase.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args, '--workdir', workdir], {
      env: environment({ HOME: home, DO_NOT_TRACK: '1', SUPABASE_TELEMETRY_DISABLED: '1', NO_COLOR: '1' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new SupabaseCliError(`supabase ${args.slice(0, 2).join(' ')} failed:\n${output}${errors}`));
    });
  });
}
