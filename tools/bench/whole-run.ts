import { benchResult, type BenchResult } from './result.ts';
import { measureBatches } from './batch.ts';
import { buildFunctions, importTimes, measureHeap } from './built.ts';
import { measureCompression } from './compression.ts';
import { machine } from './machine.ts';
import { measurePeers } from './peers.ts';
import { startBenchSystem } from './system.ts';
import { measureThroughput } from './throughput.ts';
import { verificationSpeed } from './verification.ts';
import { measureVerify } from './verify.ts';
import { countRestCalls, measureSweep } from './whole-jobs.ts';

/** Runs all measurements of `docs/benchmarks.md`. `step` is called with the name of each step. */
export async function bench(signal: AbortSignal, step: (text: string) => void): Promise<BenchResult> {
  const measuredOn = machine();
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
    machine: { ...measuredOn, postgres: server?.version ?? 'unknown' },
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
