import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '../local/environment.ts';
import { projectRoot } from '../local/paths.ts';
import { quantile, round } from './measure.ts';

const RUNS = 5;

/** How long each function takes to import in a new process, in milliseconds; the median of five. */
export async function importTimes(): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const path of globSync('api/**/*.ts', { cwd: projectRoot }).sort()) {
    const url = pathToFileURL(join(projectRoot, path)).href;
    const program = `const t = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - t)`;
    const runs: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '--eval', program],
        { env: environment() },
      );
      runs.push(Number(stdout));
    }
    times[path] = round(
      quantile(
        runs.sort((one, other) => one - other),
        0.5,
      ),
    );
  }
  return times;
}
