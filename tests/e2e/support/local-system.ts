import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { devFile, type DevFile } from '../../../src/contracts/dev.ts';
import { environment } from '../../../tools/local/environment.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
import { freePort } from '../../../tools/local/ports.ts';
import { signal, waitForExit } from '../../../tools/local/processes.ts';
import { RESULTS } from './paths.ts';

const START_MS = 180_000;
const STOP_MS = 30_000;

/**
 * `npm run dev` as a process of its own, on free ports and with data of its own.
 * @param name of its log
 */
export async function startLocalSystem(name: string): Promise<{ dev: DevFile; stop: () => Promise<void> }> {
  // Not mkdtemp's own: as root, PostgreSQL runs as another user, who must be able to pass.
  const directory = join(tmpdir(), `polaris-e2e-${process.pid}`);
  const child = spawn(process.execPath, [join(projectRoot, 'scripts/dev.ts')], {
    cwd: projectRoot,
    env: environment({
      POLARIS_DATA_DIR: directory,
      PORT: String(await freePort()),
      SUPABASE_API_PORT: String(await freePort()),
      SUPABASE_DB_PORT: String(await freePort()),
      // The tests request more jobs at once than a person would.
      JOB_QUOTA_PER_USER: '50',
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += String(text)));

  const stop = async () => {
    await writeFile(join(RESULTS, `e2e-dev-${name}.log`), output);
    const { pid } = child;
    if (pid !== undefined && signal(pid, 'SIGINT')) {
      const left = await waitForExit([pid], STOP_MS);
      if (left.length > 0) signal(pid, 'SIGKILL');
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const path = join(directory, 'dev.json');
    const deadline = Date.now() + START_MS;
    for (;;) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text !== undefined) {
        return { dev: devFile.parse(JSON.parse(text)), stop };
      }
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the local system does not start: ${output}`);
      }
      await sleep(100);
    }
  } catch (error) {
    await stop();
    throw error;
  }
}
