/** Measures what the product costs, beside what the same machine could do at best. `--json`: all of it on the last line. */
import { benchResult } from '../src/contracts/bench.ts';
import { startBed } from './bench/bed.ts';
import { describeCompression, isWithinLimits, measureCompression } from './bench/compression.ts';
import { openHeapProbe } from './bench/heap.ts';
import { importTimes } from './bench/imports.ts';
import { emptySamples, measure } from './bench/measure.ts';
import { describeBench } from './bench/print.ts';
import { newEvent, postEvent } from './bench/sender.ts';
import { measureThroughput } from './bench/throughput.ts';
import { verificationSpeed } from './bench/verification.ts';
import { countRestCalls, measureSweep } from './bench/whole-jobs.ts';
import { stopSignal } from './local/until-stopped.ts';

const REQUESTS = 10_000;
const WARM = 500;

const step = (text: string) => process.stderr.write(`${text}\n`);

async function main(signal: AbortSignal) {
  await using bed = await startBed(step);
  const throughput = await measureThroughput(bed, (text) => {
    signal.throwIfAborted();
    step(text);
  });
  step('counting REST calls');
  const calls = await countRestCalls(bed);
  step('sweeping');
  const sweep50Ms = await measureSweep(bed);
  signal.throwIfAborted();

  step('heap');
  const { alone, reports, secrets } = bed;
  const post = (count: number) =>
    measure(emptySamples(), { callers: 16, count }, () => {
      signal.throwIfAborted();
      return postEvent(alone.url, secrets.webhookSecret, newEvent(reports, 6000), 'applied');
    });
  await post(WARM);
  const probe = await openHeapProbe(alone.pid);
  const heapMB = await probe.read();
  await post(REQUESTS);
  const heapAfter10kMB = await probe.read();
  probe.close();

  step('compressed bodies');
  const compression = await measureCompression(signal);
  step('verification and imports');
  return benchResult.parse({
    ...throughput,
    ...calls,
    sweep50Ms,
    verifyPerSecond: {
      '1024': verificationSpeed(1024),
      '16384': verificationSpeed(16 * 1024),
      '131072': verificationSpeed(128 * 1024),
    },
    compression,
    importMs: await importTimes(),
    heapMB,
    heapAfter10kMB,
  });
}

const signal = stopSignal();
try {
  if (process.argv[2] === 'hostile') {
    // `npm run bench -- hostile`: first the functions, without a database, then the database, without functions.
    const { benchHostile } = await import('./bench/hostile.ts');
    const { benchHostileDatabase } = await import('./bench/hostile-database.ts');
    const all = process.argv.includes('--all');
    const half = process.argv.find((argument) => argument === 'functions' || argument === 'database');
    const isWithin = [
      half === 'database' || (await benchHostile(signal, all)),
      half === 'functions' || (await benchHostileDatabase(signal, all)),
    ];
    if (isWithin.includes(false)) process.exitCode = 1;
  } else if (process.argv[2] === 'lost-runners') {
    const { benchLostRunners } = await import('./bench/lost-runners.ts');
    if (!(await benchLostRunners(signal, step))) process.exitCode = 1;
  } else if (process.argv[2] === 'draining') {
    const { benchDraining } = await import('./bench/draining.ts');
    if (!(await benchDraining(signal, step))) process.exitCode = 1;
  } else if (process.argv[2] === 'compression') {
    const compression = await measureCompression(signal);
    console.log(describeCompression(compression));
    if (process.argv.includes('--json')) console.log(JSON.stringify({ compression }));
    if (!Object.values(compression.refusals).every(isWithinLimits)) process.exitCode = 1;
  } else if (process.argv[2] === 'limits') {
    const { benchLimits } = await import('./bench/limits.ts');
    if (!(await benchLimits(signal))) process.exitCode = 1;
  } else if (process.argv[2] === 'apply') {
    const { benchApply } = await import('./bench/apply.ts');
    if (!(await benchApply(signal, process.argv[3]))) process.exitCode = 1;
  } else if (process.argv[2] === 'growth') {
    const { benchGrowth } = await import('./bench/growth.ts');
    if (!(await benchGrowth(signal, step, process.argv.slice(3)))) process.exitCode = 1;
  } else if (process.argv[2] === 'subscribers') {
    const { benchSubscribers } = await import('./bench/subscribers.ts');
    const { benchSubscriberWaits } = await import('./bench/subscriber-waits.ts');
    const isWithin = [await benchSubscribers(signal), await benchSubscriberWaits(signal, step)];
    if (isWithin.includes(false)) process.exitCode = 1;
  } else {
    const result = await main(signal);
    console.log(describeBench(result));
    if (process.argv.includes('--json')) console.log(JSON.stringify(result));
  }
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(error);
}
process.exit();
