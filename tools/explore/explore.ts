import { startThrowawayServer, type ThrowawayServer } from '../db/throwaway.ts';
import { makeBed, type Bed } from './bed.ts';
import { explorePair, type Pair, type PairResult } from './pairs.ts';
import { asTest, describePair } from './print.ts';
import type { Safeguard } from './safeguards.ts';
import { makeScene, type Scene } from './scene.ts';
import { migrate } from '../local/migrate.ts';

/** Each has a database and three connections, and waits more than it works. */
const WORKERS = 4;

export interface Chosen {
  pairs: readonly Pair[];
  broken: readonly Safeguard[];
}

async function prepare(server: ThrowawayServer): Promise<{ bed: Bed; scene: Scene }> {
  const url = await server.createDatabase();
  await migrate(url);
  const bed = await makeBed(url);
  const scene = await makeScene(bed.admin);
  await bed.keep();
  return { bed, scene };
}

/** Whether no order of the pairs went wrong, and each safeguard that was taken out was missed. */
export async function explore({ pairs, broken }: Chosen, signal: AbortSignal): Promise<boolean> {
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
