/**
 * Breaks everything at once, and counts: `npm run chaos -- --jobs N --seed S [--subscribers N] [--store rest|direct|switching]`.
 * `--check FILE` checks the history of an earlier run again. Starts the whole local system as separate processes, and drives N
 * jobs through HTTP. Meanwhile about half of all calls fail; hosts are killed and the database is
 * restarted; rows are locked, odd, or deleted with their accounts; bodies are hostile, clocks are set, endpoints hang. Ends when
 * everything has settled. Exit status 0 only if every result is stored exactly once, and every kind of trouble happened.
 */
import { parseArgs } from 'node:util';
import { chaos, outliveBrokenConnections, print, type Arguments } from '../tools/chaos/chaos.ts';
import { STORES } from '../tools/chaos/system.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError, WrongUse } from '../tools/local/wrong-use.ts';

/** @throws {WrongUse} and the errors of `parseArgs` */
function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      subscribers: { type: 'string', default: '0' },
      store: { type: 'string', default: 'rest' },
      check: { type: 'string' },
    },
  });
  const count = Number(values.jobs);
  const seed = Number(values.seed);
  const subscriberCount = Number(values.subscribers);
  if (!Number.isInteger(subscriberCount) || subscriberCount < 0 || subscriberCount > 100) {
    throw new WrongUse('--subscribers is a whole number from 0 to 100.');
  }
  if (!Number.isInteger(count) || count < 1 || count > 100_000 || !Number.isInteger(seed)) {
    throw new WrongUse('Usage: npm run chaos -- --jobs N --seed S, both whole numbers, N from 1 to 100000.');
  }
  const store = STORES.find((each) => each === values.store);
  if (store === undefined) throw new WrongUse(`--store is one of ${STORES.join(', ')}.`);
  return { count, seed, subscriberCount, store, check: values.check };
}

outliveBrokenConnections();
const signal = stopSignal();
try {
  process.exitCode = (await chaos(signal, readArguments())) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) print(describeError(error));
}
process.exit();
