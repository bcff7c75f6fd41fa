/**
 * Plays all orders of two calls of the protocol on a real database: `npm run explore` of all pairs, `npm run explore -- STEP` of
 * those with one step, `npm run explore -- STEP STEP` of one pair. `--break NAME` takes a safeguard out of the explorer's copy first,
 * and must find what goes wrong then. Without names, all safeguards are taken out in turn at the end.
 */
import { parseArgs } from 'node:util';
import { startThrowawayServer, type ThrowawayServer } from '../tools/db/throwaway.ts';
import { makeBed, type Bed } from '../tools/explore/bed.ts';
import { explorePair, type Pair, type PairResult } from '../tools/explore/pairs.ts';
import { asTest, describePair } from '../tools/explore/print.ts';
import { SAFEGUARDS, type Safeguard } from '../tools/explore/safeguards.ts';
import { makeScene, type Scene } from '../tools/explore/scene.ts';
import { STEP_NAMES, type StepName } from '../tools/explore/steps.ts';
import { migrate } from '../tools/local/migrate.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

/** Each has a database and three connections. */
const WORKERS = 2;

interface Chosen {
  pairs: readonly Pair[];
  broken: readonly Safeguard[];
}

/** @throws {Error} for a name that is none of a step or a safeguard */
function chosen(): Chosen {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { break: { type: 'string' } },
  });
  const steps = positionals.map((name) => {
    const step = STEP_NAMES.find((known) => known === name);
    if (step === undefined) throw new Error(`There is no step ${name}. There are: ${STEP_NAMES.join(', ')}.`);
    return step;
  });
  if (values.break !== undefined) {
    const safeguard = SAFEGUARDS.find(({ name }) => name === values.break);
    if (safeguard === undefined || steps.length > 0) {
      const names = SAFEGUARDS.map(({ name }) => name).join(', ');
      throw new Error(`--break takes one of ${names}, and no step: the pair is known.`);
    }
    return { pairs: [], broken: [safeguard] };
  }
  return { pairs: pairsOf(steps), broken: steps.length === 0 ? SAFEGUARDS : [] };
}

function pairsOf(steps: readonly StepName[]): Pair[] {
  const [one, other, ...more] = steps;
  if (more.length > 0) throw new Error('An order is of two steps.');
  if (one !== undefined && other !== undefined) return [[one, other]];
  const all = STEP_NAMES.flatMap((first, index) =>
    STEP_NAMES.slice(index).map((second): Pair => [first, second]),
  );
  return one === undefined ? all : all.filter((pair) => pair.includes(one));
}

async function prepare(server: ThrowawayServer): Promise<{ bed: Bed; scene: Scene }> {
  const url = await server.createDatabase();
  await migrate(url);
  const bed = await makeBed(url);
  const scene = await makeScene(bed.admin);
  await bed.keep();
  return { bed, scene };
}

async function main(signal: AbortSignal): Promise<boolean> {
  const { pairs, broken } = chosen();
  const began = performance.now();
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startThrowawayServer());
  const workers: { bed: Bed; scene: Scene }[] = [];
  for (let worker = 0; worker < Math.min(WORKERS, Math.max(pairs.length, 1)); worker += 1) {
    const prepared = await prepare(server);
    stack.use(prepared.bed);
    workers.push(prepared);
  }
  const results: PairResult[] = [];
  const left = [...pairs];
  await Promise.all(
    workers.map(async ({ bed, scene }) => {
      for (let pair = left.shift(); pair !== undefined; pair = left.shift()) {
        const result = await explorePair(bed, scene, pair, signal);
        results.push(result);
        console.log(describePair(result));
        for (const failure of result.failures) console.log(asTest(scene, failure));
      }
    }),
  );
  let missed = 0;
  const [worker] = workers;
  if (worker === undefined) throw new Error('there is no database to explore');
  for (const safeguard of broken) {
    if (!(await isNoticed(worker.bed, worker.scene, safeguard, signal))) missed += 1;
  }
  const orders = results.reduce((sum, { orders: count }) => sum + count, 0);
  const failed = results.filter(({ failures, faults }) => failures.length + faults.length > 0);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `explore: ${orders} orders of ${results.length} pairs in ${seconds} s, ${failed.length} pairs failed; ` +
      `${broken.length} safeguards taken out, ${missed} of them unnoticed`,
  );
  return failed.length + missed === 0;
}

/** Whether it is noticed that a safeguard is missing. */
async function isNoticed(
  bed: Bed,
  scene: Scene,
  safeguard: Safeguard,
  signal: AbortSignal,
): Promise<boolean> {
  const putBack = await bed.remove(safeguard);
  const { failures } = await explorePair(bed, scene, safeguard.pair, signal, 1);
  await putBack();
  const [failure] = failures;
  console.log(`without ${safeguard.what}: ${failure ? failure.problems.join('; ') : 'NOTHING FOUND'}`);
  if (failure) console.log(asTest(scene, failure));
  return failure !== undefined;
}

try {
  process.exitCode = (await main(stopSignal())) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
