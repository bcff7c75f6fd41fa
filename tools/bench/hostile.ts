import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ENDPOINTS } from './hostile-endpoints.ts';
import { SHAPES } from './hostile-shapes.ts';

const MOST_CPU_MS = 300;
const MOST_MB = 64;

const measured = z.object({
  bytes: z.number(),
  status: z.int(),
  cpuMs: z.number(),
  floorMs: z.number(),
  peakMB: z.number(),
});
const child = fileURLToPath(new URL('./hostile-child.ts', import.meta.url));

async function measure(endpoint: number, shape: number) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    child,
    String(endpoint),
    String(shape),
  ]);
  return measured.parse(JSON.parse(stdout));
}

const round = (value: number) => String(Math.round(value)).padStart(7);

/**
 * Measures what bodies of maximum size that are built to be expensive cost each endpoint, up to the function's first database
 * call. Returns whether all of them are within rule 14.
 */
export async function benchHostile(signal: AbortSignal, all: boolean): Promise<boolean> {
  let isOver = false;
  for (const [shapeIndex, shape] of SHAPES.entries()) {
    let worst: (z.infer<typeof measured> & { endpoint: string }) | undefined;
    let mostMB = 0;
    for (const [index, { name }] of ENDPOINTS.entries()) {
      signal.throwIfAborted();
      const one = await measure(index, shapeIndex);
      mostMB = Math.max(mostMB, one.peakMB);
      if (worst === undefined || one.cpuMs > worst.cpuMs) worst = { ...one, endpoint: name };
      if (all) {
        console.log(`  ${round(one.cpuMs)} ms ${round(one.peakMB)} MB  ${one.status}  ${name}`);
      }
    }
    if (worst === undefined) continue;
    const fits = worst.cpuMs <= MOST_CPU_MS && mostMB <= MOST_MB;
    isOver ||= !fits;
    const ratio = (worst.cpuMs / Math.max(worst.floorMs, 0.1)).toFixed(1);
    console.log(
      `${fits ? 'ok  ' : 'OVER'} ${shape.name.padEnd(38)} ${round(worst.cpuMs)} ms CPU (JSON.parse ${round(worst.floorMs)} ms, ${ratio} times) ${round(mostMB)} MB  ${worst.status} ${worst.endpoint}`,
    );
  }
  console.log(
    `Rule 14 allows ${MOST_CPU_MS} ms of CPU and ${MOST_MB} MB. The worst of ${ENDPOINTS.length} endpoints is shown; --all shows each.`,
  );
  return !isOver;
}
