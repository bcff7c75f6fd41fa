import type { Cpu, Latency } from './result.ts';
import { addCpu, NO_CPU, perCall } from './cpu.ts';

/** Samples of one measurement over several rounds. */
export interface Samples {
  /** Of each call, in milliseconds. */
  latencies: number[];
  /** Total time of the rounds, in milliseconds. */
  elapsedMs: number;
  /** CPU time of the system during the rounds, in milliseconds. */
  cpu: Cpu;
}

export function emptySamples(): Samples {
  return { latencies: [], elapsedMs: 0, cpu: NO_CPU };
}

/** Makes `count` calls from this many concurrent callers and adds their durations; `readCpu` returns the CPU time so far. */
export async function measure(
  samples: Samples,
  { callers, count, readCpu = () => Promise.resolve(NO_CPU) }: MeasureOptions,
  call: () => Promise<void>,
): Promise<void> {
  let left = count;
  const before = await readCpu();
  const started = performance.now();
  async function caller(): Promise<void> {
    while (left > 0) {
      left -= 1;
      const begun = performance.now();
      await call();
      samples.latencies.push(performance.now() - begun);
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  samples.elapsedMs += performance.now() - started;
  samples.cpu = addCpu(samples.cpu, addCpu(await readCpu(), before, -1));
}

interface MeasureOptions {
  callers: number;
  count: number;
  readCpu?: () => Promise<Cpu>;
}

export function summarise({ latencies, elapsedMs, cpu }: Samples): Latency {
  const sorted = [...latencies].sort((one, other) => one - other);
  return {
    p50Ms: round(quantile(sorted, 0.5)),
    p99Ms: round(quantile(sorted, 0.99)),
    perSecond: Math.round((latencies.length / elapsedMs) * 1000),
    cpuMs: perCall(cpu, latencies.length),
  };
}

export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((one, other) => one - other),
    0.5,
  );
}

/** Quantile of values in ascending order: the smallest value that is not exceeded by this share of them. */
export function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error('there is no sample');
  return value;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
