/**
 * Plays all orders of two calls of the protocol on a real database: `npm run explore` of all pairs, `npm run explore -- STEP` of
 * those with one step, `npm run explore -- STEP STEP` of one pair. `--break NAME` takes a safeguard out of the explorer's copy first,
 * and must find what goes wrong then. Without names, all safeguards are taken out in turn at the end.
 */
import { parseArgs } from 'node:util';
import { explore, type Chosen } from '../tools/explore/explore.ts';
import type { Pair } from '../tools/explore/pairs.ts';
import { SAFEGUARDS } from '../tools/explore/safeguards.ts';
import { STEP_NAMES, type StepName } from '../tools/explore/steps.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

/** @throws {Error} if the name is neither a step nor a safeguard */
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
      throw new Error(`--break takes one of ${names}, and no step: each safeguard has its own pair.`);
    }
    return { pairs: [], broken: [safeguard] };
  }
  return { pairs: pairsOf(steps), broken: steps.length === 0 ? SAFEGUARDS : [] };
}

function pairsOf(steps: readonly StepName[]): Pair[] {
  const [one, other, ...more] = steps;
  if (more.length > 0) throw new Error('Name at most two steps.');
  if (one !== undefined && other !== undefined) return [[one, other]];
  const all = STEP_NAMES.flatMap((first, index) =>
    STEP_NAMES.slice(index).map((second): Pair => [first, second]),
  );
  return one === undefined ? all : all.filter((pair) => pair.includes(one));
}

const signal = stopSignal();
try {
  process.exitCode = (await explore(chosen(), signal)) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(error instanceof Error ? error.message : String(error));
}
