/**
 * Measures what the product costs, compared with baselines on the same machine. `--json` prints all figures on the last line.
 * `npm run bench -- NAME` measures one of `PARTS` instead.
 */
import { parseArgs } from 'node:util';
import { describeCompression, isWithinLimits, measureCompression } from '../tools/bench/compression.ts';
import { goalsOf, isReached } from '../tools/bench/goals.ts';
import { describeMachine, machine } from '../tools/bench/machine.ts';
import { describeBench } from '../tools/bench/print.ts';
import { bench } from '../tools/bench/whole-run.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError, WrongUse } from '../tools/local/wrong-use.ts';

const step = (text: string) => process.stderr.write(`${text}\n`);
const signal = stopSignal();

/** Reads the arguments, before anything starts. The function that it returns measures, and says whether all goals were reached. */
type Part = (args: string[]) => () => Promise<boolean>;

/** With fewer, the small database of `growth` could not fill each list's page. */
const LEAST_EVENTS = 10_000;
const JSON_OPTION = { json: { type: 'boolean', default: false } } as const;

const PARTS: Readonly<Record<string, Part>> = {
  hostile(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { all: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const [half, ...rest] = positionals;
    if (rest.length > 0 || !['functions', 'database', undefined].includes(half)) {
      throw new WrongUse('hostile takes one of functions and database, or neither, and --all.');
    }
    // The functions without a database, then the database without functions.
    return async () => {
      const { benchHostile } = await import('../tools/bench/hostile.ts');
      const { benchHostileDatabase } = await import('../tools/bench/hostile-database.ts');
      const isWithin = [
        half === 'database' || (await benchHostile(signal, values.all)),
        half === 'functions' || (await benchHostileDatabase(signal, values.all)),
      ];
      return !isWithin.includes(false);
    };
  },
  'lost-runners': (args) => {
    parseArgs({ args });
    return async () => (await import('../tools/bench/lost-runners.ts')).benchLostRunners(signal, step);
  },
  draining(args) {
    parseArgs({ args });
    return async () => (await import('../tools/bench/draining.ts')).benchDraining(signal, step);
  },
  compression(args) {
    const { values } = parseArgs({ args, options: JSON_OPTION });
    return async () => {
      const compression = await measureCompression(signal);
      console.log(describeCompression(compression));
      if (values.json) console.log(JSON.stringify({ compression }));
      return Object.values(compression.refusals).every(isWithinLimits);
    };
  },
  limits(args) {
    parseArgs({ args });
    return async () => (await import('../tools/bench/limits.ts')).benchLimits(signal);
  },
  apply(args) {
    const [folder, ...rest] = parseArgs({ args, allowPositionals: true }).positionals;
    if (rest.length > 0) throw new WrongUse('apply takes one folder at most.');
    return async () => (await import('../tools/bench/apply.ts')).benchApply(signal, folder);
  },
  growth(args) {
    const { values } = parseArgs({ args, options: { events: { type: 'string', default: '1000000' } } });
    const events = Number(values.events);
    if (!Number.isInteger(events) || events < LEAST_EVENTS) {
      throw new WrongUse(`--events is a whole number from ${LEAST_EVENTS}.`);
    }
    return async () => (await import('../tools/bench/growth.ts')).benchGrowth(signal, step, events);
  },
  subscribers(args) {
    parseArgs({ args });
    return async () => {
      const { benchSubscribers } = await import('../tools/bench/subscribers.ts');
      const { benchSubscriberWaits } = await import('../tools/bench/subscriber-waits.ts');
      const isWithin = [await benchSubscribers(signal), await benchSubscriberWaits(signal, step)];
      return !isWithin.includes(false);
    };
  },
};

async function main([name, ...args]: string[]): Promise<boolean> {
  if (name === undefined || name.startsWith('-')) {
    const { values } = parseArgs({ options: JSON_OPTION });
    const result = await bench(signal, step);
    console.log(describeBench(result));
    if (values.json) console.log(JSON.stringify(result));
    return goalsOf(result).every(isReached);
  }
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part === undefined) {
    throw new WrongUse(
      `There is no benchmark ${name}. There are: ${Object.keys(PARTS).join(', ')}; without a name, the whole benchmark.`,
    );
  }
  const measure = part(args);
  console.log(describeMachine(machine()));
  return measure();
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(describeError(error));
}
process.exit();
