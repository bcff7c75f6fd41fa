/**
 * Loaded into every function's process ahead of its code (`node --import`): each call that leaves the process, to the database
 * or the network, is two steps, before and after it. Every step is written down, and at the one that the plan names the
 * process is killed. So the list of steps is what the running code does, and no new step can be left out of it.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = process.env['POLARIS_CRASH_POINTS'];
const entrypoint = process.env['VERCEL_DEV_ENTRYPOINT'];

if (directory !== undefined && entrypoint !== undefined) {
  const callOriginal = globalThis.fetch;
  const steps = join(directory, 'steps');

  const pass = (step: string) => {
    const line = `${entrypoint}: ${step}`;
    appendFileSync(steps, `${line}\n`);
    const nth = readFileSync(steps, 'utf8')
      .split('\n')
      .filter((other) => other === line).length;
    if (readFileSync(join(directory, 'plan'), 'utf8') === `${line} #${nth}`) {
      appendFileSync(join(directory, 'killed'), 'killed\n');
      process.kill(process.pid, 'SIGKILL');
      // The signal may take a moment; nothing more must happen meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
  };

  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    pass(`before ${url.pathname}`);
    const answer = await callOriginal(input, init);
    pass(`after ${url.pathname}`);
    return answer;
  };
}
