/**
 * Checks the model of the protocol with Spin: `npm run model` tries every order of events in `docs/model/delivery.pml`. With
 * all safeguards, no assertion may fail. Without any one of them, an assertion must fail; otherwise the model would prove
 * nothing.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../tools/local/paths.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

const MODEL = join(projectRoot, 'docs/model/delivery.pml');
const DEPTH = 1_000_000;
const TIMEOUT_MS = 300_000;

const SAFEGUARDS = [
  ['NO_FENCING', 'without the fencing token'],
  ['NO_IDEMPOTENCY', 'without the idempotency check'],
  ['POST_BEFORE_COMMIT', 'with the POST before the commit'],
  ['NO_ERASED_ID', 'without the id of what is erased'],
] as const;

const run = promisify(execFile);

interface Verdict {
  states: number;
  /** The violated assertion; null if none. */
  violated: string | null;
}

/** Generates the model's checker, compiles it, and searches all states. */
async function check(signal: AbortSignal, define?: string): Promise<Verdict> {
  const cwd = await mkdtemp(join(tmpdir(), 'polaris-model-'));
  try {
    await run('spin', [...(define === undefined ? [] : [`-D${define}`]), '-a', MODEL], { cwd, signal });
    // -w: the generated C code has warnings.
    await run('gcc', ['-w', '-O2', '-o', 'pan', 'pan.c'], { cwd, signal });
    const { stdout } = await run('./pan', [`-m${DEPTH}`], {
      cwd,
      signal,
      timeout: TIMEOUT_MS,
      maxBuffer: 64 * 1024 ** 2,
    });
    const states = /([\d.e+]+) states, stored/.exec(stdout)?.[1];
    const errors = /errors: (\d+)/.exec(stdout)?.[1];
    // The checker stops at the first error. Without an error, it must have searched all states.
    if (errors === undefined || (errors === '0' && /not completed|depth too small/.test(stdout))) {
      throw new Error(`The model was not searched to its end:\n${stdout}`);
    }
    const violated = /pan:\d+: (.*) \(at depth \d+\)/.exec(stdout)?.[1];
    return { states: Number(states), violated: errors === '0' ? null : (violated ?? 'an error') };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

async function main(signal: AbortSignal): Promise<boolean> {
  const sound = await check(signal);
  const states = sound.states.toLocaleString('en');
  console.log(
    `model: ${sound.violated === null ? `holds in all of ${states} states` : `FAILS: ${sound.violated}`}`,
  );
  let isProof = sound.violated === null;
  for (const [define, what] of SAFEGUARDS) {
    const { violated } = await check(signal, define);
    console.log(`${what}: ${violated === null ? 'NOTHING FOUND, the model proves nothing' : violated}`);
    isProof &&= violated !== null;
  }
  return isProof;
}

const signal = stopSignal();
try {
  process.exitCode = (await main(signal)) ? 0 : 1;
} catch (error) {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  if (!signal.aborted)
    console.error(isMissing ? 'Spin and a C compiler are needed: apt-get install spin gcc' : error);
  process.exitCode = signal.aborted ? 130 : 1;
}
