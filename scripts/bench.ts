/** Measures what the product costs, compared with baselines on the same machine. `--json` prints all figures on the last line. */
import { describeCompression, isWithinLimits, measureCompression } from '../tools/bench/compression.ts';
import { goalsOf, isReached } from '../tools/bench/goals.ts';
import { describeMachine, machine } from '../tools/bench/machine.ts';
import { describeBench } from '../tools/bench/print.ts';
import { bench } from '../tools/bench/whole-run.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

const step = (text: string) => process.stderr.write(`${text}\n`);
const signal = stopSignal();
try {
  // The whole run prints it with its figures.
  if (process.argv[2] !== undefined && !process.argv[2].startsWith('-'))
    console.log(describeMachine(machine()));
  if (process.argv[2] === 'hostile') {
    // `npm run bench -- hostile` measures the functions without a database, then the database without functions.
    const { benchHostile } = await import('../tools/bench/hostile.ts');
    const { benchHostileDatabase } = await import('../tools/bench/hostile-database.ts');
    const all = process.argv.includes('--all');
    const half = process.argv.find((argument) => argument === 'functions' || argument === 'database');
    const isWithin = [
      half === 'database' || (await benchHostile(signal, all)),
      half === 'functions' || (await benchHostileDatabase(signal, all)),
    ];
    if (isWithin.includes(false)) process.exitCode = 1;
  } else if (process.argv[2] === 'lost-runners') {
    const { benchLostRunners } = await import('../tools/bench/lost-runners.ts');
    if (!(await benchLostRunners(signal, step))) process.exitCode = 1;
  } else if (process.argv[2] === 'draining') {
    const { benchDraining } = await import('../tools/bench/draining.ts');
    if (!(await benchDraining(signal, step))) process.exitCode = 1;
  } else if (process.argv[2] === 'compression') {
    const compression = await measureCompression(signal);
    console.log(describeCompression(compression));
    if (process.argv.includes('--json')) console.log(JSON.stringify({ compression }));
    if (!Object.values(compression.refusals).every(isWithinLimits)) process.exitCode = 1;
  } else if (process.argv[2] === 'limits') {
    const { benchLimits } = await import('../tools/bench/limits.ts');
    if (!(await benchLimits(signal))) process.exitCode = 1;
  } else if (process.argv[2] === 'apply') {
    const { benchApply } = await import('../tools/bench/apply.ts');
    if (!(await benchApply(signal, process.argv[3]))) process.exitCode = 1;
  } else if (process.argv[2] === 'growth') {
    const { benchGrowth } = await import('../tools/bench/growth.ts');
    if (!(await benchGrowth(signal, step, process.argv.slice(3)))) process.exitCode = 1;
  } else if (process.argv[2] === 'subscribers') {
    const { benchSubscribers } = await import('../tools/bench/subscribers.ts');
    const { benchSubscriberWaits } = await import('../tools/bench/subscriber-waits.ts');
    const isWithin = [await benchSubscribers(signal), await benchSubscriberWaits(signal, step)];
    if (isWithin.includes(false)) process.exitCode = 1;
  } else {
    const result = await bench(signal, step);
    console.log(describeBench(result));
    if (process.argv.includes('--json')) console.log(JSON.stringify(result));
    if (!goalsOf(result).every(isReached)) process.exitCode = 1;
  }
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(error);
}
process.exit();
