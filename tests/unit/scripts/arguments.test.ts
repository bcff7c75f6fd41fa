import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { environment } from '../../../tools/local/environment.ts';
import { projectRoot } from '../../../tools/local/paths.ts';

const UNKNOWN = "Unknown option '--wrong'";
const UNEXPECTED = "Unexpected argument 'wrong'";

it.each<[string, string[], string]>([
  [
    'bench',
    ['hostle'],
    'There is no benchmark hostle. There are: hostile, lost-runners, draining, compression, ',
  ],
  ['bench', ['--jsn'], "Unknown option '--jsn'"],
  ['bench', ['--json', 'hostile'], "Unexpected argument 'hostile'"],
  ['bench', ['hostile', 'wrong'], 'hostile takes one of functions and database'],
  ['bench', ['growth', '--events', '5'], '--events is a whole number from 10000.'],
  ['bench', ['apply', 'one', 'two'], 'apply takes one folder at most.'],
  ['bench', ['limits', 'wrong'], UNEXPECTED],
  ['bench-console', ['--wrong'], UNKNOWN],
  ['bench-sweep', ['--wrong'], UNKNOWN],
  ['bench-upgrade', ['--wrong'], UNKNOWN],
  ['bench-upgrade', ['--reports', '5'], '--reports is a whole number from 300 to 1000000.'],
  ['chaos', ['--wrong'], UNKNOWN],
  ['chaos', ['--jobs', '0'], 'Usage: npm run chaos'],
  ['chaos', ['--subscribers', '-1'], "Option '--subscribers' argument is ambiguous."],
  ['chaos', ['--store', 'wrong'], '--store is one of'],
  ['db-check', ['--wrong'], UNKNOWN],
  ['db-migration', ['--wrong'], UNKNOWN],
  ['db-migration', ['name'], 'npm run db:migration -- <name> "<why>"'],
  ['db-release', ['--wrong'], UNKNOWN],
  ['demo', ['--wrong'], UNKNOWN],
  ['demo', ['--store', 'wrong'], '--store is one of rest, direct.'],
  ['dev', ['--wrong'], UNKNOWN],
  ['dev', ['--fresh', '--store', 'wrong'], '--store is one of rest, direct.'],
  ['doctor', ['--wrong'], UNKNOWN],
  ['drill', ['wrong'], 'There is no drill wrong.'],
  ['explore', ['wrong'], 'There is no step wrong.'],
  ['seed-large', ['wrong'], UNEXPECTED],
  ['upgrade', ['--help'], "Unknown option '--help'"],
  ['verify', ['--wrong'], UNKNOWN],
])('scripts/%s.ts refuses the arguments %j, and prints no stack', async (name, args, message) => {
  // No folder can be made there: a program that accepts its arguments fails early, and changes nothing.
  const env = environment({ TMPDIR: '/dev/null/tmp', POLARIS_DATA_DIR: '/dev/null/data' });
  const program = join(projectRoot, `scripts/${name}.ts`);
  const failed = await promisify(execFile)(process.execPath, [program, ...args], {
    env,
    timeout: 25_000,
  }).then(
    () => undefined,
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
  const said = `${failed?.stdout ?? ''}${failed?.stderr ?? ''}`;
  expect(said.startsWith(message)).toBe(true);
  expect(said).not.toMatch(/^ +at /m);
  expect(failed?.code).toBe(1);
});
