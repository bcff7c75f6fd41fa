import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import type { BenchResult } from './result.ts';
import { CODINGS } from '../../src/contracts/compression.ts';
import { compress } from '../../src/server/deliver/compress.ts';
import { COMPRESSION_CASES, reportOf, type CompressionCase } from './compression-cases.ts';
import { quantile } from './measure.ts';

export const MOST_REFUSAL_MS = 20;
export const MOST_REFUSAL_MB = 4;
const RUNS = 5;
const SIZES = [6000, 200_000, 900_000] as const;

type Compression = BenchResult['compression'];

const measured = z.object({
  code: z.string(),
  ms: z.number(),
  cpuMs: z.number(),
  peakMB: z.number(),
});
const child = fileURLToPath(new URL('./compression-child.ts', import.meta.url));
const run = promisify(execFile);

/** The cost of rejected compressed bodies, and the cost and saving of valid compressed reports. */
export async function measureCompression(signal: AbortSignal): Promise<Compression> {
  const refusals: Compression['refusals'] = {};
  const folder = await mkdtemp(join(tmpdir(), 'polaris-compression-'));
  try {
    for (const each of COMPRESSION_CASES) refusals[each.name] = await measureRefusal(each, folder, signal);
  } finally {
    await rm(folder, { recursive: true });
  }
  const bodies: Compression['bodies'] = {};
  for (const size of SIZES) {
    signal.throwIfAborted();
    const report = reportOf(size);
    for (const coding of CODINGS) {
      const bytes = await compress(coding, report);
      const decompress = coding === 'gzip' ? gunzipSync : zstdDecompressSync;
      bodies[`${coding}, ${size} bytes`] = {
        bytes: bytes.length,
        compressMs: await medianMs(() => compress(coding, report)),
        decompressMs: await medianMs(() => decompress(bytes)),
      };
    }
  }
  return { refusals, bodies };
}

/** The worst of several processes, since a limit holds for each request. CPU time, since other processes may be running. */
async function measureRefusal(
  { name, coding, code, make }: CompressionCase,
  folder: string,
  signal: AbortSignal,
) {
  const file = join(folder, 'body');
  await writeFile(file, await make());
  const worst = { cpuMs: 0, peakMB: 0, ms: 0 };
  for (let count = 0; count < RUNS; count += 1) {
    const { stdout } = await run(process.execPath, ['--expose-gc', child, coding, file], { signal });
    const one = measured.parse(JSON.parse(stdout));
    if (one.code !== code) throw new Error(`${name} was answered ${one.code} instead of ${code}`);
    worst.cpuMs = Math.max(worst.cpuMs, one.cpuMs);
    worst.peakMB = Math.max(worst.peakMB, one.peakMB);
    worst.ms = Math.max(worst.ms, one.ms);
  }
  return { code, ...worst };
}

async function medianMs(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 25; count += 1) {
    const from = performance.now();
    await work();
    times.push(performance.now() - from);
  }
  return quantile(
    times.sort((one, other) => one - other),
    0.5,
  );
}

export function isWithinLimits({ cpuMs, peakMB }: Compression['refusals'][string]): boolean {
  return cpuMs <= MOST_REFUSAL_MS && peakMB <= MOST_REFUSAL_MB;
}

/** Lines that say, among others, whether each refusal was within its limits. */
export function describeCompression({ refusals, bodies }: Compression): string {
  const number = (value: number) => value.toFixed(1).padStart(7);
  return [
    ...Object.entries(refusals).map(
      ([name, one]) =>
        `${isWithinLimits(one) ? 'ok  ' : 'OVER'} ${name.padEnd(46)} ${number(one.cpuMs)} ms CPU ${number(one.ms)} ms ${number(one.peakMB)} MB  ${one.code}`,
    ),
    `The worst of ${RUNS} processes each; at most ${MOST_REFUSAL_MS} ms of CPU and ${MOST_REFUSAL_MB} MB.`,
    ...Object.entries(bodies).map(
      ([name, one]) =>
        `     ${name.padEnd(46)} to ${String(one.bytes).padStart(7)} bytes: compressed in ${one.compressMs.toFixed(2)} ms, decompressed in ${one.decompressMs.toFixed(2)} ms`,
    ),
  ].join('\n');
}
