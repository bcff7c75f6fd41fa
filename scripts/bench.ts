/** Measures what the product costs, beside what the same machine could do at best. `--json`: all of it on the last line. */
import { cpus, loadavg } from 'node:os';
import { benchResult, type BenchResult } from '../src/contracts/bench.ts';
import { measureBatches } from '../tools/bench/batch.ts';
import { buildFunctions, importTimes, measureHeap } from '../tools/bench/built.ts';
import { describeCompression, isWithinLimits, measureCompression } from '../tools/bench/compression.ts';
import { goalsOf, isReached } from '../tools/bench/goals.ts';
import { measurePeers } from '../tools/bench/peers.ts';
import { describeBench } from '../tools/bench/print.ts';
import { startBenchSystem } from '../tools/bench/system.ts';
import { measureThroughput } from '../tools/bench/throughput.ts';
import { verificationSpeed } from '../tools/bench/verification.ts';
import { measureVerify } from '../tools/bench/verify.ts';
import { countRestCalls, measureSweep } from '../tools/bench/whole-jobs.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

const step = (text: string) => process.stderr.write(`${text}\n`);

async function main(signal: AbortSignal): Promise<BenchResult> {
  const loadBefore = loadavg()[0] ?? 0;
  await using system = await startBenchSystem(step);
  const checked = (text: string) => {
    signal.throwIfAborted();
    step(text);
  };
  const { sql, secrets } = system.ground;
  const [server] = await sql<{ version: string }[]>`select current_setting('server_version') as version`;
  const throughput = await measureThroughput(system, checked);
  const batch = await measureBatches(system, checked);
  const peers = await measurePeers(system, signal, checked);
  checked('counting REST calls');
  const calls = await countRestCalls(system);
  checked('sweeping');
  const sweep50Ms = {
    rest: await measureSweep({ sql, secrets, url: system.rest }),
    direct: await measureSweep({ sql, secrets, url: system.direct }),
  };
  checked('building functions');
  await using built = await buildFunctions();
  checked('heap of a built function');
  const heap = await measureHeap(built, system, signal);
  checked('imports of built functions');
  const importMs = await importTimes(built);
  checked('verify_reports()');
  const verify = await measureVerify(system);
  checked('compressed bodies');
  const compression = await measureCompression(signal);
  checked('verification of signatures');
  return benchResult.parse({
    machine: {
      cores: cpus().length,
      cpu: cpus()[0]?.model ?? 'unknown',
      node: process.versions.node,
      postgres: server?.version ?? 'unknown',
      loadBefore,
    },
    ...throughput,
    ...calls,
    batch,
    peers,
    sweep50Ms,
    verify,
    verifyPerSecond: {
      '1024': verificationSpeed(1024),
      '16384': verificationSpeed(16 * 1024),
      '131072': verificationSpeed(128 * 1024),
    },
    compression,
    importMs,
    ...heap,
  });
}

const signal = stopSignal();
try {
  if (process.argv[2] === 'hostile') {
    // `npm run bench -- hostile`: first the functions, without a database, then the database, without functions.
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
    const result = await main(signal);
    console.log(describeBench(result));
    if (process.argv.includes('--json')) console.log(JSON.stringify(result));
    if (!goalsOf(result).every(isReached)) process.exitCode = 1;
  }
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(error);
}
process.exit();
